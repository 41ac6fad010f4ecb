package analysis

import (
	"fmt"
	"math"
	"slices"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// List: the query counts things by a label, such as requests by code. A value of
// the label is bad if it matches an entry of the bad list, or if there is a good
// list and it matches none of that. The share of bad ones in the count of all is
// no greater than the tolerance. Where nothing was counted there is no data. A
// series without the label has its value "", as in PromQL, and a list of bad ones
// alone does not say what that is; if no series has the label, the query does not
// count by it, and that is an error. What is negative is no count.

func listed(l v1alpha1.List) (criterion, error) {
	tolerance, err := query.ParseTolerance(l.Tolerance)
	if err != nil {
		return criterion{}, fmt.Errorf("tolerance %q %w", l.Tolerance, err)
	}
	zero := 0.0
	within := limits{Range: v1alpha1.Range{Min: &zero, Max: &tolerance}}
	rule := fmt.Sprintf("[0, %s] of %s bad", Number(tolerance), l.Label)
	return criterion{
		rule:   rule,
		limits: func(string) (limits, bool) { return within, true },
		ruleOf: func(limits) string { return rule },
		reasons: map[string]string{
			v1alpha1.MeasuredInRange:  v1alpha1.MeasuredInList,
			v1alpha1.MeasuredAboveMax: v1alpha1.MeasuredOutOfList,
		},
		say: func(v float64, _ limits, note string) string {
			if math.IsNaN(v) {
				return "the counts have no share: " + note
			}
			if note == "" {
				return fmt.Sprintf("no %s is bad", l.Label)
			}
			return fmt.Sprintf("%s are of a bad %s (%s), %s are borne", percent(v), l.Label, note, percent(tolerance))
		},
	}, nil
}

// shares turns counts by a label into the share of bad ones: one series, or one
// for each value of the label by.
func shares(l v1alpha1.List, series []Series, by string, at time.Time) ([]track, problem) {
	bad, err := badness(l)
	if err != nil {
		return nil, problem{v1alpha1.MeasuredError, err.Error()}
	}
	c, err := listed(l)
	if err != nil {
		return nil, problem{v1alpha1.MeasuredError, err.Error()}
	}
	if !slices.ContainsFunc(series, func(s Series) bool { _, ok := s.Metric[l.Label]; return ok }) && len(series) > 0 {
		return nil, problem{v1alpha1.MeasuredNoListLabel, fmt.Sprintf(
			"no series has the label %s; let the query keep it, as in sum by (%s) (…)", l.Label, l.Label)}
	}
	within, _ := c.limits("")
	return sharesOf(shared{
		sort: func(s Series) (kind, string) {
			value := s.Metric[l.Label]
			switch {
			case bad(value):
				return countsBad, value
			case value == "" && len(l.Good) == 0:
				return countsUntold, value
			}
			return countsGood, value
		},
		label:  l.Label,
		share:  func(bad, all float64) float64 { return bad / all },
		limits: within,
		unknown: func(t tally) problem {
			return problem{v1alpha1.MeasuredNoListLabel, fmt.Sprintf(
				"%s are of series without the label %s, of which nobody can say whether they are bad; let all of the query keep it, or list good ones",
				percent(t.untold/t.all), l.Label)}
		},
	}, series, by, at)
}

// badness says of a value of the label whether it is bad.
func badness(l v1alpha1.List) (func(string) bool, error) {
	good, _, err := query.ParsePatterns(l.Good)
	if err != nil {
		return nil, err
	}
	bad, _, err := query.ParsePatterns(l.Bad)
	if err != nil {
		return nil, err
	}
	return func(value string) bool {
		return bad.Match(value) || len(good) > 0 && !good.Match(value)
	}, nil
}
