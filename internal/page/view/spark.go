package view

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/band"
)

// minis are the metrics that were measured, at a glance.
func minis(metrics []v1alpha1.MetricStatus) []Mini {
	var out []Mini
	for _, m := range lastOwn(metrics) {
		if len(m.Last) == 0 {
			continue
		}
		newest := m.Last[len(m.Last)-1]
		out = append(out, Mini{
			Name: short(m.Name), Outcome: string(newest.Outcome), Value: short(glance(newest.Value)), Wanted: short(band.Words(newest.Range)), Spark: spark(m.Last),
		})
	}
	return out
}

// spark places the last rounds of a metric on a scale from the least to the greatest number that is to be
// seen: of the values, and of the ends of what is wanted.
func spark(last []v1alpha1.Measurement) []Dot {
	low, high := math.Inf(1), math.Inf(-1)
	take := func(v float64) {
		if !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	for _, m := range last {
		if v, isNumber := band.Number(m.Value); isNumber {
			take(v)
		}
		if b := band.Bounds(m); b.Known {
			take(b.Low)
			take(b.High)
		}
	}
	out := make([]Dot, 0, len(last))
	for _, m := range last {
		dot := Dot{Level: -1, Outcome: string(m.Outcome)}
		if v, isNumber := band.Number(m.Value); isNumber {
			dot.Level = 0.5
			if high > low {
				dot.Level = math.Round((v-low)/(high-low)*1000) / 1000
			}
		}
		out = append(out, dot)
	}
	return out
}

// glance is a value without the bounds of a factor.
func glance(value string) string {
	if factor, _, bounded := strings.Cut(value, " ["); bounded {
		return rounded(factor) + "×"
	}
	return rounded(value)
}

// lastOwn are the metrics with those last by which every run is judged: people want to see their own.
func lastOwn(metrics []v1alpha1.MetricStatus) []v1alpha1.MetricStatus {
	metrics = slices.Clone(metrics)
	slices.SortStableFunc(metrics, func(a, b v1alpha1.MetricStatus) int { return cmp.Compare(ownOrder(a), ownOrder(b)) })
	return metrics
}

func ownOrder(m v1alpha1.MetricStatus) int {
	return slices.Index([]string{analysis.Pods, analysis.Baseline}, m.Name) + 1
}
