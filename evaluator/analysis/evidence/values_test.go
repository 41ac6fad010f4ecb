package evidence

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// noisy makes windows with values around the medians of both sides.
func noisy(r *rand.Rand, n int, canary, baseline, spread float64) []Pair {
	out := make([]Pair, n)
	for i := range out {
		out[i] = Pair{canary * math.Exp(spread*r.NormFloat64()), baseline * math.Exp(spread*r.NormFloat64())}
	}
	return out
}

func TestValues(t *testing.T) {
	higher, lower := latency(), latency()
	lower.Worse, lower.Unit = Lower, ""
	for name, tt := range map[string]struct {
		values ValueTest
		pairs  []Pair
		want   State
	}{
		"nothing seen is too few":                                   {higher, nil, TooFew},
		"a few windows are too few":                                 {higher, noisy(seeded(1), 5, 500, 100, 0.2), TooFew},
		"five times as slow is worse after seven windows":           {higher, noisy(seeded(1), 7, 500, 100, 0.2), Worse},
		"half as slow again is worse after many":                    {higher, noisy(seeded(1), 60, 150, 100, 0.2), Worse},
		"within the tolerance is not worse":                         {higher, noisy(seeded(1), 120, 110, 100, 0.2), NotWorse},
		"the same is not worse after ten":                           {higher, noisy(seeded(1), 10, 100, 100, 0.2), NotWorse},
		"faster is not worse":                                       {higher, noisy(seeded(1), 10, 30, 100, 0.2), NotWorse},
		"a noisy value tells neither way":                           {higher, noisy(seeded(1), 8, 150, 100, 1), Undecided},
		"lower can be what is worse":                                {lower, noisy(seeded(1), 10, 20, 100, 0.2), Worse},
		"and then higher is not":                                    {lower, noisy(seeded(1), 10, 500, 100, 0.2), NotWorse},
		"windows without a value on a side are left out":            {higher, append(repeatPair(Pair{math.NaN(), 1}, 60), repeatPair(Pair{1, math.Inf(1)}, 60)...), TooFew},
		"negative values are compared":                              {higher, noisy(seeded(1), 10, -20, -100, 0.2), Worse},
		"negative values that are as they were are not worse":       {higher, noisy(seeded(1), 20, -100, -100, 0.1), NotWorse},
		"values that never change are not worse":                    {higher, repeatPair(Pair{7, 7}, 20), NotWorse},
		"an absolute tolerance covers small values":                 {slack(higher, 10), noisy(seeded(1), 60, 5, 1, 0.2), Undecided},
		"a shared incident is no evidence":                          {higher, append(noisy(seeded(1), 10, 100, 100, 0.2), noisy(seeded(2), 10, 9000, 9000, 0.2)...), NotWorse},
		"a minimum holds back a pass":                               {minimum(higher, 99), noisy(seeded(1), 60, 100, 100, 0.2), TooFew},
		"a minimum does not hold back a failure":                    {minimum(higher, 99), noisy(seeded(1), 60, 500, 100, 0.2), Worse},
		"once worse a canary stays worse, whatever it is later":     {higher, append(noisy(seeded(1), 10, 500, 100, 0.2), noisy(seeded(1), 200, 50, 100, 0.2)...), Worse},
		"all zero is no difference":                                 {higher, repeatPair(Pair{0, 0}, 20), Undecided},
		"the largest numbers there are do not upset it":             {higher, repeatPair(Pair{math.MaxFloat64, 1}, 20), Worse},
		"numbers of either sign that are as large do not, either":   {higher, repeatPair(Pair{math.MaxFloat64, -math.MaxFloat64}, 20), Worse},
		"an unchanged value near zero is not judged by its factors": {slack(higher, 1), repeatPair(Pair{0.5, 0}, 60), Undecided},
	} {
		t.Run(name, func(t *testing.T) {
			if r := valued(t, tt.values, tt.pairs); r.State != tt.want {
				t.Errorf("State = %s, want %s: %s (p worse %.3g, not worse %.3g)", r.State, tt.want, r.Sentence(), r.PWorse, r.PNotWorse)
			}
		})
	}
}

func slack(v ValueTest, by float64) ValueTest { v.Slack = by; return v }
func minimum(v ValueTest, n int) ValueTest    { v.MinPoints = n; return v }

func repeatPair(p Pair, n int) []Pair {
	out := make([]Pair, n)
	for i := range out {
		out[i] = p
	}
	return out
}

func TestValuesSentences(t *testing.T) {
	rising := make([]Pair, 9)
	for i := range rising {
		rising[i] = Pair{400 + float64(i), 100 + float64(i)/2}
	}
	lower := latency()
	lower.Worse, lower.Unit = Lower, ""
	for want, got := range map[string]Result{
		"the canary's median was 402 ms, the baseline's 101 ms, in 6 windows: 4 times as much (at least 3.9 times, 99 % sure)":        valued(t, latency(), rising),
		"the canary's median was 104 ms, the baseline's 104 ms, in 40 windows: just as much (at most 1 times, 95 % sure)":             valued(t, latency(), repeatPair(Pair{104, 104}, 40)),
		"the canary's median was 1,500 ms, the baseline's 100 ms, in 2 windows: 15 times as much; before a pass 6 windows are wanted": valued(t, latency(), []Pair{{1000, 100}, {2000, 100}}),
		"the canary's median was 0 ms, the baseline's -3 ms, in 1 window: a difference of 3 ms; before a pass 6 windows are wanted":   valued(t, latency(), []Pair{{0, -3}}),
		"the canary's median was 50, the baseline's 100, in 6 windows: 0.5 times as much (at most 0.5 times, 99 % sure)":              valued(t, lower, repeatPair(Pair{50, 100}, 9)),
		"there was no window in which both sides had a value":                                                                         valued(t, latency(), nil),
	} {
		if got.Sentence() != want {
			t.Errorf("Sentence = %q\nwant       %q", got.Sentence(), want)
		}
	}
}

func TestValuesErrNoMoreOftenThanTheyMay(t *testing.T) {
	const runs, rounds = 600, 60
	v := latency()
	v.Alpha, v.Beta, v.MinPoints = 0.05, 0.05, 0
	for name, tt := range map[string]struct {
		factor float64
		wrong  State
		drift  float64
	}{
		"at the tolerance":                             {1.2, Worse, 0},
		"at the tolerance, with drift and incidents":   {1.2, Worse, 0.3},
		"without a difference":                         {1, Worse, 0},
		"without a difference, with drift":             {1, Worse, 0.3},
		"at the regression worth catching":             {2, NotWorse, 0},
		"at the regression worth catching, with drift": {2, NotWorse, 0.3},
	} {
		t.Run(name, func(t *testing.T) {
			r, wrong := seeded(9), 0
			for range runs {
				pairs, common := make([]Pair, 0, rounds), 100.0
				for range rounds {
					common *= math.Exp(tt.drift * r.NormFloat64())
					pairs = append(pairs, noisy(r, 1, common*tt.factor, common, 0.5)...)
				}
				worse, notWorse, err := v.Decided(pairs)
				if err != nil {
					t.Fatal(err)
				}
				if tt.wrong == Worse && worse > 0 || tt.wrong == NotWorse && notWorse > 0 {
					wrong++
				}
			}
			atMost(t, string(tt.wrong), wrong, runs, 0.05)
		})
	}
}

func TestValuesBoundsHoldTheTrueRatio(t *testing.T) {
	const runs = 400
	v := latency()
	v.Alpha, v.Beta = 0.05, 0.05
	r, low, high := seeded(10), 0, 0
	for range runs {
		factor := math.Exp(r.NormFloat64())
		res := valued(t, v, noisy(r, 6+r.IntN(40), 100*factor, 100, 0.4))
		if factor < res.Effect.Low {
			low++
		}
		if factor > res.Effect.High {
			high++
		}
	}
	atMost(t, "a lower bound above the true ratio", low, runs, v.Alpha)
	atMost(t, "an upper bound below the true ratio", high, runs, v.Beta)
}

func TestValuesLookedAtLaterDecideTheSame(t *testing.T) {
	v, r := latency(), seeded(11)
	for range 50 {
		all := noisy(r, 60, 150, 100, 0.3)
		was := Undecided
		for n := range all {
			res := valued(t, v, all[:n])
			if was == Worse && res.State != Worse {
				t.Fatalf("worse after %d windows, %s after one more", n-1, res.State)
			}
			was = res.State
		}
	}
}

func TestOneSlowerWindowIsNeverBetter(t *testing.T) {
	v, r := latency(), seeded(12)
	for range 200 {
		pairs := noisy(r, 6+r.IntN(20), 130, 100, 0.4)
		now := valued(t, v, pairs)
		if now.State == Worse {
			continue
		}
		pairs[r.IntN(len(pairs))].Canary *= 3
		then := valued(t, v, pairs)
		if then.PWorse > now.PWorse+1e-12 || now.State != NotWorse && then.State == NotWorse {
			t.Fatalf("a slower window took p from %v to %v, %s to %s", now.PWorse, then.PWorse, now.State, then.State)
		}
	}
}

func TestLooksSpendNoMoreThanThereIs(t *testing.T) {
	for _, p := range []float64{0.1, 0.05, 0.01, 0.005, 0.001, 1e-6} {
		sum, last := 0.0, 0
		for _, l := range looksUntil(1e6, p) {
			if l.at <= last {
				t.Errorf("p %v: a look at %d after one at %d", p, l.at, last)
			}
			sum, last = sum+l.spend, l.at
		}
		first := looksUntil(1e6, p)[0]
		if sum > p || cut(first.at, first.spend) < 0 {
			t.Errorf("p %v: %v spent; the first look at %d can never reject", p, sum, first.at)
		}
	}
}

func TestPairs(t *testing.T) {
	at := func(s int, v float64) Point { return Point{time.Unix(int64(s), 0), v} }
	for name, tt := range map[string]struct {
		canary, baseline []Point
		want             []Pair
	}{
		"windows that overlap are passed over": {
			[]Point{at(0, 1), at(30, 2), at(60, 3), at(90, 4), at(120, 5)},
			[]Point{at(0, 6), at(30, 7), at(60, 8), at(90, 9), at(120, 10)},
			[]Pair{{1, 6}, {3, 8}, {5, 10}},
		},
		"a time that only one side has is passed over, and the next taken": {
			[]Point{at(0, 1), at(30, 2), at(90, 4)}, []Point{at(0, 6), at(60, 8), at(90, 9)},
			[]Pair{{1, 6}, {4, 9}},
		},
		"a value that is none is passed over": {
			[]Point{at(0, math.NaN()), at(30, 2)}, []Point{at(0, 6), at(30, 7)},
			[]Pair{{2, 7}},
		},
		"the order they come in does not matter": {
			[]Point{at(60, 3), at(0, 1)}, []Point{at(60, 8), at(0, 6)},
			[]Pair{{1, 6}, {3, 8}},
		},
		"nothing gives nothing": {nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Pairs(tt.canary, tt.baseline, time.Minute)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestValuesWithImpossibleSettingsAreRefused(t *testing.T) {
	for want, change := range map[string]func(*ValueTest){
		`worse ""`:                    func(v *ValueTest) { v.Worse = "" },
		"tolerance -1":                func(v *ValueTest) { v.Tolerance = -1 },
		"slack NaN":                   func(v *ValueTest) { v.Slack = math.NaN() },
		"regression worth catching 1": func(v *ValueTest) { v.Catch = 1 },
		"false alarm 1":               func(v *ValueTest) { v.Alpha = 1 },
		"miss 0":                      func(v *ValueTest) { v.Beta = 0 },
	} {
		v := latency()
		change(&v)
		if _, err := v.Judge(nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Judge = %v, want %q", err, want)
		}
		if _, _, err := v.Decided(nil); err == nil {
			t.Errorf("Decided took settings with %q", want)
		}
	}
}

func TestSplitNeverGivesAwayMoreThanThereIs(t *testing.T) {
	for n := range 20 {
		if got := Split(0.01, n) * float64(max(n, 1)); math.Abs(got-0.01) > 1e-15 {
			t.Errorf("%d metrics spend %v together", n, got)
		}
	}
}
