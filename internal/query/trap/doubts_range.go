package trap

import (
	"fmt"
	"math"
	"slices"

	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// What a pod hardly has, in bytes and in CPUs.
const (
	littleMemory = 4 << 10
	muchMemory   = 256 << 30
	muchStored   = 1 << 50
	manyCPUs     = 128
)

// rangeDoubts hold a range against the values that a query can have.
func rangeDoubts(r v1alpha1.Range, values possible) []doubt {
	ends := endsOf(r)
	low, high := ends.low, ends.high
	text := fmt.Sprintf("[%g, %g]", low, high)
	doubtful := func(kind, format string, args ...any) []doubt {
		return []doubt{{kind, "range", fmt.Sprintf(format, args...)}}
	}
	switch {
	case low <= values.low && values.high <= high:
		return doubtful(doubtEvery, "every canary keeps %s, however bad it is: the value is %s%s", text, values.about(), values.meant(r))
	case high < values.low || values.high < low:
		return doubtful(doubtNone, "no canary keeps %s, however good it is: the value is %s%s", text, values.about(), values.meant(r))
	}
	if mixed := values.mixed(r); mixed != "" {
		return doubtful(doubtUnits, "%s", mixed)
	}
	switch {
	case values.tone == unwanted && r.Max == nil:
		return doubtful(doubtWrongEnd, "%s has no upper end, and the value is of what is to be rare or short: the worse a canary is, the more it keeps it; write max", text)
	case values.tone == wanted && r.Min == nil:
		return doubtful(doubtWrongEnd, "%s has no lower end, and the value is of what is to be frequent: the worse a canary is, the more it keeps it; write min", text)
	}
	return values.lax(r, low, high)
}

// meant says what a range was probably meant to be, where a number is a share or a
// percentage in the other's place.
func (p possible) meant(r v1alpha1.Range) string {
	for _, end := range []struct {
		name  string
		value *float64
	}{{"max", r.Max}, {"min", r.Min}} {
		switch {
		case end.value == nil:
		case p.unit == shares && *end.value > 1 && *end.value <= 100:
			return fmt.Sprintf("; %g%% is %s %g", *end.value, end.name, round(*end.value/100))
		case p.unit == percents && *end.value > 100:
			return fmt.Sprintf("; %s 100 is all", end.name)
		}
	}
	return ""
}

// round takes off what floats make of decimal numbers.
func round(v float64) float64 { return math.Round(v*1e9) / 1e9 }

// mixed says what is wrong with an end that is in another unit than the values, ""
// if nothing is.
func (p possible) mixed(r v1alpha1.Range) string {
	small := func(end *float64) bool { return end != nil && *end > 0 && *end < 1 }
	switch {
	case p.unit == shares && r.Max != nil && *r.Max >= 2:
		return fmt.Sprintf("max %g is more than all: the value is %s%s", *r.Max, p.about(), p.meant(r))
	case p.unit == percents && small(r.Max):
		return fmt.Sprintf("max %g is %g%%, because the query gives percent; for %g%% write %g", *r.Max, *r.Max, round(*r.Max*100), round(*r.Max*100))
	case p.unit == percents && (small(r.Min) || r.Min != nil && *r.Min == 1):
		return fmt.Sprintf("min %g is %g%%, because the query gives percent; for %g%% write %g", *r.Min, *r.Min, round(*r.Min*100), round(*r.Min*100))
	case p.unit == seconds && p.tone == unwanted && r.Max != nil && *r.Max >= slowestExpected:
		return fmt.Sprintf("max %g is %g seconds, by the name of the metric; %g milliseconds are %g", *r.Max, *r.Max, *r.Max, round(*r.Max/1000))
	case p.tone == unwanted && (p.unit == timed || p.unit == milliseconds) && r.Max != nil && *r.Max >= slowestExpected*p.second():
		return fmt.Sprintf("max %g is %g seconds: the value is %s", *r.Max, round(*r.Max/p.second()), p.about())
	case p.unit == timesAsMuch && r.Max != nil && *r.Max >= 10 && *r.Max <= 100:
		return fmt.Sprintf("max %g is %g times as much: the value is one amount of bytes by another; %g%% is %g", *r.Max, *r.Max, *r.Max, round(*r.Max/100))
	case p.unit == memory && r.Max != nil && *r.Max > 0 && (*r.Max >= muchMemory*p.scale || *r.Max < littleMemory*p.scale),
		p.unit == stored && r.Max != nil && *r.Max >= muchStored*p.scale:
		return fmt.Sprintf("max %g is %.4g bytes: the value is %s; 500 MiB are 524288000", *r.Max, *r.Max/p.scale, p.about())
	case p.unit == cpus && r.Max != nil && *r.Max >= manyCPUs*p.scale:
		return fmt.Sprintf("max %g is %g CPUs: the value is %s; 500 millicores are %g", *r.Max, round(*r.Max/p.scale), p.about(), round(0.5*p.scale))
	case p.unit == milliseconds && p.tone == unwanted && small(r.Max):
		return fmt.Sprintf("max %g is %g milliseconds, by the name of the metric; %g seconds are %g", *r.Max, *r.Max, *r.Max, round(*r.Max*1000))
	}
	return ""
}

// lax: a share of failures that may be the half of all, or one of successes that
// need not be.
func (p possible) lax(r v1alpha1.Range, low, high float64) []doubt {
	half := p.all() * lax
	switch {
	case half == 0:
	case p.tone == unwanted && high >= half:
		return []doubt{doubtf(doubtLax, "range.max", "%g lets so many requests fail: the value is the share of failures%s", *r.Max, p.multiplied())}
	case p.tone == wanted && low < half:
		return []doubt{doubtf(doubtLax, "range.min", "%g lets all others fail: the value is the share of successes%s", *r.Min, p.multiplied())}
	}
	return nil
}

func (p possible) multiplied() string {
	if p.unit != scaled {
		return ""
	}
	return fmt.Sprintf(" times %.4g", p.scale)
}

// telling is a range without the ends that no value is beyond.
func (p possible) telling(r v1alpha1.Range) v1alpha1.Range {
	if r.Min != nil && *r.Min <= p.low {
		r.Min = nil
	}
	if r.Max != nil && *r.Max >= p.high {
		r.Max = nil
	}
	return r
}

// labelDoubts: a matcher that excludes values takes a series without the label for
// one of the others, so where no series has the label, or none is written so, the
// share is 1.
func labelDoubts(r v1alpha1.Range, expr parser.Expr) []doubt {
	var out []doubt
	parts(r, expr, func(part, whole *parser.VectorSelector, good, _ *float64, _ bool) {
		if told := more(part, whole); good != nil && len(out) == 0 && partOf(part, whole) && !slices.ContainsFunc(told, tells) {
			out = append(out, excluded("query", told[0]))
		}
	})
	return out
}

// parts calls visit for each part of all that a query makes a share of, with the end of
// the range that wants it great, the one that wants it small, and whether nothing is added
// to it.
func parts(r v1alpha1.Range, expr parser.Expr, visit func(part, whole *parser.VectorSelector, good, bad *float64, alone bool)) {
	query.Each(expr, func(b *parser.BinaryExpr, path []parser.Node) {
		if b.Op != parser.DIV {
			return
		}
		whole := counted(b.RHS)
		fall := falls(b, path)
		above := addends(b.LHS)
		for _, part := range above {
			if part.selector == nil || whole.selector == nil || !alike(part.count, whole) || !amongAll(part.selector, whole.selector) {
				continue
			}
			if turned := part.taken != (part.factor*whole.factor < 0); fall != turned {
				visit(part.selector, whole.selector, r.Max, r.Min, len(above) == 1)
			} else {
				visit(part.selector, whole.selector, r.Min, r.Max, len(above) == 1)
			}
		}
	})
}

// amongAll says whether a selector is of a part of what another is of, or of requests of
// some status, counted elsewhere, and the other of all.
func amongAll(part, whole *parser.VectorSelector) bool {
	return partOf(part, whole) || bucketOf(part, whole) ||
		part.Name != whole.Name && counts(part.Name) && counts(whole.Name) && outcomeOf(part).by != nil && outcomeOf(whole).by == nil
}

// falls says whether the value of a query is less where a part of it, which stands in
// these nodes, is greater: it is subtracted from something.
func falls(part parser.Node, path []parser.Node) bool {
	out := false
	for _, around := range slices.Backward(path) {
		switch n := around.(type) {
		case *parser.BinaryExpr:
			if n.RHS == part && (n.Op == parser.SUB || n.Op == parser.DIV) {
				out = !out
			}
		case *parser.UnaryExpr:
			if n.Op == parser.SUB {
				out = !out
			}
		}
		part = around
	}
	return out
}
