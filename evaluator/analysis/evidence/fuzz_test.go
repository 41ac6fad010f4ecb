package evidence

import (
	"math"
	"testing"
)

// sane fails if a result is one that nobody can act on.
func sane(t *testing.T, r Result) {
	t.Helper()
	for _, p := range []float64{r.PWorse, r.PNotWorse} {
		if !(p >= 0 && p <= 1) {
			t.Errorf("p-value %v", p)
		}
	}
	if math.IsNaN(r.Effect.Low) || math.IsNaN(r.Effect.High) || r.State == "" || r.Sentence() == "" {
		t.Errorf("%+v", r)
	}
}

func FuzzCounts(f *testing.F) {
	f.Add(3.0, 300.0, 3.0, 300.0, 0.2, 2.0, 0.0, 1.0)
	f.Add(0.0, 0.0, 0.0, 0.0, 0.0, 1.2, 0.001, 4.0)
	f.Add(9e15, 9e15, 0.0, 1.0, 1.0, 5.0, 1.0, 1.0)
	f.Add(math.NaN(), math.Inf(1), -1.0, 1e-300, 0.2, 2.0, 0.0, 1.0)
	f.Add(1e15, 1e-9, 1e15, 9e15, 0.2, 2.0, 1e300, 1.0)
	f.Fuzz(func(t *testing.T, x, n, y, m, tolerance, catch, slack, burst float64) {
		c := CountTest{Tolerance: tolerance, Catch: catch, Slack: slack, Burst: burst, Alpha: 0.01, Beta: 0.05}
		var tally Tally
		for range 3 {
			var err error
			if tally, err = c.Add(tally, Interval{x, n, y, m}); err != nil {
				return
			}
		}
		r, err := c.Judge(tally)
		if err != nil {
			t.Fatalf("Add took what Judge refuses: %v", err)
		}
		sane(t, r)
	})
}

func FuzzValues(f *testing.F) {
	f.Add(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.2, 2.0, 0.0, false)
	f.Add(math.NaN(), math.Inf(1), math.Inf(-1), 0.0, -1.0, 1e308, 0.0, 1.1, 1e308, true)
	f.Add(-1e308, 1e308, 5e-324, 1e308, 0.0, 0.0, 1e300, 1e301, 0.0, true)
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g, tolerance, catch, slack float64, lower bool) {
		v := ValueTest{Worse: Higher, Tolerance: tolerance, Catch: catch, Slack: slack, Alpha: 0.05, Beta: 0.05, MinPoints: 3}
		if lower {
			v.Worse = Lower
		}
		var pairs []Pair
		for range 5 {
			pairs = append(pairs, Pair{a, b}, Pair{c, d}, Pair{e, g})
		}
		r, err := v.Judge(pairs)
		if err != nil {
			return
		}
		sane(t, r)
	})
}
