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

// unit is what the values of an expression are in; its zero value is that it does not show.
type unit int

const (
	// shares are from 0 to 1, percents from 0 to 100.
	shares unit = iota + 1
	percents
	seconds
	milliseconds
)

// tone is whether great values are good news.
type tone int

const (
	unknownTone tone = iota
	// wanted values are to be great, as shares of successes are.
	wanted
	// unwanted ones are to be small, as shares of failures and durations are.
	unwanted
)

func (t tone) String() string {
	return map[tone]string{wanted: "great", unwanted: "small"}[t]
}

func (t tone) turned() tone {
	switch t {
	case wanted:
		return unwanted
	case unwanted:
		return wanted
	}
	return unknownTone
}

// possible is what values an expression can have, whatever there is to find; NaN
// aside.
type possible struct {
	low, high float64
	unit      unit
	tone      tone
}

func between(low, high float64) possible { return possible{low: low, high: high} }

// anything is what is said of an expression that nothing is known of.
var (
	anything    = between(math.Inf(-1), math.Inf(1))
	notNegative = between(0, math.Inf(1))
)

// possibleOf reads it from the shape of an expression and the names in it, by the
// conventions for names of metrics. What it does not know may have any value.
func possibleOf(expr parser.Expr) possible {
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return possibleOf(e.Expr)
	case *parser.NumberLiteral:
		return between(e.Val, e.Val)
	case *parser.UnaryExpr:
		if e.Op == parser.SUB {
			return possibleOf(e.Expr).times(-1)
		}
		return possibleOf(e.Expr)
	case *parser.VectorSelector:
		return possibleBySelector(e)
	case *parser.MatrixSelector:
		return possibleOf(e.VectorSelector)
	case *parser.SubqueryExpr:
		return possibleOf(e.Expr)
	case *parser.AggregateExpr:
		return possibleAggregate(e)
	case *parser.Call:
		return possibleCall(e)
	case *parser.BinaryExpr:
		return possibleBinary(e)
	}
	return anything
}

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

func possibleAggregate(e *parser.AggregateExpr) possible {
	of := possibleOf(e.Expr)
	switch e.Op {
	case parser.AVG, parser.MIN, parser.MAX, parser.QUANTILE, parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO:
		return of
	case parser.GROUP:
		return between(1, 1)
	case parser.COUNT, parser.COUNT_VALUES:
		return between(1, math.Inf(1))
	case parser.STDDEV, parser.STDVAR:
		return notNegative
	case parser.SUM:
		if single(e.Expr) {
			return of
		}
		if of.low >= 0 {
			return notNegative
		}
	}
	return anything
}

func possibleCall(e *parser.Call) possible {
	switch name := e.Func.Name; name {
	case "rate", "increase", "irate", "count_over_time", "changes", "resets", "abs", "histogram_count", "time", "timestamp":
		return notNegative
	case "present_over_time":
		return between(1, 1)
	case "histogram_fraction":
		return fractionOf(e)
	case "histogram_quantile", "histogram_avg":
		return durationsOf(e)
	case "vector", "scalar", "sort", "sort_desc", "label_replace", "label_join",
		"avg_over_time", "min_over_time", "max_over_time", "last_over_time":
		return possibleOf(e.Args[0])
	case "quantile_over_time":
		return possibleOf(e.Args[1])
	case "sum_over_time":
		if possibleOf(e.Args[0]).low >= 0 {
			return notNegative
		}
	}
	return anything
}

func possibleBinary(e *parser.BinaryExpr) possible {
	l, r := possibleOf(e.LHS), possibleOf(e.RHS)
	switch {
	case e.Op.IsComparisonOperator() && e.ReturnBool:
		return between(0, 1)
	case e.Op.IsComparisonOperator(), e.Op == parser.LAND, e.Op == parser.LUNLESS:
		return l
	case e.Op == parser.LOR:
		return l.or(r)
	case e.Op == parser.ADD:
		return possible{low: l.low + r.low, high: l.high + r.high}
	case e.Op == parser.SUB:
		return l.minus(r)
	case e.Op == parser.MUL && l.constant():
		return r.times(l.low)
	case e.Op == parser.MUL && r.constant():
		return l.times(r.low)
	case e.Op == parser.DIV && r.constant() && r.low != 0:
		return l.times(1 / r.low)
	case e.Op == parser.DIV:
		return divided(e, l, r)
	case e.Op == parser.MUL && l.low >= 0 && r.low >= 0:
		return notNegative
	}
	return anything
}

func (p possible) constant() bool { return p.low == p.high && !math.IsInf(p.low, 0) }

// times scales, and shares become percents as seconds become milliseconds.
func (p possible) times(by float64) possible {
	if by == 0 {
		return between(0, 0)
	}
	out := possible{low: p.low * by, high: p.high * by, tone: p.tone}
	if by < 0 {
		out.low, out.high, out.tone = out.high, out.low, p.tone.turned()
	}
	for _, known := range []struct {
		from, to unit
		by       float64
	}{{shares, percents, 100}, {percents, shares, 0.01}, {seconds, milliseconds, 1000}, {milliseconds, seconds, 0.001}} {
		if p.unit == known.from && math.Abs(by/known.by-1) < 1e-9 {
			out.unit = known.to
		}
	}
	if by == 1 {
		out.unit = p.unit
	}
	return out
}

// or is what is either of them. A constant on one side says nothing about the unit.
func (p possible) or(other possible) possible {
	out := possible{low: min(p.low, other.low), high: max(p.high, other.high)}
	switch {
	case p.unit == other.unit && p.tone == other.tone, other.constant():
		out.unit, out.tone = p.unit, p.tone
	case p.constant():
		out.unit, out.tone = other.unit, other.tone
	}
	return out
}

// minus: what is left of all is a share as well, of the others.
func (p possible) minus(other possible) possible {
	out := possible{low: p.low - other.high, high: p.high - other.low}
	whole := map[unit]float64{shares: 1, percents: 100}[other.unit]
	if p.constant() && p.low == whole && whole > 0 {
		out.unit, out.tone = other.unit, other.tone.turned()
	}
	return out
}

// divided tells shares and mean durations from other quotients.
func divided(e *parser.BinaryExpr, l, r possible) possible {
	part, how := counted(e.LHS)
	whole, howWhole := counted(e.RHS)
	switch {
	case part == nil || whole == nil || how != howWhole:
	case partOf(part, whole):
		return possible{low: 0, high: 1, unit: shares, tone: toneOf(part)}
	case bucketOf(part, whole):
		return possible{low: 0, high: 1, unit: shares, tone: wanted}
	case part.Name == strings.TrimSuffix(whole.Name, "_count")+"_sum":
		return named(part.Name, "_sum")
	case toneOf(part) == unwanted && whole.Name != part.Name && hasSuffix(whole.Name, []string{"_total", "_count"}) && hasSuffix(part.Name, []string{"_total", "_count"}):
		return possible{low: 0, high: math.Inf(1), unit: shares, tone: unwanted}
	}
	if l.low >= 0 && r.low >= 0 {
		out := notNegative
		if l.unit == r.unit && l.tone == r.tone && l.unit != 0 { // how many times as much
			out.tone = l.tone
		}
		return out
	}
	return anything
}

// durationsOf is for a function of a histogram.
func durationsOf(e *parser.Call) possible {
	if q := possibleOf(e.Args[0]); e.Func.Name == "histogram_quantile" && q.low > 1 {
		return between(math.Inf(1), math.Inf(1))
	}
	out := anything
	each(e, func(s *parser.VectorSelector, _ []parser.Node) { out = named(s.Name, "_bucket") })
	return out
}

// fractionOf is the share of a histogram between two bounds: of the fast ones where it
// begins at the bottom, of the slow ones where it ends at the top.
func fractionOf(e *parser.Call) possible {
	out := possible{low: 0, high: 1, unit: shares}
	from, to := possibleOf(e.Args[0]), possibleOf(e.Args[1])
	switch {
	case from.high <= 0 && to.high < math.Inf(1):
		out.tone = wanted
	case from.low > 0 && to.low == math.Inf(1):
		out.tone = unwanted
	}
	return out
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

// counted is the one selector that an expression counts by, and how: sums and rates
// of it. A guard, and a 0 for what is missing, count nothing besides. It is nil for
// all else.
func counted(expr parser.Expr) (s *parser.VectorSelector, how string) {
	switch e := bareExpr(expr).(type) {
	case *parser.VectorSelector:
		return e, ""
	case *parser.AggregateExpr:
		if e.Op == parser.SUM || e.Op == parser.COUNT {
			s, how = counted(e.Expr)
			return s, e.Op.String() + " " + how
		}
	case *parser.Call:
		if len(e.Args) == 0 || !isRate(e) && e.Func.Name != "irate" {
			return nil, ""
		}
		if m, ok := e.Args[0].(*parser.MatrixSelector); ok {
			s, _ = m.VectorSelector.(*parser.VectorSelector)
			return s, e.Func.Name + " " + m.Range.String()
		}
	case *parser.BinaryExpr:
		if e.Op.IsComparisonOperator() && !e.ReturnBool || e.Op == parser.LOR && zero(e.RHS) {
			return counted(e.LHS)
		}
	}
	return nil, ""
}

// zero: 0 times something, or vector(0). It looks no deeper, for what looks at each
// level anew takes the power of their number.
func zero(expr parser.Expr) bool {
	number := func(e parser.Expr) bool {
		n, ok := bareExpr(e).(*parser.NumberLiteral)
		return ok && n.Val == 0
	}
	switch e := bareExpr(expr).(type) {
	case *parser.BinaryExpr:
		return e.Op == parser.MUL && (number(e.LHS) || number(e.RHS))
	case *parser.Call:
		return e.Func.Name == "vector" && number(e.Args[0])
	}
	return false
}

// partOf says whether a selector selects a part of what another does.
func partOf(part, whole *parser.VectorSelector) bool {
	if part.Name != whole.Name || part.Name == "" || part.OriginalOffset != whole.OriginalOffset {
		return false
	}
	return len(more(whole, part)) == 0 && len(more(part, whole)) > 0
}

// more are the matchers of a selector that another has not.
func more(of, than *parser.VectorSelector) []*labels.Matcher {
	var out []*labels.Matcher
	for _, m := range of.LabelMatchers {
		if !slices.ContainsFunc(than.LabelMatchers, func(other *labels.Matcher) bool {
			return m.Type == other.Type && m.Name == other.Name && m.Value == other.Value
		}) {
			out = append(out, m)
		}
	}
	return out
}

// bucketOf says whether a selector is of one bucket of the histograms that another counts:
// the share of what was no slower.
func bucketOf(part, whole *parser.VectorSelector) bool {
	base, bucket := strings.CutSuffix(part.Name, "_bucket")
	bounds := slices.DeleteFunc(more(part, whole), func(m *labels.Matcher) bool { return m.Name == labels.MetricName })
	total := slices.DeleteFunc(more(whole, part), func(m *labels.Matcher) bool { return m.Name == labels.MetricName })
	return bucket && whole.Name == base+"_count" && len(total) == 0 &&
		len(bounds) == 1 && bounds[0].Name == model.BucketLabel && bounds[0].Type == labels.MatchEqual
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
