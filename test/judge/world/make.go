package world

import (
	"math"
	"math/rand/v2"
)

const (
	badShare     = 0.01
	medianSecond = 0.080
	sigma        = 0.6
	stableSize   = 4
	// warming is how much slower a pod that just started is, settling how many
	// seconds it takes to lose most of that.
	warming  = 0.5
	settling = 60
)

// Make makes up a run of a cell.
func Make(c Cell, seed, number uint64) *Run {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, number)), cell: c}
	g.weather()
	run := &Run{}
	canary := pods{size: 1, fresh: true, errors: 1, slow: 1}
	switch c.Of {
	case Errors:
		canary.errors = c.Factor
	case Latency:
		canary.slow = c.Factor
	}
	if c.Scenario == SlowNode {
		canary.slow *= 1.15
	}
	g.side(&run.Canary, canary)
	g.side(&run.Baseline, pods{size: 1, fresh: true, errors: 1, slow: 1})
	g.side(&run.Stable, pods{size: stableSize, errors: 1, slow: 1})
	if c.Scenario == Missing {
		g.loseAll(run)
	}
	return run
}

// generator makes up one run.
type generator struct {
	*rand.Rand
	cell Cell
	// What all sides have in common at each tick, as factors.
	traffic, errors, slow [ticks]float64
	// shares are those of latencies that were computed last, for each tick: the next
	// side often has the same.
	shares [ticks]struct {
		median float64
		of     Buckets
	}
}

// weather makes up what all pods have in common.
func (g *generator) weather() {
	for k := range ticks {
		g.traffic[k], g.errors[k], g.slow[k] = 1, 1, 1
	}
	switch g.cell.Scenario {
	case Drift:
		g.wander(&g.traffic, 0.4)
		g.wander(&g.errors, 0.6)
		g.wander(&g.slow, 0.3)
	case Incident:
		for range 1 + g.IntN(2) {
			from, n := g.IntN(ticks), (60+g.IntN(180))/tickSeconds
			for k := from; k < min(ticks, from+n); k++ {
				g.errors[k], g.slow[k] = 10, 4
			}
		}
	}
}

// wander lets factors wander around 1, with a memory of ten minutes.
func (g *generator) wander(f *[ticks]float64, spread float64) {
	keep := math.Exp(-tickSeconds / 600.0)
	x := g.NormFloat64()
	for k := range f {
		x = keep*x + math.Sqrt(1-keep*keep)*g.NormFloat64()
		f[k] = math.Exp(spread * x)
	}
}

// pods are those of one side.
type pods struct {
	size         float64
	fresh        bool
	errors, slow float64
}

// side makes up the samples of a side. Only fresh pods restart: of many stable
// ones it hardly shows.
func (g *generator) side(s *Side, p pods) {
	const away = 30 / tickSeconds
	early := g.IntN(perScrape) // by how many ticks its scrapes come before the others'
	var sum Counters
	started := 0 // the tick at which the pod started
	for tick := range ticks {
		if g.cell.Scenario == Restarts && p.fresh && tick > started && g.Float64() < tickSeconds/600.0 {
			started = tick + away
			sum = Counters{}
			// What it refuses before it is ready.
			refused := g.poisson(0.1 * g.cell.Rate)
			sum.add(Counters{Total: refused, Bad: refused})
			sum.Latency[0] = refused
		}
		if tick >= started {
			warm := 1.0
			if p.fresh {
				warm += warming * math.Exp(-float64(tick-started)*tickSeconds/settling)
			}
			sum.add(g.tick(tick, p, warm))
		}
		if (tick+1+early)%perScrape == 0 && tick >= started {
			s[(tick+1+early)/perScrape-1] = Sample{Scraped: true, Counters: sum}
		}
	}
}

func (c *Counters) add(d Counters) { *c = c.plus(d) }

// tick makes up what a side counts in a tick.
func (g *generator) tick(k int, p pods, warm float64) Counters {
	var c Counters
	mean := g.cell.Rate * tickSeconds * p.size * g.traffic[k]
	median := medianSecond * p.slow * g.slow[k] * warm
	for i, share := range g.latencies(k, median) {
		c.Latency[i] = g.poisson(mean * share)
		c.Total += c.Latency[i]
	}
	bad := min(0.95, badShare*p.errors*g.errors[k])
	if g.cell.Scenario == Bursts {
		for range int(g.poisson(c.Total * bad / 6.5)) {
			c.Bad = min(c.Total, c.Bad+float64(1+g.IntN(12)))
		}
		return c
	}
	c.Bad = g.binomial(c.Total, bad)
	return c
}

// latencies are the shares of the buckets where latencies have a median.
func (g *generator) latencies(tick int, median float64) *Buckets {
	s := &g.shares[tick]
	if s.median == median {
		return &s.of
	}
	if before := max(0, tick-1); g.shares[before].median == median {
		*s = g.shares[before]
		return &s.of
	}
	s.median = median
	below := 0.0
	for i := range s.of {
		upTo := 1.0
		if i < len(Bounds) {
			upTo = lognormal(Bounds[i], median)
		}
		s.of[i] = upTo - below
		below = upTo
	}
	return &s.of
}

// lognormal is the share of latencies up to x.
func lognormal(x, median float64) float64 {
	return math.Erfc(-math.Log(x/median)/(sigma*math.Sqrt2)) / 2
}

// loseAll takes scrapes away: one in ten of each side, and two minutes of all.
func (g *generator) loseAll(run *Run) {
	from := g.IntN(Scrapes)
	for _, s := range []*Side{&run.Canary, &run.Baseline, &run.Stable} {
		for k := range s {
			if g.Float64() < 0.1 || k >= from && k < from+8 {
				s[k] = Sample{}
			}
		}
	}
}
