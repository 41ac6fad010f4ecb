package analysis

import (
	"math"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestExpectation(t *testing.T) {
	expect := func(text string) v1alpha1.Metric { return v1alpha1.Metric{Expect: text} }
	check(t, map[string]judged{
		"fast enough":            {metric: expect("P99 < 310ms"), o: one(0.1204), outcome: "Passed", reason: "InRange", value: "0.1204", rule: "P99 < 310ms", says: "P99 is 120.4ms"},
		"< leaves the limit out": {metric: expect("P99 < 310ms"), o: one(0.31), outcome: "Failed", reason: "AboveMax", value: "0.31", says: "P99 is 310ms, which is not P99 < 310ms"},
		"<= takes it in":         {metric: expect("P99 <= 310ms"), o: one(0.31), outcome: "Passed", reason: "InRange", value: "0.31"},
		"too slow":               {metric: expect("p99.9 < 1.5s"), o: one(2), outcome: "Failed", reason: "AboveMax", value: "2", rule: "P99.9 < 1.5s", says: "P99.9 is 2s"},
		"quick is in µs":         {metric: expect("P50 < 1ms"), o: one(0.0000005), outcome: "Passed", reason: "InRange", value: "5e-07", says: "P50 is 0.5µs"},
		"enough succeed":         {metric: expect("success >= 99%"), o: one(0.99), outcome: "Passed", reason: "InRange", value: "0.99", rule: "success >= 99%", says: "99% of the requests succeeded"},
		"too few succeed":        {metric: expect("success ≥ 0.95"), o: one(0.9), outcome: "Failed", reason: "BelowMin", value: "0.9", rule: "success >= 0.95", says: "90% of the requests succeeded, which is not success >= 0.95"},
		"> leaves the limit out": {metric: expect("success > 95%"), o: one(0.95), outcome: "Failed", reason: "BelowMin", value: "0.95"},
		"NaN":                    {metric: expect("success > 95%"), o: one(math.NaN()), outcome: "Failed", reason: "NaN", value: "NaN"},
		"beyond the buckets":     {metric: expect("P99 < 30s"), o: one(math.Inf(1)), outcome: "Failed", reason: "Infinite", value: "+Inf", says: "P99 lies beyond the last finite bucket of the histogram, which is not P99 < 30s"},
		"no requests":            {metric: expect("P99 < 310ms"), o: Observation{}, outcome: "NoData", reason: "NoData", rule: "P99 < 310ms", says: "either there were no requests, or PrometheusClient measures none"},
		"in front of a Service":  {metric: v1alpha1.Metric{Expect: "success > 95%", Source: "NGINXIngress"}, o: one(1), outcome: "Passed", reason: "InRange", value: "1", says: "(measured of all pods behind the Service together, stable ones and canary)"},
		"of each pod":            {metric: v1alpha1.Metric{Expect: "P99 < 310ms", Per: "Pod"}, o: Observation{Pods: pods("a", "b"), Series: []Series{series(0.1, "pod", "a"), series(0.4, "pod", "b")}}, outcome: "Failed", reason: "AboveMax", value: "0.4", says: `{pod="b"}: P99 is 400ms`},
	})
}
