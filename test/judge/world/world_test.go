package world

import (
	"math"
	"math/rand/v2"
	"testing"
)

// last is the sum of everything counted, resets and all.
func last(s *Side) Counters {
	var sum Counters
	from := -1
	for k := range s {
		if s[k].Scraped {
			sum = sum.plus(s.Between(from, k))
			from = k
		}
	}
	return sum
}

func TestAHealthyRunIsAsTheServiceIsSaidToBe(t *testing.T) {
	for _, rate := range []float64{1, 10, 100} {
		var canary, baseline, stable Counters
		const runs = 20
		for i := range runs {
			run := Make(Cell{rate, Steady, Regressions[0]}, 1, uint64(i))
			canary, baseline, stable = canary.plus(last(&run.Canary)), baseline.plus(last(&run.Baseline)), stable.plus(last(&run.Stable))
		}
		want := rate * 1800 * runs
		for name, c := range map[string]Counters{"canary": canary, "baseline": baseline} {
			about(t, name+"'s requests", c.Total, want*(1-5.0/1800), 5*math.Sqrt(want)+0.002*want) // the last 5 s are not scraped yet
			about(t, name+"'s errors", c.Bad, want*badShare, 5*math.Sqrt(want*badShare))
		}
		p99, _ := stable.Latency.Quantile(0.99)
		about(t, "the stable pods' P99", p99, 0.42, 0.03)
	}
}

func about(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within {
		t.Errorf("%s: %v, want about %v", what, got, want)
	}
}

func TestRegressionsAreTheCanarysAlone(t *testing.T) {
	run := Make(Cell{100, Steady, Regression{Errors, 5}}, 1, 1)
	about(t, "the canary's errors", last(&run.Canary).Bad, 9000, 600)
	about(t, "the baseline's errors", last(&run.Baseline).Bad, 1800, 300)
	run = Make(Cell{100, Steady, Regression{Latency, 5}}, 1, 1)
	canary, _ := last(&run.Canary).Latency.Quantile(0.5)
	baseline, _ := last(&run.Baseline).Latency.Quantile(0.5)
	about(t, "the ratio of the medians", canary/baseline, 5, 0.6)
}

func TestAnIncidentHitsAll(t *testing.T) {
	run := Make(Cell{100, Incident, Regressions[0]}, 1, 1)
	for name, s := range map[string]*Side{"canary": &run.Canary, "baseline": &run.Baseline, "stable": &run.Stable} {
		most := 0.0
		for k := range s {
			if c := s.Between(k-1, k); c.Total > 0 {
				most = max(most, c.Bad/c.Total)
			}
		}
		if most < 0.05 {
			t.Errorf("%s: the worst interval has %v errors", name, most)
		}
	}
}

func TestRestartsResetCountersAndMissingScrapesAreMissing(t *testing.T) {
	resets, gaps := 0, 0
	for i := range 20 {
		run := Make(Cell{10, Restarts, Regressions[0]}, 1, uint64(i))
		from := 0
		for k := 1; k < Scrapes; k++ {
			if run.Canary[k].Scraped {
				if run.Canary[k].Total < run.Canary[from].Total {
					resets++
				}
				from = k
			}
		}
		run = Make(Cell{10, Missing, Regressions[0]}, 1, uint64(i))
		for k := range run.Canary {
			if !run.Canary[k].Scraped {
				gaps++
			}
		}
	}
	if resets < 20 || resets > 100 {
		t.Errorf("%d resets in 20 runs", resets)
	}
	if gaps < 200 || gaps > 600 {
		t.Errorf("%d gaps in 20 runs", gaps)
	}
}

func TestBetweenIsWhatWasCountedSinceAReset(t *testing.T) {
	var s Side
	s[0] = Sample{true, Counters{Total: 50, Bad: 5}}
	s[1] = Sample{true, Counters{Total: 80, Bad: 6}}
	s[2] = Sample{true, Counters{Total: 90, Bad: 2}} // more requests already, but fewer errors: reset
	for _, tt := range []struct {
		from, to   int
		total, bad float64
	}{{-1, 0, 50, 5}, {0, 1, 30, 1}, {1, 2, 90, 2}} {
		if c := s.Between(tt.from, tt.to); c.Total != tt.total || c.Bad != tt.bad {
			t.Errorf("Between(%d, %d) = %v of %v, want %v of %v", tt.from, tt.to, c.Bad, c.Total, tt.bad, tt.total)
		}
	}
}

func TestQuantileIsSpreadWithinItsBucket(t *testing.T) {
	var b Buckets
	b[4], b[5] = 50, 50 // 50 to 100 ms, 100 to 250 ms
	for q, want := range map[float64]float64{0.25: 0.075, 0.5: 0.1, 0.75: 0.175, 1: 0.25} {
		if got, ok := b.Quantile(q); !ok || math.Abs(got-want) > 1e-12 {
			t.Errorf("Quantile(%v) = %v, %v, want %v", q, got, ok, want)
		}
	}
	if _, ok := (Buckets{}).Quantile(0.5); ok {
		t.Error("a quantile of no requests")
	}
	if got := b.Over(4); got != 50 {
		t.Errorf("Over(100 ms) = %v, want 50", got)
	}
}

func TestDrawsHaveTheirMeans(t *testing.T) {
	g := &generator{Rand: rand.New(rand.NewPCG(1, 1))}
	for _, mean := range []float64{0.01, 0.5, 3, 25, 60} {
		sum, squares := 0.0, 0.0
		const n = 20000
		for range n {
			v := g.poisson(mean)
			sum, squares = sum+v, squares+v*v
		}
		about(t, "a Poisson mean", sum/n, mean, 5*math.Sqrt(mean/n))
		about(t, "a Poisson variance", squares/n-sum/n*sum/n, mean, 0.1*mean+0.001)
		sum = 0
		for range n {
			sum += g.binomial(200, mean/200)
		}
		about(t, "a binomial mean", sum/n, mean, 5*math.Sqrt(mean/n))
	}
}
