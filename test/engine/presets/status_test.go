package presets

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/query/preset"
)

// judge measures success as a run does, by Prometheus's own engine.
func judge(t *testing.T, m v1alpha1.Metric, series string) v1alpha1.Measurement {
	t.Helper()
	at := time.Unix(600, 0)
	r := query.RequestOf(m, "pod")
	text, err := r.Success()
	if err != nil {
		t.Fatal(err)
	}
	o := analysis.Observation{Answer: analysis.Answer{Series: asked(t, text, series)}}
	if analysis.WantsExamples(m, at, o) {
		text, err := r.Examples()
		if err != nil {
			t.Fatal(err)
		}
		o.Examples = asked(t, text, series)
	}
	return analysis.Judge(m, v1alpha1.MetricStatus{}, at, o)
}

// counters are those of a pod in 15 seconds, by the labels that are written.
func counters(name string, of map[string]int) string {
	var out strings.Builder
	for labels, n := range of {
		fmt.Fprintf(&out, "%s{namespace=\"shop\",pod=\"web-abc-x1\",%s} 0+%dx40\n", name, labels, n)
	}
	return out.String()
}

// A status that stands in another label, or is written another way, is never
// taken for a success.
func TestWhereTheStatusIsNotWhatItIsTakenFor(t *testing.T) {
	const requests = "http_requests_total"
	for name, tc := range map[string]struct {
		metric  v1alpha1.Metric
		series  string
		outcome v1alpha1.Outcome
		says    []string
	}{
		"half fail, and the status is in another label": {
			v1alpha1.Metric{Expect: "success >= 99%"}, counters(requests, map[string]int{`status="200"`: 10, `status="503"`: 10}),
			v1alpha1.OutcomeError, []string{"nobody can say how 100% of the requests ended: series of http_requests_total have no label code", "Their labels are status, namespace, pod", "statusLabel"},
		},
		"half fail, and the plan names the label": {
			v1alpha1.Metric{Expect: "success >= 99%", StatusLabel: "status"}, counters(requests, map[string]int{`status="200"`: 10, `status="503"`: 10}),
			v1alpha1.OutcomeFailed, []string{"50% of the requests succeeded"},
		},
		"none fails, and the plan names the label": {
			v1alpha1.Metric{Expect: "success >= 99%", StatusLabel: "status"}, counters(requests, map[string]int{`status="200"`: 10}),
			v1alpha1.OutcomePassed, []string{"100% of the requests succeeded"},
		},
		"the plan names a label that is not there": {
			v1alpha1.Metric{Expect: "success >= 99%", StatusLabel: "status"}, counters(requests, map[string]int{`code="200"`: 10}),
			v1alpha1.OutcomeError, []string{"have no label status", "Their labels are code, namespace, pod"},
		},
		"the label is empty": {
			v1alpha1.Metric{Expect: "success >= 99%"}, counters(requests, map[string]int{`code="",x="1"`: 10}),
			v1alpha1.OutcomeError, []string{"have no label code", "Their labels are namespace, pod, x"},
		},
		"some series have the label": {
			v1alpha1.Metric{Expect: "success >= 99%"}, counters(requests, map[string]int{`code="200"`: 10, `status="500"`: 10}),
			v1alpha1.OutcomeError, []string{"nobody can say how 50% of the requests ended", "have no label code", "Their labels are status, namespace, pod."},
		},
		"so few lack the label that they do not matter": {
			v1alpha1.Metric{Expect: "success >= 90%"}, counters(requests, map[string]int{`code="200"`: 19, `status="500"`: 1}),
			v1alpha1.OutcomePassed, []string{"95% of the requests succeeded"},
		},
		"enough fail without those that lack it": {
			v1alpha1.Metric{Expect: "success >= 90%"}, counters(requests, map[string]int{`code="200"`: 8, `code="500"`: 8, `status="200"`: 4}),
			v1alpha1.OutcomeFailed, []string{"60% of the requests succeeded"},
		},
		"values that are no status": {
			v1alpha1.Metric{Expect: "success >= 99%"}, counters(requests, map[string]int{`code="success"`: 10, `code="error"`: 10}),
			v1alpha1.OutcomeError, []string{"label code has values that are no known status (error: 50%, success: 50%)"},
		},
		"classes": {
			v1alpha1.Metric{Expect: "success >= 99%"}, counters(requests, map[string]int{`code="2xx"`: 10, `code="5xx"`: 10}),
			v1alpha1.OutcomeFailed, []string{"50% of"},
		},
		"phrases": {
			v1alpha1.Metric{Expect: "success >= 99%"}, counters(requests, map[string]int{`code="200 OK"`: 10, `code="503 Service Unavailable"`: 10}),
			v1alpha1.OutcomeFailed, []string{"50% of"},
		},
		"gRPC by name": {
			v1alpha1.Metric{Expect: "success >= 99%", StatusLabel: "grpc_code"}, counters(requests, map[string]int{`grpc_code="OK"`: 10, `grpc_code="Unavailable"`: 10}),
			v1alpha1.OutcomeFailed, []string{"50% of"},
		},
		"without requests there is nothing to tell": {
			v1alpha1.Metric{Expect: "success >= 99%"}, counters(requests, map[string]int{`status="200"`: 0}),
			v1alpha1.OutcomeNoData, nil,
		},
		"Istio, its label renamed": {
			v1alpha1.Metric{Expect: "success >= 99%", Source: v1alpha1.SourceIstio}, counters("istio_requests_total", map[string]int{`reporter="destination",code="503"`: 10}),
			v1alpha1.OutcomeError, []string{"have no label response_code or grpc_response_status", "Their labels are code, namespace, pod, reporter", "Keep that label in the scrape"},
		},
		"Linkerd, its label dropped": {
			v1alpha1.Metric{Expect: "success >= 99%", Source: v1alpha1.SourceLinkerd}, counters("response_total", map[string]int{`direction="inbound",status_code="503"`: 10}),
			v1alpha1.OutcomeError, []string{"have no label classification", "Their labels are status_code, direction"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := judge(t, tc.metric, tc.series)
			if got.Outcome != tc.outcome || tc.outcome == v1alpha1.OutcomeError && got.Reason != v1alpha1.MeasuredNoStatus {
				t.Fatalf("got %s, %s: %s, want %s", got.Outcome, got.Reason, got.Message, tc.outcome)
			}
			for _, want := range tc.says {
				if !strings.Contains(got.Message, want) {
					t.Errorf("message %q, want %q in it", got.Message, want)
				}
			}
		})
	}
}

// Whatever the source, requests that fail under labels that are not its own are
// not successes.
func TestNoSourceTakesWhatItCannotReadForASuccess(t *testing.T) {
	for source, write := range writers {
		series := write(traffic{namespace: "shop", pod: "web-abc-x1", service: "web", good: 10, bad: 10})
		for _, label := range (preset.Question{Source: source}).StatusLabels() {
			series = strings.ReplaceAll(series, label+`="`, `renamed_`+label+`="`)
		}
		got := judge(t, v1alpha1.Metric{Expect: "success >= 99%", Source: source}, series)
		if got.Outcome != v1alpha1.OutcomeError || got.Reason != v1alpha1.MeasuredNoStatus || !strings.Contains(got.Message, "renamed_") {
			t.Errorf("%s: %s, %s: %s", source, got.Outcome, got.Reason, got.Message)
		}
	}
}

// Requests that are counted and stand in no bucket may have taken any time.
func TestRequestsWithoutABucketAreNotFast(t *testing.T) {
	const pod = `namespace="shop",pod="web-abc-x1"`
	fast := `http_request_duration_seconds_bucket{` + pod + `,handler="a",le="0.1"} 0+90x40` + "\n" +
		`http_request_duration_seconds_bucket{` + pod + `,handler="a",le="+Inf"} 0+90x40` + "\n" +
		`http_request_duration_seconds_count{` + pod + `,handler="a"} 0+90x40` + "\n"
	dropped := `http_request_duration_seconds_count{` + pod + `,handler="b"} 0+10x40` + "\n"
	text, err := preset.Question{Source: v1alpha1.SourcePrometheusClient, Pods: "canary"}.Duration(0.99)
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(t, text, fast); !(got[""] > 0 && got[""] <= 0.1) {
		t.Errorf("all have a bucket: P99 %v", got)
	}
	if got := fmt.Sprint(ask(t, text, fast+dropped)); got != "map[:+Inf]" {
		t.Errorf("a tenth has none: P99 %v", got)
	}
}
