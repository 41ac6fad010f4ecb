package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"holdfast.dev/holdfast/test/cluster/control"
)

// prometheusConfig scrapes, every second, the running pods that ask for it by the usual annotations.
const prometheusConfig = `global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
rule_files: [RULES]
scrape_configs:
- job_name: kubernetes-pods
  kubernetes_sd_configs:
  - role: pod
    kubeconfig_file: KUBECONFIG
  relabel_configs:
  - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape]
    regex: "true"
    action: keep
  - source_labels: [__meta_kubernetes_pod_phase]
    regex: Running
    action: keep
  - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scheme]
    regex: (https?)
    target_label: __scheme__
  - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_path]
    regex: (.+)
    target_label: __metrics_path__
  - source_labels: [__meta_kubernetes_pod_ip, __meta_kubernetes_pod_annotation_prometheus_io_port]
    separator: ":"
    regex: (.+:\d+)
    target_label: __address__
  - source_labels: [__meta_kubernetes_namespace]
    target_label: namespace
  - source_labels: [__meta_kubernetes_pod_name]
    target_label: pod
  - source_labels: [__meta_kubernetes_pod_node_name]
    target_label: node
  tls_config:
    insecure_skip_verify: true
`

// prometheusRules has the alert that scenarios with alerts are about.
const prometheusRules = `groups:
- name: app
  rules:
  - alert: AppFails
    expr: sum by (namespace, pod) (rate(http_requests_total{code="500"}[4s])) > 0
    labels: {severity: critical}
`

func prometheusConfigFile(state control.State) string {
	return filepath.Join(state.Dir, "prometheus.yaml")
}

func writePrometheusConfig(state control.State) error {
	rules := filepath.Join(state.Dir, "prometheus-rules.yaml")
	if err := os.WriteFile(rules, []byte(prometheusRules), 0o600); err != nil {
		return fmt.Errorf("write rules of Prometheus: %w", err)
	}
	content := strings.NewReplacer("KUBECONFIG", filepath.Join(state.PKI(), fileAdmin+".kubeconfig"), "RULES", rules).Replace(prometheusConfig)
	if err := os.WriteFile(prometheusConfigFile(state), []byte(content), 0o600); err != nil {
		return fmt.Errorf("write Prometheus configuration: %w", err)
	}
	return nil
}
