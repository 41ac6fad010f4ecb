// Package presets asks what Holdfast ships, built-in queries and alerts, of
// Prometheus's own engine, about series as each source writes them.
package presets

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/query/preset"
)

// traffic is what a pod does every 15 seconds: so many requests that succeed
// and fail, half of them in less than 100 ms, all in less than 500 ms.
type traffic struct {
	namespace, pod, service string
	good, bad               int
	// absent are outcomes that have no series, because none happened yet.
	absent string
	// failures are the samples of those that fail, where they do not come steadily.
	failures string
}

// writers write the series of traffic as a source does.
var writers = map[v1alpha1.Source]func(traffic) string{
	v1alpha1.SourcePrometheusClient: func(t traffic) string {
		pod := fmt.Sprintf(`namespace=%q,pod=%q`, t.namespace, t.pod)
		return t.counters("http_requests_total", pod, `code="200"`, `code="503"`) + t.histogram("http_request_duration_seconds", pod, 0.1, 0.5)
	},
	v1alpha1.SourceIstio: func(t traffic) string {
		pod := fmt.Sprintf(`namespace=%q,pod=%q,reporter="destination"`, t.namespace, t.pod)
		client := fmt.Sprintf(`namespace=%q,pod=%q,reporter="source"`, t.namespace, t.pod) // what the pod asks of others
		return t.counters("istio_requests_total", pod, `response_code="200"`, `response_code="200",grpc_response_status="14"`) +
			t.histogram("istio_request_duration_milliseconds", pod, 100, 500) +
			traffic{bad: 1000}.counters("istio_requests_total", client, `response_code="200"`, `response_code="500"`)
	},
	v1alpha1.SourceLinkerd: func(t traffic) string {
		pod := fmt.Sprintf(`namespace=%q,pod=%q,direction="inbound",target_port="8080"`, t.namespace, t.pod)
		probe := strings.Replace(pod, "8080", "8080\",route_name=\"probe", 1)
		return t.counters("response_total", pod, `classification="success"`, `classification="failure"`) +
			t.histogram("response_latency_ms", pod, 100, 500) +
			traffic{bad: 1000}.counters("response_total", probe, `classification="success"`, `classification="failure"`)
	},
	v1alpha1.SourceProbe: func(t traffic) string {
		pod := fmt.Sprintf(`namespace=%q,pod=%q,port="http"`, t.namespace, t.pod)
		return t.counters("holdfast_probe_requests_total", pod, `code="200"`, `code="200",grpc_status="UNAVAILABLE"`) +
			t.histogram("holdfast_probe_request_duration_seconds", pod, 0.1, 0.5)
	},
	v1alpha1.SourceNGINXIngress: func(t traffic) string {
		service := fmt.Sprintf(`namespace="ingress",pod="controller",exported_namespace=%q,service=%q,ingress="x"`, t.namespace, t.service)
		return t.counters("nginx_ingress_controller_requests", service, `status="200"`, `status="502"`) +
			t.histogram("nginx_ingress_controller_request_duration_seconds", service, 0.1, 0.5)
	},
	v1alpha1.SourceEnvoyGateway: func(t traffic) string {
		route := fmt.Sprintf(`pod="envoy",envoy_cluster_name="httproute/%s/%s/rule/0"`, t.namespace, t.service)
		return t.counters("envoy_cluster_upstream_rq_xx", route, `envoy_response_code_class="2"`, `envoy_response_code_class="5"`) +
			t.histogram("envoy_cluster_upstream_rq_time", route, 100, 500)
	},
	v1alpha1.SourceTraefik: func(t traffic) string {
		service := fmt.Sprintf(`pod="traefik",service="%s-%s-80@kubernetesgateway"`, t.namespace, t.service)
		return t.counters("traefik_service_requests_total", service, `code="200"`, `code="500"`) +
			t.histogram("traefik_service_request_duration_seconds", service, 0.1, 0.5)
	},
}

func (t traffic) counters(name, labels, good, bad string) string {
	var out string
	if t.absent != "good" && t.absent != "all" {
		out += fmt.Sprintf("%s{%s,%s} 0+%dx40\n", name, labels, good, t.good)
	}
	if t.failures != "" {
		out += fmt.Sprintf("%s{%s,%s} %s\n", name, labels, bad, t.failures)
	} else if t.absent != "bad" && t.absent != "all" {
		out += fmt.Sprintf("%s{%s,%s} 0+%dx40\n", name, labels, bad, t.bad)
	}
	return out
}

func (t traffic) histogram(name, labels string, half, all float64) string {
	if t.absent == "all" {
		return ""
	}
	n := t.good + t.bad
	return fmt.Sprintf("%s_bucket{%s,le=\"%g\"} 0+%gx40\n", name, labels, half, float64(n)/2) +
		fmt.Sprintf("%s_bucket{%s,le=\"%g\"} 0+%dx40\n", name, labels, all, n) +
		fmt.Sprintf("%s_bucket{%s,le=\"+Inf\"} 0+%dx40\n", name, labels, n) +
		fmt.Sprintf("%s_count{%s} 0+%dx40\n", name, labels, n)
}

// ask loads traffic and asks for it ten minutes later; the answers are by pod.
func ask(t *testing.T, text string, traffics string) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for _, s := range asked(t, text, traffics) {
		out[s.Metric["pod"]] = s.Value
	}
	return out
}

// succeed is the share of requests that succeed, by pod, as it is judged.
func succeed(t *testing.T, r preset.Question, traffics string) map[string]float64 {
	t.Helper()
	text, err := r.Success()
	if err != nil {
		t.Fatal(err)
	}
	all, good, out := map[string]float64{}, map[string]float64{}, map[string]float64{}
	for _, s := range asked(t, text, traffics) {
		pod := s.Metric["pod"]
		all[pod] += s.Value
		switch r.Outcome(s.Metric) {
		case preset.Succeeded:
			good[pod] += s.Value
		case preset.Untold:
			t.Errorf("%s: nobody can tell how the requests of %s ended", r.Source, s.Labels)
		}
	}
	for pod := range all {
		if all[pod] > 0 {
			out[pod] = good[pod] / all[pod]
		}
	}
	return out
}

// asked loads traffic and asks for it ten minutes later.
func asked(t *testing.T, text string, traffics string) []analysis.Series {
	t.Helper()
	template, err := query.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := template.Render(query.Values{
		Namespace: "shop", Deployment: "web", Service: "web", Canary: []string{"web-abc"}, Interval: 30 * time.Second, Window: 2 * time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	storage := promqltest.LoadedStorage(t, "load 15s\n  "+strings.Join(strings.FieldsFunc(traffics, func(c rune) bool { return c == '\n' }), "\n  "))
	defer storage.Close()
	engine := promqltest.NewTestEngine(t, false, 5*time.Minute, 1e6)
	q, err := engine.NewInstantQuery(context.Background(), storage, nil, rendered, time.Unix(600, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	result := q.Exec(context.Background())
	if result.Err != nil {
		t.Fatalf("%s\n%v", rendered, result.Err)
	}
	if warnings, _ := result.Warnings.AsStrings(rendered, 0, 0); len(warnings) > 0 { // remarks are about names that are the proxies' own
		t.Fatalf("%s\nis answered with warnings %v, so it would not be judged", rendered, warnings)
	}
	vector, ok := result.Value.(promql.Vector)
	if !ok {
		t.Fatalf("%s\ngave %T", rendered, result.Value)
	}
	var out []analysis.Series
	for _, sample := range vector {
		out = append(out, analysis.Series{Labels: sample.Metric.String(), Metric: sample.Metric.Map(), Value: sample.F})
	}
	return out
}

// same compares answers; floats are what rates make of whole numbers.
func same(got, want map[string]float64) bool {
	if len(got) != len(want) {
		return false
	}
	for pod, w := range want {
		g, ok := got[pod]
		if !ok || math.Abs(g-w) > 1e-9 || math.IsNaN(g) {
			return false
		}
	}
	return true
}

func TestEverySourceByPrometheusItself(t *testing.T) {
	one := func(v float64) map[string]float64 { return map[string]float64{"": v} }
	none := map[string]float64{}
	canary := traffic{namespace: "shop", pod: "web-abc-x1", service: "web"}
	of := func(good, bad int, absent string) traffic {
		out := canary
		out.good, out.bad, out.absent = good, bad, absent
		return out
	}
	for name, tc := range map[string]struct {
		traffic           []traffic
		success, duration map[string]float64
	}{
		"some fail":                          {[]traffic{of(19, 1, "")}, one(0.95), one(0.3)},
		"none has failed yet":                {[]traffic{of(20, 0, "bad")}, one(1), one(0.3)},
		"every one fails, and none was good": {[]traffic{of(0, 20, "good")}, one(0), one(0.3)},
		"no traffic":                         {[]traffic{of(0, 0, "")}, none, none},
		"no series":                          {[]traffic{of(0, 0, "all")}, none, none},
		"others do not count": {[]traffic{of(19, 1, ""),
			{namespace: "other", pod: "web-abc-x1", service: "web", bad: 100},
			{namespace: "shop", pod: "web-def-x1", service: "web-admin", bad: 100},
			{namespace: "shop", pod: "web-abc-x1-y", service: "x-web", bad: 100},
		}, one(0.95), one(0.3)},
	} {
		for source, write := range writers {
			t.Run(string(source)+"/"+name, func(t *testing.T) {
				series := "up 1"
				for _, traffic := range tc.traffic {
					series += "\n" + write(traffic)
				}
				r := preset.Question{Source: source, Pods: "canary"}
				if got := succeed(t, r, series); !same(got, tc.success) {
					t.Errorf("success %v, want %v", got, tc.success)
				}
				duration, err := r.Duration(0.75)
				if err != nil {
					t.Fatal(err)
				}
				if got := ask(t, duration, series); !same(got, tc.duration) {
					t.Errorf("P75 %v, want %v", got, tc.duration)
				}
			})
		}
	}
}

// 20 requests in 15 s are 160 in the two minutes before the question.
func TestTheFirstFailureCounts(t *testing.T) {
	for name, tc := range map[string]struct {
		failures string
		failed   float64 // in the window
	}{
		"one, and the series is born with it":                {"_x38 1 1 1", 1},
		"at the newest scrape":                               {"_x40 1", 1},
		"and more later, each of them once":                  {"_x36 1 1 3 4 4", 4},
		"a series from before the window":                    {"0x30 1x10", 0},
		"one that rises in the window":                       {"0x36 7x4", 7},
		"one that was born before the window":                {"_x20 5x20", 0},
		"one that rises and begins anew from 0":              {"3x36 4 4 0 1 1", 2 * 8.0 / 7}, // as increase() extrapolates
		"one that is born and begins anew loses what it had": {"_x36 2 2 0 1 1", 1},
	} {
		for source, write := range writers {
			t.Run(string(source)+"/"+name, func(t *testing.T) {
				series := write(traffic{namespace: "shop", pod: "web-abc-x1", service: "web", good: 20, failures: tc.failures})
				if got, want := succeed(t, preset.Question{Source: source, Pods: "canary"}, series), 1-tc.failed/(160+tc.failed); !same(got, map[string]float64{"": want}) {
					t.Errorf("success %v, want %v: %v failed", got, want, tc.failed)
				}
			})
		}
	}
}

// A pod that is found late has a history, and one found between two scrapes of
// another has none that could be told from it: neither is made up from its value.
func TestTheFirstScrapeOfAPodIsNoFirstFailure(t *testing.T) {
	canary := preset.Question{Source: v1alpha1.SourcePrometheusClient, Pods: "canary"}
	const steady = `http_requests_total{namespace="shop",pod="web-abc-x1",instance="x1:80",job="web",code="200"} 0+20x40` + "\n"
	const late = `http_requests_total{namespace="shop",pod="web-abc-x2",instance="x2:80",job="web",code="503"} _x38 900 900 900` + "\n"
	const born = `http_requests_total{namespace="shop",pod="web-abc-x1",instance="x1:80",job="web",code="503"} _x38 40 40 40` + "\n"
	for series, want := range map[string]float64{steady + late: 1, steady + born: 0.8, steady + born + late: 0.8} {
		if got := succeed(t, canary, series); !same(got, map[string]float64{"": want}) {
			t.Errorf("success %v, want %v of\n%s", got, want, series)
		}
	}
}

func TestEachPodByItself(t *testing.T) {
	for source, write := range writers {
		if !preset.TellsPods(source) {
			continue
		}
		series := write(traffic{namespace: "shop", pod: "web-abc-x1", good: 9, bad: 1}) +
			write(traffic{namespace: "shop", pod: "web-abc-x2", good: 10, absent: "bad"}) +
			write(traffic{namespace: "shop", pod: "web-abc-x3"})
		r := preset.Question{Source: source, Pods: "canary", By: "pod"}
		if got := succeed(t, r, series); !same(got, map[string]float64{"web-abc-x1": 0.9, "web-abc-x2": 1}) {
			t.Errorf("%s: success %v", source, got)
		}
		duration, err := r.Duration(0.5)
		if err != nil {
			t.Fatal(err)
		}
		if got := ask(t, duration, series); !same(got, map[string]float64{"web-abc-x1": 0.1, "web-abc-x2": 0.1}) {
			t.Errorf("%s: P50 %v", source, got)
		}
	}
}

func TestAQuantileBeyondTheBucketsIsInfinite(t *testing.T) {
	const bucket = `http_request_duration_seconds_bucket{namespace="shop",pod="web-abc-x1",le="%s"} 0+%dx40` + "\n"
	series := fmt.Sprintf(bucket+bucket+bucket, "5", 80, "10", 98, "+Inf", 100) +
		`http_request_duration_seconds_count{namespace="shop",pod="web-abc-x1"} 0+100x40`
	for quantile, want := range map[float64]float64{0.99: math.Inf(1), 0.98: 10, 0.89: 7.5} {
		for _, by := range []string{"", "pod"} {
			text, err := preset.Question{Source: v1alpha1.SourcePrometheusClient, Pods: "canary", By: by}.Duration(quantile)
			if err != nil {
				t.Fatal(err)
			}
			got := ask(t, text, series)
			value, ok := got[map[string]string{"": "", "pod": "web-abc-x1"}[by]]
			if len(got) != 1 || !ok || value != want && math.Abs(value-want) > 1e-9 {
				t.Errorf("quantile %g by %q is %v, want %g", quantile, by, got, want)
			}
		}
	}
}

func TestANativeHistogramDoesAsWell(t *testing.T) {
	text, err := preset.Question{Source: v1alpha1.SourcePrometheusClient, Pods: "canary"}.Duration(0.99)
	if err != nil {
		t.Fatal(err)
	}
	const pod = `http_request_duration_seconds{namespace="shop",pod="web-abc-x1"} `
	busy := ask(t, text, pod+`{{schema:0 sum:4 count:4 buckets:[1 2 1]}}+{{schema:0 sum:4 count:4 buckets:[1 2 1]}}x40`)
	if len(busy) != 1 || !(busy[""] > 2 && busy[""] < 4) {
		t.Errorf("P99 %v, want one between 2 and 4 seconds", busy)
	}
	idle := ask(t, text, pod+`{{schema:0 sum:4 count:4 buckets:[1 2 1]}}+{{schema:0}}x40`)
	if len(idle) != 0 {
		t.Errorf("without traffic P99 is %v", idle)
	}
}
