package install

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/common/model"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/internal/probe"
)

// monitored are base and the component for the Prometheus Operator, in another namespace too.
var monitored = map[string]string{
	"holdfast-system": "resources: [MANIFESTS/base]\ncomponents: [MANIFESTS/components/monitoring]",
	"canary-system":   "namespace: canary-system\nresources: [MANIFESTS/base]\ncomponents: [MANIFESTS/components/monitoring]\ntransformers: [MANIFESTS/transformers/namespace]",
}

// TestTheServiceMonitor is the same by Helm and by kustomize, has no field that the operator does
// not know, and finds the port of the metrics, once.
func TestTheServiceMonitor(t *testing.T) {
	t.Parallel()
	for namespace, content := range monitored {
		id := "ServiceMonitor.monitoring.coreos.com " + namespace + "/holdfast"
		all := kustomize(t, overlay(t, content))
		for _, helm := range helms {
			got := helmTemplate(t, helm, namespace, "--set=serviceMonitor.enabled=true,serviceMonitor.interval=15s")
			if diff := cmp.Diff(all[id], got[id]); diff != "" {
				t.Errorf("%s installs another %s (-kustomize +helm):\n%s", helm, id, diff)
			}
			if got := helmTemplate(t, helm, namespace); got[id] != nil {
				t.Errorf("%s installs %s unasked, which needs the operator's kinds", helm, id)
			}
		}
		var monitor monitoringv1.ServiceMonitor
		strict(t, all[id], &monitor)
		wantDuration(t, string(monitor.Spec.Endpoints[0].Interval))
		if ports := scraped(t, all, namespace, monitor.Spec); !slices.Equal(ports, []string{"metrics"}) {
			t.Errorf("%s has the ports %q of containers scraped", id, ports)
		}
	}
}

// TestThePodMonitor is the same by Helm and by kustomize, has no field that the operator does not know, and
// scrapes the probes of pods wherever they are.
func TestThePodMonitor(t *testing.T) {
	t.Parallel()
	for namespace, content := range monitored {
		id := "PodMonitor.monitoring.coreos.com " + namespace + "/holdfast-probes"
		all := kustomize(t, overlay(t, content))
		for _, helm := range helms {
			got := helmTemplate(t, helm, namespace, "--set=podMonitor.enabled=true,podMonitor.interval=15s")
			if diff := cmp.Diff(all[id], got[id]); diff != "" {
				t.Errorf("%s installs another %s (-kustomize +helm):\n%s", helm, id, diff)
			}
			if got := helmTemplate(t, helm, namespace); got[id] != nil {
				t.Errorf("%s installs %s unasked, which needs the operator's kinds", helm, id)
			}
		}
		var monitor monitoringv1.PodMonitor
		strict(t, all[id], &monitor)
		endpoint := monitor.Spec.PodMetricsEndpoints[0]
		wantDuration(t, string(endpoint.Interval))
		if endpoint.Port == nil || *endpoint.Port != probe.MetricsPortName || endpoint.HonorLabels || !monitor.Spec.NamespaceSelector.Any {
			t.Errorf("%s scrapes %+v", id, monitor.Spec)
		}
	}
}

// TestTheServiceMonitorHasYourLabels, by which a Prometheus may select it.
func TestTheServiceMonitorHasYourLabels(t *testing.T) {
	t.Parallel()
	for _, helm := range helms {
		var monitor monitoringv1.ServiceMonitor
		all := helmTemplate(t, helm, "holdfast-system", "--set=serviceMonitor.enabled=true,serviceMonitor.labels.release=kube-prometheus")
		strict(t, all["ServiceMonitor.monitoring.coreos.com holdfast-system/holdfast"], &monitor)
		if monitor.Labels["release"] != "kube-prometheus" || monitor.Spec.Endpoints[0].Interval != "" {
			t.Errorf("%s: %v scrapes every %q", helm, monitor.Labels, monitor.Spec.Endpoints[0].Interval)
		}
	}
}

// TestTheAlertsAreRules as the operator reads them. When they fire is another test's, in
// test/engine/monitoring.
func TestTheAlertsAreRules(t *testing.T) {
	t.Parallel()
	for namespace, content := range monitored {
		var rules monitoringv1.PrometheusRule
		strict(t, kustomize(t, overlay(t, content))["PrometheusRule.monitoring.coreos.com "+namespace+"/holdfast"], &rules)
		alerts := 0
		for _, group := range rules.Spec.Groups {
			for _, rule := range group.Rules {
				alerts++
				if rule.For != nil {
					wantDuration(t, string(*rule.For))
				}
			}
		}
		if alerts < 5 {
			t.Errorf("in %s there are %d alerts only", namespace, alerts)
		}
	}
}

// scraped are the names of the containers' ports that a ServiceMonitor finds.
func scraped(t *testing.T, all objects, namespace string, monitor monitoringv1.ServiceMonitorSpec) (ports []string) {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(&monitor.Selector)
	if err != nil {
		t.Fatal(err)
	}
	var deployment appsv1.Deployment
	strict(t, all["Deployment.apps "+namespace+"/holdfast"], &deployment)
	pod := deployment.Spec.Template
	for _, name := range []string{"holdfast-webhook", "holdfast-metrics"} {
		var service corev1.Service
		strict(t, all["Service "+namespace+"/"+name], &service)
		if !selector.Matches(labels.Set(service.Labels)) || !labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pod.Labels)) {
			continue
		}
		for _, port := range service.Spec.Ports {
			named := func(p corev1.ContainerPort) bool { return p.Name == port.TargetPort.StrVal }
			if port.Name == monitor.Endpoints[0].Port && slices.ContainsFunc(pod.Spec.Containers[0].Ports, named) {
				ports = append(ports, port.TargetPort.StrVal)
			}
		}
	}
	return ports
}

// strict decodes an object; a field that its type does not have is a mistake.
func strict(t *testing.T, object map[string]any, into any) {
	t.Helper()
	text, err := json.Marshal(object)
	if err == nil {
		err = yaml.UnmarshalStrict(text, into)
	}
	if err != nil || object == nil {
		t.Fatalf("%T: %v\n%s", into, err, text)
	}
}

func wantDuration(t *testing.T, text string) {
	t.Helper()
	if _, err := model.ParseDuration(text); err != nil {
		t.Error(err)
	}
}
