package backtest

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/backtest"
)

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
			m := backtest.Measured{Name: "m"}
			for i, v := range values {
				m.Measurements = append(m.Measurements, v1alpha1.Measurement{
					Time: metav1.NewTime(began.Add(time.Duration(i) * time.Minute)), Value: v, Range: "[-inf, 0.05]", Outcome: v1alpha1.OutcomeFailed,
				})
			}
			e := Entry{Began: began, Judgement: backtest.Judgement{At: began.Add(time.Minute), ReadyAt: began}}
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
