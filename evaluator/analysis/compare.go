package analysis

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis/evidence"
	"holdfast.dev/holdfast/internal/query"
)

// Comparison: the canary is no worse than other pods that run at the same time,
// beyond a tolerance. Package evidence has what that means and how sure it is.
//
// Worse fails. That a regression worth catching is ruled out passes, and so does
// what tells neither way, unless the plan requires more. Too little for a pass is
// no data: while the period lasts it counts against no limit, for it comes with
// time; afterwards it does. A side that is no longer scraped is no data at any
// time, whatever was found before.

// ComparisonSamples are the answers to the queries of a comparison.
type ComparisonSamples struct {
	// Canary are those about the canary, Other those about what it is compared with.
	Canary, Other SideSamples
	// Since is when what is compared begins.
	Since time.Time
	// Asked is since when samples of counters were asked for.
	Asked time.Time
	// Scrape is how often samples are taken; zero if not known.
	Scrape time.Duration
}

// SideSamples is the samples of one side: of counters as they were scraped, or of a
// value at the end of each window.
type SideSamples struct {
	Bad, Good, Total []Series
	Values           []Series
	// Made is when pods of this side were made, by their names, as far as it is known.
	Made map[string]time.Time
}

// FalseAlarms is the probability of a false alarm that each comparison of a plan
// may spend.
func FalseAlarms(spec *v1alpha1.CanaryPlanSpec) float64 {
	share, err := query.ParseShare(spec.Analysis.FalseAlarms)
	if err != nil { // refused with the plan
		share = evidence.DefaultFalseAlarms
	}
	return evidence.Split(share, len(spec.Comparisons()))
}

func judgeComparison(m *v1alpha1.Measurement, metric v1alpha1.Metric, before v1alpha1.MetricStatus, at time.Time, o Observation) {
	if o.Comparison == nil {
		refuse(m, v1alpha1.MeasuredError, "neither side was asked for")
		return
	}
	judge := judgeValuesOfSides
	if metric.Compare.Count != nil {
		judge = judgeCounts
	}
	r, found := judge(metric, before, at, o)
	if found.reason == v1alpha1.MeasuredNoData && r.State != evidence.Worse {
		m.Outcome, m.Reason, m.Message = v1alpha1.OutcomeNoData, found.reason, found.says
		return
	}
	if found.reason != "" && found.reason != v1alpha1.MeasuredNoData {
		refuse(m, found.reason, found.says)
		return
	}
	m.Message = r.Sentence()
	if e := r.Effect; !math.IsNaN(e.Estimate) && r.Points > 0 {
		m.Value = fmt.Sprintf("%s [%s, %s]", rounded(e.Estimate), rounded(e.Low), rounded(e.High))
	}
	m.Outcome, m.Reason = outcomeOf(r.State, *metric.Compare, o.Late)
}

// outcomeOf says what a state of evidence is worth.
func outcomeOf(s evidence.State, c v1alpha1.Comparison, late bool) (v1alpha1.Outcome, string) {
	required := c.Require == v1alpha1.RequireNotWorse
	switch {
	case s == evidence.Worse:
		return v1alpha1.OutcomeFailed, v1alpha1.MeasuredWorse
	case s == evidence.NotWorse:
		return v1alpha1.OutcomePassed, v1alpha1.MeasuredNotWorse
	case s == evidence.Undecided && !required:
		return v1alpha1.OutcomePassed, v1alpha1.MeasuredUndecided
	case !late:
		return v1alpha1.OutcomeNoData, v1alpha1.MeasuredGathering
	case s == evidence.Undecided:
		return v1alpha1.OutcomeNoData, v1alpha1.MeasuredUndecided
	default:
		return v1alpha1.OutcomeNoData, v1alpha1.MeasuredTooFew
	}
}

// comparisonRule says for people what a comparison asks.
func comparisonRule(c v1alpha1.Comparison) string {
	rule := fmt.Sprintf("at most %s worse than %s", cmp.Or(c.Tolerance, "20%"), otherSide(c))
	if slack, err := query.ParseSlack(c.Slack, c.Count != nil); err == nil && slack > 0 {
		rule += " and " + c.Slack + c.Unit
	}
	return rule
}

func otherSide(c v1alpha1.Comparison) string {
	if c.To == v1alpha1.CompareToStable {
		return "the stable pods"
	}
	return "the baseline"
}

func rounded(v float64) string {
	if short, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64); err == nil {
		return Number(short)
	}
	return Number(v)
}

// patience is for how long a side may be without a new sample.
func (s ComparisonSamples) patience() time.Duration { return max(time.Minute, 4*s.Scrape) }

// comparisonNumbers are the numbers of a comparison. Their errors are for plans
// that validation would have refused.
type comparisonNumbers struct{ tolerance, slack, catch, alpha float64 }

func numbersOf(c v1alpha1.Comparison, falseAlarms float64) (comparisonNumbers, error) {
	n := comparisonNumbers{catch: evidence.DefaultCatch, alpha: falseAlarms}
	var err error
	if n.tolerance, err = query.ParseShare(cmp.Or(c.Tolerance, "20%")); err != nil {
		return n, fmt.Errorf("tolerance %q %w", c.Tolerance, err)
	}
	if n.slack, err = query.ParseSlack(c.Slack, c.Count != nil); err != nil {
		return n, fmt.Errorf("slack %q %w", c.Slack, err)
	}
	if c.Catch != nil {
		n.catch = *c.Catch
	}
	if n.alpha == 0 {
		n.alpha = evidence.DefaultFalseAlarms
	}
	return n, nil
}

func pointsOf(c v1alpha1.Comparison) int {
	if c.Minimum.Points == nil {
		return 1
	}
	return int(*c.Minimum.Points)
}
