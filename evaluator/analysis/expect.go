package analysis

import (
	"math"
	"strconv"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/query/preset"
)

// Expectation: the share of requests that succeed, or a quantile of how long
// they take, keeps the limit that it names; < and > leave the limit itself out.
// Without requests there is no data. Requests that do not say how they ended are
// neither successes nor failures (see shares.go and outcomes.go). A source in front
// of the Service measures all its pods, and the message says so.

func expected(metric v1alpha1.Metric) (criterion, error) {
	e, mistake := query.ParseExpectation(metric.Expect)
	if mistake != nil {
		return criterion{}, mistake
	}
	l := limitsOf(e)
	about := ""
	if what := preset.About(metric.Source); what != "" {
		about = " (measured of " + what + ")"
	}
	return criterion{
		rule:   e.Text,
		limits: func(string) (limits, bool) { return l, true },
		ruleOf: func(limits) string { return e.Text },
		say:    func(v float64, l limits, _ string) string { return sayExpected(e, v, l) + about },
	}, nil
}

func limitsOf(e query.Expectation) limits {
	l := limits{open: e.Strict}
	if e.Success() {
		l.Min = &e.Limit
	} else {
		l.Max = &e.Limit
	}
	return l
}

func sayExpected(e query.Expectation, v float64, l limits) string {
	beyond := !e.Success() && math.IsInf(v, 1)
	if !finite(v) && !beyond {
		return l.say(v)
	}
	quantile := "P" + strconv.FormatFloat(e.Quantile*100, 'g', 6, 64)
	text := quantile + " is " + readable(v)
	switch {
	case e.Success():
		text = percent(v) + " of the requests succeeded"
	case beyond:
		text = quantile + " lies beyond the last finite bucket of the histogram"
	}
	if l.reason(v) != v1alpha1.MeasuredInRange {
		text += ", which is not " + e.Text
	}
	return text
}

// readable writes seconds with three digits and a unit.
func readable(seconds float64) string {
	for _, unit := range []struct {
		name string
		of   float64
	}{{"s", 1}, {"ms", 1e3}, {"µs", 1e6}} {
		if v := seconds * unit.of; math.Abs(v) >= 1 || unit.name == "µs" {
			return strconv.FormatFloat(v, 'g', 4, 64) + unit.name
		}
	}
	return "" // the last unit takes every value
}
