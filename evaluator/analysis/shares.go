package analysis

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
)

// Shares: a query counts things of several kinds, and what is judged is the share
// of the bad ones in all. What a series counts is good, bad or untold, where its
// labels do not say which. Untold ones never help a pass: that needs the limits to
// be kept though all of them were bad. A failure needs the bad ones alone to
// break them. In between the share is not known, which is an error.

// kind is what a series counts.
type kind int

const (
	countsGood kind = iota
	countsBad
	countsUntold
)

// shared is what a criterion makes of counts.
type shared struct {
	// sort tells of a series what it counts, and the value of the label that shows it.
	sort  func(Series) (kind, string)
	label string
	// share is what is judged, limits is where it must lie.
	share  func(bad, all float64) float64
	limits limits
	// unknown says why nothing can be said, of so many untold ones in all.
	unknown func(tally) problem
}

// sharesOf turns counts into shares: one series, or one for each value of the label by.
func sharesOf(of shared, series []Series, by string, at time.Time) ([]track, problem) {
	tallies := map[string]map[time.Time]*tally{}
	for _, s := range series {
		key := ""
		if by != "" {
			key = s.Metric[by]
		}
		if tallies[key] == nil {
			tallies[key] = map[time.Time]*tally{}
		}
		kind, value := of.sort(s)
		for _, one := range newTrack(s, at).samples {
			if one.value < 0 {
				return nil, problem{v1alpha1.MeasuredNoCount, fmt.Sprintf("%s of %s %q is no count", Number(one.value), of.label, plaintext.Cut(value, 60))}
			}
			if tallies[key][one.at] == nil {
				tallies[key][one.at] = &tally{}
			}
			tallies[key][one.at].add(value, one.value, kind)
		}
	}
	var out []track
	for _, key := range keysOf(tallies) {
		t := track{series: "all"}
		if by != "" {
			t.series, t.label = fmt.Sprintf("{%s=%q}", by, key), map[string]string{by: key}
		}
		for when, counted := range tallies[key] {
			if counted.all == 0 {
				continue
			}
			value, counts := of.judge(*counted)
			if counts == nil {
				return nil, of.unknown(*counted)
			}
			t.samples = append(t.samples, reading{at: when, value: value, note: counted.note(counts)})
		}
		slices.SortFunc(t.samples, func(a, b reading) int { return a.at.Compare(b.at) })
		if len(t.samples) > 0 {
			out = append(out, t)
		}
	}
	return out, problem{}
}

// judge is the share of what was counted, and what it counts as bad; nothing where
// it is in the limits or out of them by what the untold ones are.
func (of shared) judge(t tally) (float64, []kind) {
	if !finite(t.all) {
		return math.NaN(), []kind{countsBad}
	}
	best, worst := of.share(t.bad, t.all), of.share(t.bad+t.untold, t.all)
	switch {
	case of.limits.reason(worst) == v1alpha1.MeasuredInRange:
		return worst, []kind{countsBad, countsUntold}
	case of.limits.reason(best) != v1alpha1.MeasuredInRange:
		return best, []kind{countsBad}
	}
	return 0, nil
}

// tally counts at one time.
type tally struct {
	all, bad, untold float64
	// values are the counts of what is not good, by what shows it.
	values map[shown]float64
}

// shown is a value of the label that shows what is counted.
type shown struct {
	kind  kind
	value string
}

func (t *tally) add(value string, count float64, of kind) {
	t.all += count
	if of == countsGood || count == 0 {
		return
	}
	if of == countsBad {
		t.bad += count
	} else {
		t.untold += count
	}
	if t.values == nil {
		t.values = map[shown]float64{}
	}
	t.values[shown{of, value}] += count
}

// note names the values that were counted most of some kinds.
func (t *tally) note(kinds []kind) string {
	if !finite(t.all) {
		return "one of them is " + Number(t.all)
	}
	type counted struct {
		value string
		count float64
	}
	most := make([]counted, 0, len(t.values))
	for s, count := range t.values {
		if slices.Contains(kinds, s.kind) {
			most = append(most, counted{s.value, count})
		}
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
		out = append(out, fmt.Sprintf("%s: %s", plaintext.Cut(cmp.Or(c.value, `""`), 40), percent(c.count/t.all)))
	}
	return strings.Join(out, ", ")
}
