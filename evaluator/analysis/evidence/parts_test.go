package evidence

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
)

// plain are the settings most tests start from.
func plain() CountTest {
	return CountTest{
		Tolerance: 0.2, Catch: 2, Alpha: 0.01, Beta: 0.05, Burst: 1,
		MinTotal: 100, MinPoints: 4,
	}
}

func latency() ValueTest {
	return ValueTest{Worse: Higher, Tolerance: 0.2, Catch: 2, Alpha: 0.01, Beta: 0.05, MinPoints: 6, Unit: " ms"}
}

func tallied(t *testing.T, c CountTest, intervals ...Interval) Tally {
	t.Helper()
	var tally Tally
	for _, i := range intervals {
		var err error
		if tally, err = c.Add(tally, i); err != nil {
			t.Fatalf("Add(%+v) = %v", i, err)
		}
	}
	return tally
}

func judged(t *testing.T, c CountTest, intervals ...Interval) Result {
	t.Helper()
	r, err := c.Judge(tallied(t, c, intervals...))
	if err != nil {
		t.Fatalf("Judge = %v", err)
	}
	return r
}

func valued(t *testing.T, v ValueTest, pairs []Pair) Result {
	t.Helper()
	r, err := v.Judge(pairs)
	if err != nil {
		t.Fatalf("Judge = %v", err)
	}
	return r
}

// throughJSON is what a restart does to a tally.
func throughJSON(t *testing.T, tally Tally) Tally {
	t.Helper()
	text, err := json.Marshal(tally)
	if err != nil {
		t.Fatal(err)
	}
	var back Tally
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// seeded makes a test's randomness the same every time.
func seeded(n uint64) *rand.Rand { return rand.New(rand.NewPCG(n, 7)) }

// binomial draws how many of n happen.
func binomial(r *rand.Rand, n int, p float64) float64 {
	k := 0
	for range n {
		if r.Float64() < p {
			k++
		}
	}
	return float64(k)
}

// chance is the probability of k of n.
func chance(n, k int, p float64) float64 {
	choose, _ := math.Lgamma(float64(n + 1))
	a, _ := math.Lgamma(float64(k + 1))
	b, _ := math.Lgamma(float64(n - k + 1))
	return math.Exp(choose-a-b) * math.Pow(p, float64(k)) * math.Pow(1-p, float64(n-k))
}

// atMost fails if an observed share speaks against a probability: three standard
// deviations and a bit above it.
func atMost(t *testing.T, what string, happened, runs int, p float64) {
	t.Helper()
	limit := p + 3*math.Sqrt(p*(1-p)/float64(runs)) + 1/float64(runs)
	if share := float64(happened) / float64(runs); share > limit {
		t.Errorf("%s in %.4f of %d runs, want at most %v", what, share, runs, p)
	}
}
