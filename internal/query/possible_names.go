package query

import (
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Recording rules are called level:metric:operations.
var (
	recordedRatio    = regexp.MustCompile(`^[^:]*:[^:]*:(?:.*_)?ratio(?:_.*)?$`)
	recordedQuantile = regexp.MustCompile(`^[^:]*:[^:]*:(?:p[0-9]{2,4}|(?:histogram_)?quantile)(?:_.*)?$`)
)

// possibleBySelector: a quantile of a summary is a duration as one of a histogram is.
func possibleBySelector(s *parser.VectorSelector) possible {
	if slices.ContainsFunc(s.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == model.QuantileLabel }) {
		return named(s.Name, "")
	}
	return possibleByName(s.Name)
}

// possibleByName: what is counted or weighed is not negative.
func possibleByName(name string) possible {
	switch {
	case name == "up":
		return possible{low: 0, high: 1, tone: wanted}
	case hasSuffix(name, []string{"_total", "_count", "_bucket", "_bytes"}):
		return notNegative
	case recordedRatio.MatchString(name):
		return possible{low: 0, high: math.Inf(1), unit: shares, tone: toneOfName(name)}
	case recordedQuantile.MatchString(name):
		metric, _, _ := strings.Cut(name[strings.Index(name, ":")+1:], ":")
		return named(metric, "_bucket")
	case hasSuffix(name, []string{"_request_seconds_max", "_requests_seconds_max", "_duration_seconds_max", "_latency_seconds_max"}):
		return named(name, "_max")
	case hasSuffix(name, []string{"_ratio"}):
		return possible{low: math.Inf(-1), high: math.Inf(1), unit: shares}
	case hasSuffix(name, []string{"_percent"}):
		return possible{low: math.Inf(-1), high: math.Inf(1), unit: percents}
	}
	return anything
}

// named is for how long something takes, by the unit in the name of its histogram.
func named(histogram, suffix string) possible {
	base := strings.TrimSuffix(histogram, suffix)
	switch {
	case strings.HasSuffix(base, "_seconds"):
		return possible{low: 0, high: math.Inf(1), unit: seconds, tone: unwanted}
	case strings.HasSuffix(base, "_milliseconds"), strings.HasSuffix(base, "_ms"):
		return possible{low: 0, high: math.Inf(1), unit: milliseconds, tone: unwanted}
	}
	return anything
}

// toneOf reads from name and matchers whether a selector is of failures or of successes.
func toneOf(s *parser.VectorSelector) tone {
	for _, m := range s.LabelMatchers {
		if m.Name == "__name__" || !statusLike(m.Name) {
			continue
		}
		switch ok, failed := m.Matches("200"), m.Matches("500") || m.Matches("503"); {
		case failed && !ok:
			return unwanted
		case ok && !failed:
			return wanted
		}
	}
	return toneOfName(s.Name)
}

func toneOfName(name string) tone {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '_' || r == ':' })
	if slices.ContainsFunc(words, func(w string) bool {
		return slices.Contains([]string{"error", "errors", "failure", "failures", "failed", "exceptions"}, w)
	}) {
		return unwanted
	}
	return unknownTone
}

// statusLike: the name of a label that says how a request ended.
func statusLike(label string) bool {
	label = strings.ToLower(label)
	return strings.Contains(label, "code") || strings.Contains(label, "status")
}
