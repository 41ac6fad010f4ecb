package trap

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"holdfast.dev/holdfast/internal/query"
)

// Recording rules are called level:metric:operations.
var (
	recordedRatio    = regexp.MustCompile(`^[^:]*:[^:]*:(?:.*_)?ratio(?:_.*)?$`)
	recordedRate     = regexp.MustCompile(`^[^:]*:[^:]*:(?:.*_)?(rate|irate|increase)([0-9]+(?:ms|[smhdwy]))(?:_.*)?$`)
	recordedQuantile = regexp.MustCompile(`^[^:]*:[^:]*:(?:p[0-9]{2,4}|(?:histogram_)?quantile)(?:_.*)?$`)
)

// recordedOver is the function that a recording rule says in its name to have taken, and
// over which window: a rate for level:metric:rate5m. It is "" for other names.
func recordedOver(name string) (over string, window time.Duration) {
	found := recordedRate.FindStringSubmatch(name)
	if found == nil || recordedRatio.MatchString(name) {
		return "", 0
	}
	long, err := model.ParseDuration(found[2])
	if err != nil {
		return "", 0
	}
	return found[1], time.Duration(long)
}

// counts says whether a name is one of what is counted, be it as a rate that is recorded.
func counts(name string) bool {
	over, _ := recordedOver(name)
	return over != "" || hasSuffix(name, []string{"_total", "_count"})
}

// possibleBySelector: a quantile of a summary is a duration as one of a histogram is.
func possibleBySelector(s *parser.VectorSelector) possible {
	if slices.ContainsFunc(s.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == model.QuantileLabel }) {
		return named(s.Name, "")
	}
	out := possibleByName(s.Name)
	if recordedRatio.MatchString(s.Name) {
		out.tone = toneOf(s)
	}
	return out
}

// possibleByName: what is counted or weighed is not negative.
func possibleByName(name string) possible {
	switch {
	case name == "up":
		return possible{low: 0, high: 1, tone: wanted}
	case hasSuffix(name, []string{"_bytes"}):
		return possible{low: 0, high: math.Inf(1), unit: bytesOf(name), scale: 1}
	case counts(name), hasSuffix(name, []string{"_bucket"}):
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

// bytesOf tells memory, of which a pod has so much at most, from what else is in bytes.
func bytesOf(name string) unit {
	if slices.ContainsFunc([]string{"memory", "heap", "rss", "working_set", "alloc"}, func(word string) bool { return strings.Contains(name, word) }) {
		return memory
	}
	return stored
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
	switch o := outcomeOf(s); {
	case len(o.failed) > 0 && len(o.fine) == 0:
		return unwanted
	case len(o.fine) > 0 && len(o.failed) == 0:
		return wanted
	}
	for _, m := range s.LabelMatchers {
		if named := m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp; !named || !query.StatusLike(m.Name) {
			continue
		}
		switch ok, failed := m.Matches("2xx"), m.Matches("5xx"); {
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
	named := func(as ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(as, w) })
	}
	switch {
	case named("error", "errors", "failure", "failures", "failed", "exceptions"):
		return unwanted
	case named("success", "successes", "successful", "succeeded"):
		return wanted
	}
	return unknownTone
}
