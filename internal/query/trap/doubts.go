package trap

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
)

// doubt is an amount that is taken as it stands and that hardly anybody means.
type doubt struct {
	// kind is a heading of docs/reference/traps.md.
	kind string
	// field is where it stands in the metric.
	field, message string
}

func doubtf(kind, field, format string, args ...any) doubt {
	return doubt{kind, field, fmt.Sprintf(format, args...)}
}

// The kinds of doubts, in the order of docs/reference/traps.md.
const (
	doubtLax        = "LaxAmount"
	doubtEvery      = "EveryValue"
	doubtNone       = "NoValue"
	doubtUnits      = "MixedUnits"
	doubtWrongEnd   = "WrongEnd"
	doubtNoLabel    = "NoLabel"
	doubtStatus     = "WrongStatus"
	doubtListEntry  = "ListEntry"
	doubtAside      = "NotHowBad"
	doubtTime       = "TimeTooLong"
	doubtFewRounds  = "FewMeasurements"
	slowestExpected = 60    // seconds that hardly a request may take
	quickest        = 0.001 // seconds that hardly a request takes less than
)

var doubtKinds = []string{doubtLax, doubtEvery, doubtNone, doubtUnits, doubtWrongEnd, doubtNoLabel, doubtStatus, doubtListEntry, doubtAside, doubtTime, doubtFewRounds}

// doubts are those about the amounts of a metric. One that is wrong has none.
func doubts(m v1alpha1.Metric, given Given) []doubt {
	var out []doubt
	add := func(when bool, kind, field, format string, args ...any) {
		if when {
			out = append(out, doubt{kind, field, fmt.Sprintf(format, args...)})
		}
	}
	if e, mistake := query.ParseExpectation(m.Expect); mistake == nil {
		out = append(out, expectDoubts(e)...)
		window := query.Length(m.Window)
		add(m.Window != nil && window < 4*given.Scrape, "ShortWindow", "window",
			"%s is shorter than four scrape intervals (4 × %s): a late scrape leaves nothing to count; make it %s or longer", query.Duration(window), query.Duration(given.Scrape), query.Duration(4*given.Scrape))
	}
	if samples, err := query.ParseSamples(m.Samples); err == nil {
		add(m.Over != nil && !samples.Last && samples.Percent < 50, doubtLax, "samples",
			"%s lets %d%% of the samples be bad; it is the share that must be good", m.Samples, 100-samples.Percent)
	}
	if m.List != nil {
		out = append(out, listDoubts(*m.List)...)
		if len(out) == 0 { // else they are written wrongly
			out = patternDoubts(*m.List, given.Watched)
		}
	}
	if given.Period > 0 {
		add(m.Compare == nil && query.Length(m.Window) > given.Period, doubtTime, "window", "%s is longer than period (%s); no window reaches back before Ready, so it never is so long",
			query.Duration(query.Length(m.Window)), query.Duration(given.Period))
		add(m.Over != nil && m.Over.Duration.Duration > given.Period, doubtTime, "over.duration", "is longer than period (%s); it never reaches back before Ready, so it never is so long", query.Duration(given.Period))
	}
	return append(out, valueDoubts(m, given.Watched)...)
}

func expectDoubts(e query.Expectation) []doubt {
	lax := func(kind, format string, args ...any) []doubt {
		return []doubt{{kind, "expect", fmt.Sprintf("%q ", e.Text) + fmt.Sprintf(format, args...)}}
	}
	switch limit := time.Duration(e.Limit * float64(time.Second)); {
	case e.Success() && e.Limit == 0:
		return lax(doubtLax, "is kept by a canary of whose requests all fail but one")
	case e.Success() && e.Limit < 0.5:
		return lax(doubtLax, "lets %s of the requests fail; it is the share that must succeed, such as %s", percentOf(1-e.Limit), percentOf(1-e.Limit))
	case e.Success():
		return nil
	case e.Quantile < 0.5:
		return lax(doubtLax, "lets %s of the requests take any time; a high quantile such as P99 is what most of them keep", percentOf(1-e.Quantile))
	case e.Limit >= slowestExpected:
		return lax(doubtUnits, "lets requests take %s; milliseconds are written 310ms", limit)
	case e.Limit < quickest:
		return lax(doubtUnits, "wants requests to take less than %s, which hardly one does; a third of a second is 333ms or 0.333s", limit)
	}
	return nil
}

// percentOf writes a share in percent, without what floats make of it.
func percentOf(share float64) string { return fmt.Sprintf("%.4g%%", share*100) }

func listDoubts(l v1alpha1.List) []doubt {
	var out []doubt
	if tolerance, err := query.ParseTolerance(l.Tolerance); err == nil && tolerance >= 0.5 {
		out = append(out, doubt{doubtLax, "list.tolerance", fmt.Sprintf("%s lets so many be bad; it is the share that is borne, such as %s", l.Tolerance, percentOf(1-tolerance))})
	}
	if !query.StatusLike(l.Label) || hasClasses("", l.Label) || strings.Contains(strings.ToLower(l.Label), "exit") {
		return out
	}
	for name, entries := range map[string][]string{"bad": l.Bad, "good": l.Good} {
		for i, entry := range entries {
			if noStatus(entry, func(status string) bool {
				pattern, _, err := query.ParsePatterns([]string{entry})
				return err != nil || pattern.Match(status)
			}) {
				out = append(out, doubtf(doubtListEntry, fmt.Sprintf("list.%s[%d]", name, i),
					"%q is a regular expression for the whole value and matches no status that there is; 5.. matches those of a server's failures", plaintext.Cut(entry, 60)))
			}
			if classLike.MatchString(entry) {
				out = append(out, doubt{doubtListEntry, fmt.Sprintf("list.%s[%d]", name, i), fmt.Sprintf(
					"%q is a regular expression for the whole value and does not match %s03; %s.. does", entry, entry[:1], entry[:1])})
			}
		}
	}
	slices.SortFunc(out, func(a, b doubt) int { return strings.Compare(a.field, b.field) })
	return out
}

// doubtOfReferences: a canary that is held against its own first value, or the one before, is not
// found out where it is as bad from the beginning. It is told where nothing else judges.
func doubtOfReferences(metrics []v1alpha1.Metric) []Warning {
	for _, m := range metrics {
		if m.Deviation == nil || m.Deviation.From != v1alpha1.FromFirst && m.Deviation.From != v1alpha1.FromPrevious {
			return nil
		}
	}
	if len(metrics) == 0 {
		return nil
	}
	return []Warning{{Metric: metrics[0].Name, Field: "deviation.from", Message: fmt.Sprintf(
		"%s holds the canary against itself, so one that is bad from the beginning passes, and no other metric tells; give the plan one with a range, or compare with {{stable}} by from: One", metrics[0].Deviation.From)}}
}

// doubtsOfLimits: who bears as many failures in a row as there are measurements
// looks at the last one alone, and who bears nearly as many at the last few.
func doubtsOfLimits(spec *v1alpha1.CanaryPlanSpec, metrics []v1alpha1.Metric) []Warning {
	interval := query.Length(spec.Analysis.Interval)
	if interval <= 0 || spec.Analysis.Period == nil || spec.Analysis.FailureLimit == nil {
		return nil
	}
	rounds := int64(max(spec.Total()-query.Length(spec.Analysis.InitialDelay), 0)/interval) + 1
	var out []Warning
	tell := func(metric, field string, limit int32) {
		last := "the last of them"
		switch left := rounds - int64(limit); {
		case 4*int64(limit) <= 3*rounds: // a while at the beginning may be borne
			return
		case left > 1:
			last = fmt.Sprintf("the last %d of them", left)
		}
		out = append(out, Warning{Metric: metric, Field: field, Message: fmt.Sprintf(
			"%d failures in a row are borne, and there are %d measurements in all: a canary that is bad until %s passes; make it less, or interval shorter", limit, rounds, last)})
	}
	tell("", "analysis.failureLimit", *spec.Analysis.FailureLimit)
	for _, m := range metrics {
		if m.FailureLimit != nil {
			tell(m.Name, "failureLimit", *m.FailureLimit)
		}
	}
	return out
}
