package evidence

import (
	"fmt"
	"math"
)

// CountTest compares how often something bad happened: bad requests among all
// requests.
//
// # The guarantee
//
// Take intervals i with totals n and m of canary and baseline and bad ones X and
// Y among them. The hypothesis is that in every interval, given all before it
// and the totals, bad ones happen independently of each other, and the canary's
// rate is at most r0 = 1+Tolerance times the baseline's, plus Slack. The rates
// themselves may be anything and may change from interval to interval, and from
// request to request. Then the probability that the State is ever Worse is at
// most Alpha, whatever the number of looks and whenever one stops.
//
// The proof: for a ratio r >= r0 let p and q be r0·n/(m+r0·n) and r·n/(m+r·n),
// the canary's share of the bad ones under either ratio. The factor
//
//	(q/p)^X · ((1-q)/(1-p))^Y · exp(-Slack·n·(q-p)/p)
//
// has a mean of at most 1, because 1+x <= exp(x) makes it, for Bernoulli and for
// Poisson counts alike, at most
//
//	exp((q-p)·(n·a/p - m·b/(1-p) - n·Slack/p)) <= 1
//
// with the rates a <= r0·b + Slack. So the product of the factors of all
// intervals is a nonnegative supermartingale, so is its mixture over the ratios
// of a grid, and Ville's inequality says that it ever reaches 1/Alpha with
// probability Alpha at most. The same with the signs turned gives NotWorse: if
// the canary's rate is at least Catch times the baseline's, the probability that
// the State is ever NotWorse is at most Beta.
//
// For Poisson counts this is the sequential test of two counting processes of
// Lindon and Malek, "Anytime-Valid Inference for Multinomial Count Data" (NeurIPS
// 2022, arXiv:2011.03567), with a discrete mixture, totals that change and a
// composite null. E-values of two Bernoulli streams: Turner, Ly and Grünwald,
// "Generic E-variables for exact sequential k-sample tests that allow for
// optional stopping" (arXiv:2106.02693). Inversion to confidence sequences:
// Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric,
// nonasymptotic confidence sequences" (Annals of Statistics 49, 2021).
//
// Because only the share of an interval's bad ones counts, an incident that hits
// both sides alike is no evidence, nor is a drift of the rates.
//
// An interval's factor is capped at the square root of 1/Alpha (or 1/Beta), which
// only lowers its mean: it takes three intervals to decide, never one or two.
// Pods are not scraped at the same moment, so when an incident begins one side
// has up to a scrape interval of it more; and failures do come in bursts. The cap
// bounds what either can do. The bounds of Effect have no cap; they are held back
// to what the State says.
//
// # What breaks it
//
// Bad events that come in bursts on one side (retries, a batch, requests in
// flight when a pod dies): they are not independent. Burst is the remedy. And
// everything that makes the sides differ apart from the template.
//
// A ratio that changes during a run is outside of what it is best at: a leak
// that begins after an hour must make up for an hour of good evidence.
type CountTest struct {
	// Tolerance is how much higher the canary's rate may be, as a share of the
	// baseline's.
	Tolerance float64
	// Slack is how much higher it may be besides, in bad ones of all: 0.001 is one
	// in a thousand. It keeps a canary from failing by twelve errors in a million
	// where the baseline has none.
	Slack float64
	// Catch is the regression worth catching, as a factor, at least 1.2 times
	// 1+Tolerance.
	Catch float64
	// Alpha is the probability of a false alarm, Beta that of a miss.
	Alpha, Beta float64
	// Burst is the largest number of bad ones with one cause, 1 if they are
	// independent. The evidence is that of bursts instead of events, which keeps
	// the guarantee: bursts B <= Burst satisfy exp(s·B/Burst) <= 1 + (exp(s)-1)·B/Burst.
	Burst float64
	// MinTotal and MinPoints are how much each side must have seen, in how many
	// intervals, before it is found NotWorse.
	MinTotal  float64
	MinPoints int
	// Words are those of the sentence.
	Words Words
}

// Words say what was counted. The zero value speaks of failed requests.
type Words struct {
	// Verb is what a bad one did: "failed". Noun is of what: "requests".
	Verb, Noun string
}

func (c CountTest) grid() (grid, error) {
	switch {
	case !(c.Alpha > 0 && c.Alpha < 1) || !(c.Beta > 0 && c.Beta < 1):
		return grid{}, fmt.Errorf("probabilities of a false alarm %v and of a miss %v: want both between 0 and 1", c.Alpha, c.Beta)
	case !finite(c.Slack) || c.Slack < 0:
		return grid{}, fmt.Errorf("slack %v: want 0 or more", c.Slack)
	case !finite(c.Burst) || c.Burst < 1:
		return grid{}, fmt.Errorf("burst %v: want 1 or more", c.Burst)
	case math.IsNaN(c.MinTotal):
		return grid{}, fmt.Errorf("minimum %v: want a number", c.MinTotal)
	}
	return newGrid(c.Tolerance, c.Catch)
}

// Judge says what the intervals of a tally come to.
func (c CountTest) Judge(t Tally) (Result, error) {
	g, err := c.grid()
	if err != nil {
		return Result{}, err
	}
	if err := t.fits(g); err != nil {
		return Result{}, err
	}
	r := Result{
		State: Undecided, Points: t.Points, PWorse: 1, PNotWorse: 1,
		Effect: EffectSize{Estimate: ratio(t.Sum), High: math.Inf(1)},
	}
	if len(t.Log) > 0 {
		r.PWorse = pValue(logMean(t.Worse, func(k int) float64 { return g.above(k + 1) }))
		r.PNotWorse = pValue(logMean(t.NotWorse, func(k int) float64 { return g.below(k - g.half) }))
		r.Effect.Low, r.Effect.High = mixture{g, t.Log, c.Burst}.bounds(c.Alpha, c.Beta)
		if r.PWorse > c.Alpha {
			r.Effect.Low = min(r.Effect.Low, g.null)
		}
		if r.PNotWorse > c.Beta {
			r.Effect.High = max(r.Effect.High, c.Catch)
		}
	}
	switch enough := t.Points >= c.MinPoints && min(t.Sum.CanaryTotal, t.Sum.BaselineTotal) >= c.MinTotal; {
	case r.PWorse <= c.Alpha:
		r.State = Worse
	case !enough:
		r.State = TooFew
	case r.PNotWorse <= c.Beta && c.within(t.Sum):
		r.State = NotWorse
	}
	r.sentence = c.sentence(t, r)
	return r, nil
}

// penalty is what Slack takes off the logarithm of an interval's evidence for
// ratio j: Slack·n·(q-p)/p.
func (c CountTest) penalty(g grid, i Interval, j int) float64 {
	n, m, r := i.CanaryTotal, i.BaselineTotal, g.at(j)
	return c.Slack * n * (m / (m + r*n)) * (r - g.null) / g.null
}

// within says whether what was counted, chance and all, lies within the
// tolerance. It is asked before NotWorse only, which it makes rarer.
func (c CountTest) within(s Interval) bool {
	return s.CanaryBad/s.CanaryTotal <= (1+c.Tolerance)*s.BaselineBad/s.BaselineTotal+c.Slack
}

func ratio(s Interval) float64 {
	if s.CanaryTotal == 0 || s.BaselineTotal == 0 {
		return math.NaN()
	}
	return (s.CanaryBad / s.CanaryTotal) / (s.BaselineBad / s.BaselineTotal)
}

// pValue makes an anytime-valid p-value of the logarithm of an e-value.
func pValue(logE float64) float64 { return min(1, math.Exp(-logE)) }
