package analysis

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"holdfast.dev/holdfast/api/query"
	"holdfast.dev/holdfast/api/v1alpha1"
)

// List: the query counts things by a label, such as requests by code. A value of
// the label is bad if it matches an entry of the bad list, or if there is a good
// list and it matches none of that. The share of bad ones in the count of all is
// no greater than the tolerance. Where nothing was counted there is no data. A
// series without the label has its value "", as in PromQL; if none has it, the
// query does not count by it, and that is an error. What is negative is no count.

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
	if !slices.ContainsFunc(series, func(s Series) bool { _, ok := s.Metric[l.Label]; return ok }) && len(series) > 0 {
		return nil, problem{v1alpha1.MeasuredNoListLabel, fmt.Sprintf(
			"no series has the label %s; let the query keep it, as in sum by (%s) (…)", l.Label, l.Label)}
	}
	tallies := map[string]map[time.Time]*tally{}
	for _, s := range series {
		key := ""
		if by != "" {
			key = s.Metric[by]
		}
		if tallies[key] == nil {
			tallies[key] = map[time.Time]*tally{}
		}
		value := s.Metric[l.Label]
		isBad := bad(value)
		for _, one := range newTrack(s, at).samples {
			if one.value < 0 {
				return nil, problem{v1alpha1.MeasuredNoCount, fmt.Sprintf("%s of %s %q is no count", Number(one.value), l.Label, clip(value, 60))}
			}
			if tallies[key][one.at] == nil {
				tallies[key][one.at] = &tally{}
			}
			tallies[key][one.at].add(value, one.value, isBad)
		}
	}
	var out []track
	for _, key := range keysOf(tallies) {
		t := track{series: "all"}
		if by != "" {
			t.series, t.label = fmt.Sprintf("{%s=%q}", by, key), map[string]string{by: key}
		}
		for when, counted := range tallies[key] {
			if counted.all != 0 {
				t.samples = append(t.samples, sample{at: when, value: counted.share(), note: counted.note()})
			}
		}
		slices.SortFunc(t.samples, func(a, b sample) int { return a.at.Compare(b.at) })
		if len(t.samples) > 0 {
			out = append(out, t)
		}
	}
	return out, problem{}
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

// tally counts at one time.
type tally struct {
	all, bad float64
	// values are the counts of the bad ones.
	values map[string]float64
}

type counted struct {
	value string
	count float64
}

func (t *tally) add(value string, count float64, bad bool) {
	t.all += count
	if !bad || count == 0 {
		return
	}
	t.bad += count
	if t.values == nil {
		t.values = map[string]float64{}
	}
	t.values[value] += count
}

// share is that of the bad in all; NaN where a count is no number.
func (t *tally) share() float64 {
	if !finite(t.all) {
		return math.NaN()
	}
	return t.bad / t.all
}

// note names the bad values that were counted most.
func (t *tally) note() string {
	if !finite(t.all) {
		return "one of them is " + Number(t.all)
	}
	most := make([]counted, 0, len(t.values))
	for value, count := range t.values {
		most = append(most, counted{value, count})
	}
	slices.SortFunc(most, func(a, b counted) int {
		return cmp.Or(cmp.Compare(b.count, a.count), strings.Compare(a.value, b.value))
	})
	var out []string
	for i, c := range most {
		if i == 3 {
			out = append(out, "…")
			break
		}
		out = append(out, fmt.Sprintf("%s: %s", clip(cmp.Or(c.value, `""`), 40), percent(c.count/t.all)))
	}
	return strings.Join(out, ", ")
}
