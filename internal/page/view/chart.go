package view

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/outlook"
	"holdfast.dev/holdfast/internal/band"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
)

// Chart is a metric of a run that was opened.
type Chart struct {
	Name string `json:"name"`
	// Says is what the chart draws, in words.
	Says string `json:"says"`
	// Wanted is the rule of the newest round.
	Wanted string `json:"wanted,omitempty"`
	// Compares says that values are factors, canary over the other side, which is 1 by itself.
	Compares bool `json:"compares,omitempty"`
	// Other is what the canary is compared with, in words.
	Other  string  `json:"other,omitempty"`
	Rounds []Point `json:"rounds"`
	// Evidence is that of a comparison of counts.
	Evidence *Evidence `json:"evidence,omitempty"`
	Query    string    `json:"query,omitempty"`
	// Counted are the rounds by outcome.
	Passed int32 `json:"passed"`
	Failed int32 `json:"failed"`
	Errors int32 `json:"errors"`
	NoData int32 `json:"noData"`
}

// Point is a measurement. Low and High are where its value had to lie; From and To what a comparison is sure
// of.
type Point struct {
	At      int64    `json:"at"`
	Outcome string   `json:"outcome"`
	Reason  string   `json:"reason,omitempty"`
	Text    string   `json:"text,omitempty"`
	Says    string   `json:"says,omitempty"`
	Value   *float64 `json:"value,omitempty"`
	Low     *float64 `json:"low,omitempty"`
	High    *float64 `json:"high,omitempty"`
	From    *float64 `json:"from,omitempty"`
	To      *float64 `json:"to,omitempty"`
}

// Evidence is what a comparison of counts has come to.
type Evidence struct {
	At     int64  `json:"at"`
	Canary Side   `json:"canary"`
	Other  Side   `json:"other"`
	Says   string `json:"says"`
	// Worse and NotWorse are how far the evidence for either has come: 1 decides. It is that of logarithms, so
	// every round of the same weight adds as much.
	Worse    float64 `json:"worse"`
	NotWorse float64 `json:"notWorse"`
}

// Side is what was counted on one side.
type Side struct {
	Name  string  `json:"name"`
	Bad   float64 `json:"bad"`
	Total float64 `json:"total"`
}

const maxQuery = 4 << 10

func chartsOf(run *v1alpha1.CanaryRun) []Chart {
	plan := outlook.PlanOf(run)
	rules, falseAlarms := map[string]v1alpha1.Metric{}, 0.0
	if plan != nil {
		for _, m := range plan.AllMetrics() {
			rules[m.Name] = m
		}
		falseAlarms = analysis.FalseAlarms(plan)
	}
	var out []Chart
	for _, m := range lastOwn(run.Status.Metrics) {
		if len(m.Last) > 0 {
			out = append(out, chartOf(m, rules[m.Name], falseAlarms))
		}
	}
	return out
}

func chartOf(m v1alpha1.MetricStatus, rule v1alpha1.Metric, falseAlarms float64) Chart {
	newest := m.Last[len(m.Last)-1]
	c := Chart{
		Name: short(m.Name), Wanted: short(band.Words(newest.Range)), Says: describe(m), Query: plaintext.Block(newest.Query, maxQuery),
		Passed: m.Passed, Failed: m.Failed, Errors: m.Errors, NoData: m.NoData,
	}
	if rule.Compare != nil {
		c.Compares, c.Other = true, "the baseline"
		if rule.Compare.To == v1alpha1.CompareToStable {
			c.Other = "the stable pods"
		}
	}
	for _, last := range m.Last {
		c.Rounds = append(c.Rounds, roundOf(last, rule.Compare))
	}
	c.Evidence = evidenceOf(m, rule, falseAlarms, c.Other)
	return c
}

func roundOf(m v1alpha1.Measurement, compare *v1alpha1.Comparison) Point {
	r := Point{At: m.Time.UnixMilli(), Outcome: string(m.Outcome), Reason: short(m.Reason), Text: short(m.Value), Says: line(m.Message)}
	if v, isNumber := band.Number(m.Value); isNumber {
		r.Value = &v
	}
	if compare != nil {
		r.From, r.To = bounds(m.Value)
		if tolerance, err := query.ParseShare(cmp.Or(compare.Tolerance, "20%")); err == nil {
			if compare.Worse == v1alpha1.WorseLower {
				r.Low = finite(1 / (1 + tolerance))
			} else {
				r.High = finite(1 + tolerance)
			}
		}
		return r
	}
	if b := band.Bounds(m); b.Known {
		r.Low, r.High = finite(b.Low), finite(b.High)
	}
	return r
}

// bounds are those of a factor such as "4.92 [1.7, +Inf]".
func bounds(value string) (from, to *float64) {
	_, interval, has := strings.Cut(value, " [")
	interval, _, closed := strings.Cut(interval, "]")
	low, high, two := strings.Cut(interval, ", ")
	if !has || !closed || !two {
		return nil, nil
	}
	if v, err := strconv.ParseFloat(low, 64); err == nil {
		from = finite(v)
	}
	if v, err := strconv.ParseFloat(high, 64); err == nil {
		to = finite(v)
	}
	return from, to
}

func evidenceOf(m v1alpha1.MetricStatus, rule v1alpha1.Metric, falseAlarms float64, other string) *Evidence {
	shown, err := analysis.Show(rule, m, falseAlarms)
	if err != nil {
		return nil
	}
	far := func(p, decides float64) float64 {
		if p <= 0 {
			return 1
		}
		return math.Round(min(max(math.Log(p)/math.Log(decides), 0), 1)*1000) / 1000
	}
	return &Evidence{
		At:     m.Compared.Until.UnixMilli(),
		Canary: Side{"the canary", shown.Sum.CanaryBad, shown.Sum.CanaryTotal}, Other: Side{other, shown.Sum.BaselineBad, shown.Sum.BaselineTotal},
		Says: line(shown.Sentence()), Worse: far(shown.PWorse, shown.Alpha), NotWorse: far(shown.PNotWorse, shown.Beta),
	}
}
