// Package judges has the rules that the bench compares: plain thresholds as
// Flagger and Argo Rollouts apply them, Kayenta's NetflixACAJudge, and
// Holdfast's own. Each is told nothing but what Prometheus holds, and is set as
// someone would set it who knows what the service is normally like: errors 1 %,
// 99th percentile of latencies some 420 ms (so it looks through the buckets).
package judges

import "holdfast.dev/holdfast/test/judge/world"

// Outcome is how a run ends.
type Outcome string

const (
	// Released: the canary was found good enough.
	Released Outcome = "released"
	// Reverted: it was found bad.
	Reverted Outcome = "reverted"
	// Undecided: half an hour was not enough.
	Undecided Outcome = "undecided"
)

// Verdict is an outcome and after how many seconds it was reached.
type Verdict struct {
	Outcome Outcome
	Seconds int
}

// Judge is one rule.
type Judge struct {
	// Name is short, Settings says how it is set.
	Name, Settings string
	// Decide judges a run that begins when the canary is Ready. It may look ahead
	// of no check that it has not come to.
	Decide func(*world.Run) Verdict
}

// All are the judges of the bench.
func All() []Judge {
	strict := limits{errors: 0.02, p99: 0.6}
	lenient := limits{errors: 0.04, p99: 1}
	return []Judge{
		flagger("Flagger, strict", strict),
		flagger("Flagger, lenient", lenient),
		argo("Argo Rollouts, strict", strict),
		argo("Argo Rollouts, lenient", lenient),
		kayenta(),
		holdfast(),
		holdfastCounting(),
		holdfastStable(),
	}
}

func end(o Outcome, check int) Verdict { return Verdict{o, check * world.CheckSeconds} }

// newest is the number of the newest sample at a check, which are counted from 1.
func newest(check int) int { return check*world.PerCheck - 1 }
