package backends

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// meter is what measures the requests of pods, and how it names what it counts.
type meter struct {
	// source is what plans call it, "" for the application itself.
	source, requests, durations string
	// labels are those of all its series; SET and TENANT in them stand for those of a pod.
	labels string
	// good and bad are the label of what succeeded and failed.
	good, bad string
	// perSecond is what a second is in its durations.
	perSecond float64
}

var meters = []meter{
	{"", "http_requests_total", "http_request_duration_seconds", "", `code="200"`, `code="500"`, 1},
	{"Istio", "istio_requests_total", "istio_request_duration_milliseconds", `reporter="destination"`, `response_code="200"`, `response_code="500"`, 1000},
	{"Linkerd", "response_total", "response_latency_ms", `direction="inbound"`, `classification="success"`, `classification="failure"`, 1000},
	{
		"NGINXIngress", "nginx_ingress_controller_requests", "nginx_ingress_controller_request_duration_seconds",
		`namespace="TENANT",service="SET"`, `status="200"`, `status="500"`, 1,
	},
	{
		"EnvoyGateway", "envoy_cluster_upstream_rq_xx", "envoy_cluster_upstream_rq_time",
		`envoy_cluster_name="httproute/TENANT/SET/rule/0"`, `envoy_response_code_class="2"`, `envoy_response_code_class="5"`, 1000,
	},
	{
		"Traefik", "traefik_service_requests_total", "traefik_service_request_duration_seconds",
		`service="TENANT-SET-80@kubernetes"`, `code="200"`, `code="500"`, 1,
	},
}

// export writes what has been counted of a pod until the world is so old.
func (m meter) export(w io.Writer, p pod, since time.Duration) {
	common := strings.NewReplacer("SET", p.set, "TENANT", p.namespace()).Replace(m.labels)
	line := func(name, label string, value float64) {
		fmt.Fprintf(w, "%s{%s} %g\n", name, strings.Trim(common+","+label, ","), value)
	}
	total := (since - p.begins).Seconds() * perSecond
	bad := total * p.failing
	fmt.Fprintf(w, "# TYPE %s counter\n", m.requests)
	line(m.requests, m.good, float64(int(total-bad)))
	if p.failing > 0 {
		line(m.requests, m.bad, float64(int(bad)))
	}
	if p.burst > 0 && since > ofBursts {
		line(m.requests, m.bad, float64(p.burst))
	}
	fmt.Fprintf(w, "# TYPE %s histogram\n", m.durations)
	for _, le := range []float64{0.1, 0.25, 0.5, 1, 2.5} {
		n := 0.0
		if p.takes <= le {
			n = total
		}
		line(m.durations+"_bucket", fmt.Sprintf(`le="%g"`, le*m.perSecond), float64(int(n)))
	}
	line(m.durations+"_bucket", `le="+Inf"`, float64(int(total)))
	line(m.durations+"_count", "", float64(int(total)))
	line(m.durations+"_sum", "", total*p.takes*m.perSecond)
}

// presets are the built-in queries of every source of Prometheus, of success and of latency.
func presets() string {
	out := "\nanalysis:\n  interval: 5s\n  period: 1m\n  metrics:\n"
	for _, m := range meters[1:] {
		out += fmt.Sprintf("  - {name: success of %[1]s, source: %[1]s, expect: success >= 99%%, window: 20s}\n"+
			"  - {name: latency of %[1]s, source: %[1]s, expect: P90 < 300ms, window: 20s}\n", m.source)
	}
	return out
}

// asByApplication are the outcomes of presets that are those of the application's own metrics.
func asByApplication(want map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range meters[1:] {
		out["success of "+m.source], out["latency of "+m.source] = want["success"], want["latency"]
	}
	return out
}
