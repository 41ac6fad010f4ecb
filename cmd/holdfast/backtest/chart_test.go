package backtest

import (
	"math"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/backtest"
)

func TestBandOf(t *testing.T) {
	for rule, want := range map[string]band{
		"[0, 0.05]":                           {0, 0.05, true},
		"[-inf, 2] (1, at most 10% up)":       {math.Inf(-1), 2, true},
		"[0.9, inf], all samples of 5m":       {0.9, math.Inf(1), true},
		"[0, 0.05] of code bad":               {0, 0.05, true},
		"P99 < 310ms":                         {math.Inf(-1), 0.31, true},
		"success >= 99%, all samples of 5m":   {0.99, math.Inf(1), true},
		"the first value, at most 10% up":     {},
		"no alert fires":                      {},
		"[broken":                             {},
		"":                                    {},
		"no canary pod matches bad in (true)": {},
	} {
		if got := bandOf(v1alpha1.Measurement{Range: rule}); got.known != want.known || want.known && got != want {
			t.Errorf("%s: got %v, want %v", rule, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]float64{"0.05": 0.05, "15.3 [7.81, 36.2]": 15.3, "1e-9": 1e-9} {
		if got, ok := number(text); !ok || got != want {
			t.Errorf("%s: %g, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "NaN", "+Inf", "3 of 4", "[1, 2]"} {
		if got, ok := number(text); ok {
			t.Errorf("%q is taken for %g", text, got)
		}
	}
}

// TestEverythingIsDrawnInsideOfTheChart: whatever the values are.
func TestEverythingIsDrawnInsideOfTheChart(t *testing.T) {
	began := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for name, values := range map[string][]string{
		"shares":         {"0.01", "0.02", "0.9"},
		"all alike":      {"5", "5"},
		"nothing":        {"", ""},
		"no numbers":     {"NaN", "+Inf"},
		"very far apart": {"-1.7e308", "1.7e308"},
		"very large":     {"1e300", "1e300"},
		"negative":       {"-3", "-1"},
		"denormal":       {"5e-324", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			m := backtest.Metric{Name: "m"}
			for i, v := range values {
				m.Measurements = append(m.Measurements, v1alpha1.Measurement{
					Time: metav1.NewTime(began.Add(time.Duration(i) * time.Minute)), Value: v, Range: "[-inf, 0.05]", Outcome: v1alpha1.OutcomeFailed,
				})
			}
			e := Entry{Began: began, Decision: backtest.Decision{At: began.Add(time.Minute), ReadyAt: began}}
			c := chartOf(e, m)
			inside := func(what string, x, y float64) {
				if !(x >= 0 && x <= chartWidth && y >= 0 && y <= chartHeight) {
					t.Errorf("%s at %g, %g", what, x, y)
				}
			}
			for _, b := range c.Bands {
				inside("band", b.X, b.Y)
				inside("end of band", b.X+b.Width, b.Y+b.Height)
			}
			for _, mark := range c.Marks {
				inside("mark", mark.X, mark.Y)
			}
			for _, y := range c.YTicks {
				inside("tick", 0, y.At)
			}
			inside("verdict", c.Decided.At, 0)
			if len(c.Marks) != len(values) || len(c.XTicks) < 2 {
				t.Errorf("%d marks, %d ticks", len(c.Marks), len(c.XTicks))
			}
		})
	}
}
