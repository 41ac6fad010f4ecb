package analysis

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestExpectation(t *testing.T) {
	expect := func(text string) v1alpha1.Metric { return v1alpha1.Metric{Expect: text} }
	code := func(value float64, code string) Series { return series(value, "code", code) }
	of := func(s ...Series) Observation { return Observation{Answer: Answer{Series: s}} }
	check(t, map[string]judged{
		"fast enough":            {metric: expect("P99 < 310ms"), o: one(0.1204), outcome: "Passed", reason: "InRange", value: "0.1204", rule: "P99 < 310ms", says: "P99 is 120.4ms"},
		"< leaves the limit out": {metric: expect("P99 < 310ms"), o: one(0.31), outcome: "Failed", reason: "AboveMax", value: "0.31", says: "P99 is 310ms, which is not P99 < 310ms"},
		"<= takes it in":         {metric: expect("P99 <= 310ms"), o: one(0.31), outcome: "Passed", reason: "InRange", value: "0.31"},
		"too slow":               {metric: expect("p99.9 < 1.5s"), o: one(2), outcome: "Failed", reason: "AboveMax", value: "2", rule: "P99.9 < 1.5s", says: "P99.9 is 2s"},
		"quick is in µs":         {metric: expect("P50 < 1ms"), o: one(0.0000005), outcome: "Passed", reason: "InRange", value: "5e-07", says: "P50 is 0.5µs"},
		"enough succeed":         {metric: expect("success >= 99%"), o: of(code(90, "200"), code(9, "404"), code(1, "500")), outcome: "Passed", reason: "InRange", value: "0.99", rule: "success >= 99%", says: "99% of the requests succeeded"},
		"too few succeed":        {metric: expect("success ≥ 0.95"), o: of(code(9, "200"), code(1, "503")), outcome: "Failed", reason: "BelowMin", value: "0.9", rule: "success >= 0.95", says: "90% of the requests succeeded, which is not success >= 0.95"},
		"> leaves the limit out": {metric: expect("success > 95%"), o: of(code(95, "200"), code(5, "5xx")), outcome: "Failed", reason: "BelowMin", value: "0.95"},
		"NaN":                    {metric: expect("success > 95%"), o: of(code(math.NaN(), "200")), outcome: "Failed", reason: "NaN", value: "NaN"},
		"beyond the buckets":     {metric: expect("P99 < 30s"), o: one(math.Inf(1)), outcome: "Failed", reason: "Infinite", value: "+Inf", says: "P99 lies beyond the last finite bucket of the histogram, which is not P99 < 30s"},
		"no requests":            {metric: expect("P99 < 310ms"), o: Observation{}, outcome: "NoData", reason: "NoData", rule: "P99 < 310ms", says: "either there were no requests, or PrometheusClient measures none"},
		"nobody can say how they ended": {metric: expect("success > 95%"), o: Observation{Answer: Answer{Series: []Series{series(4)}}, Examples: []Series{series(4, "__name__", "http_requests_total", "pod", "a", "http_status", "200", "x\x1b[2J", "y")}},
			outcome: "Error", reason: "NoStatus", rule: "success > 95%", says: "nobody can say how 100% of the requests ended: series of http_requests_total have no label code. Their labels are http_status, pod, x\ufffd[2J. Name the right one in statusLabel"},
		"nobody knows the labels":       {metric: expect("success > 95%"), o: of(series(4)), outcome: "Error", reason: "NoStatus", says: "have no label code. Name the right one"},
		"a status that is none":         {metric: expect("success > 95%"), o: of(code(3, "error"), code(1, "200")), outcome: "Error", reason: "NoStatus", says: "nobody can say how 75% of the requests ended: label code has values that are no known status (error: 75%)"},
		"few untold ones do not matter": {metric: expect("success >= 95%"), o: of(code(1, "-"), code(99, "200")), outcome: "Passed", reason: "InRange", value: "0.99"},
		"nor do they hide failures":     {metric: expect("success >= 95%"), o: of(code(10, "-"), code(80, "200"), code(10, "500")), outcome: "Failed", reason: "BelowMin", value: "0.9"},
		"they may be what decides":      {metric: expect("success >= 95%"), o: of(code(4, "-"), code(94, "200"), code(2, "500")), outcome: "Error", reason: "NoStatus"},
		"untold of one pod":             {metric: v1alpha1.Metric{Expect: "success >= 95%", Per: "Pod"}, o: Observation{Answer: Answer{Series: []Series{series(9, "pod", "a", "code", "200"), series(9, "pod", "b")}}, Pods: pods("a", "b")}, outcome: "Error", reason: "NoStatus"},
		"untold of another's pod":       {metric: v1alpha1.Metric{Expect: "success >= 95%", Per: "Pod"}, o: Observation{Answer: Answer{Series: []Series{series(9, "pod", "a", "code", "200"), series(9, "pod", "b")}}, Pods: pods("a")}, outcome: "Passed", reason: "InRange", value: "1"},
		"untold at one time of several": {metric: v1alpha1.Metric{Expect: "success >= 95%", Over: fiveMinutes(), Samples: "50%"}, o: of(over(code(0, "200"), 10, 10), over(series(0), 0, 10)), outcome: "Error", reason: "NoStatus"},
		"a time without requests":       {metric: v1alpha1.Metric{Expect: "success >= 95%", Over: fiveMinutes()}, o: of(over(code(0, "200"), 10, 0, 10), over(code(0, "500"), 0, 0, 0)), outcome: "Passed", reason: "InRange", value: "1", says: "2 of 2 samples good"},
		"no requests in the window":     {metric: expect("success >= 95%"), o: of(code(0, "200"), series(0)), outcome: "NoData", reason: "NoData"},
		"what is negative is no count":  {metric: expect("success >= 95%"), o: of(code(-1, "200")), outcome: "Error", reason: "NoCount", says: `-1 of code "200" is no count`},
		"by a label that a plan names":  {metric: v1alpha1.Metric{Expect: "success >= 95%", StatusLabel: "status"}, o: of(series(1, "status", "200"), series(1, "status", "500")), outcome: "Failed", reason: "BelowMin", value: "0.5"},
		"in front of a Service":         {metric: v1alpha1.Metric{Expect: "success > 95%", Source: "NGINXIngress"}, o: of(series(4, "status", "200")), outcome: "Passed", reason: "InRange", value: "1", says: "(measured of all pods behind the Service together, stable ones and canary)"},
		"of each pod":                   {metric: v1alpha1.Metric{Expect: "P99 < 310ms", Per: "Pod"}, o: Observation{Answer: Answer{Series: []Series{series(0.1, "pod", "a"), series(0.4, "pod", "b")}}, Pods: pods("a", "b")}, outcome: "Failed", reason: "AboveMax", value: "0.4", says: `{pod="b"}: P99 is 400ms`},
	})
}

// Names of labels are somebody else's text: few of them are shown, likely ones first.
func TestTheLabelsThatThereAreAreNamedInFewWords(t *testing.T) {
	pairs := []string{"__name__", "http_requests_total", "code", "", "zz_status", "500"}
	for i := range 40 {
		pairs = append(pairs, fmt.Sprintf("label%02d", i), "secret value")
	}
	o := Observation{Answer: Answer{Series: []Series{series(1)}}, Examples: []Series{series(1, "code", "200", "told", "x"), series(1, pairs...)}}
	m := Judge(defaulted(v1alpha1.Metric{Name: "m", Expect: "success >= 99%"}), v1alpha1.MetricStatus{}, noon, o)
	if want := "Their labels are zz_status, label00, label01"; !strings.Contains(m.Message, want) || !strings.Contains(m.Message, "label08, and 31 more.") {
		t.Errorf("message %q, want %q in it", m.Message, want)
	}
	for _, word := range []string{"secret", "told", "__name__"} {
		if strings.Contains(m.Message, word) {
			t.Errorf("message %q has %q in it", m.Message, word)
		}
	}
}
