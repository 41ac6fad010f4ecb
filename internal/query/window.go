package query

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Span is how far back one selector of a query looks.
type Span struct {
	Selector *parser.VectorSelector
	// Matrix is the range selector that it stands in, nil for an instant one.
	Matrix *parser.MatrixSelector
	// Reach is the time from the evaluation back to the oldest sample that
	// counts: ranges, offsets and the subqueries around it, added up.
	Reach time.Duration
	// Direct: nothing but its own range makes up the reach.
	Direct bool
}

// Spans finds those of an expression. A selector with @ looks at a time of its
// own, whatever the evaluation time; its reach is zero.
func Spans(expr parser.Expr) []Span {
	var out []Span
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		s := Span{Selector: selector, Reach: lasts(selector.OriginalOffset, selector.OriginalOffsetExpr),
			Direct: selector.OriginalOffset == 0 && selector.OriginalOffsetExpr == nil}
		fixed := selector.Timestamp != nil || selector.StartOrEnd != 0
		for _, around := range path {
			switch n := around.(type) {
			case *parser.MatrixSelector:
				s.Matrix, s.Reach = n, s.Reach+lasts(n.Range, n.RangeExpr)
				s.Direct = s.Direct && n.RangeExpr == nil && !selector.Anchored && !selector.Smoothed
			case *parser.SubqueryExpr:
				s.Reach, s.Direct = s.Reach+lasts(n.Range, n.RangeExpr)+lasts(n.OriginalOffset, n.OriginalOffsetExpr), false
				fixed = fixed || n.Timestamp != nil || n.StartOrEnd != 0
			}
		}
		if fixed {
			s.Reach, s.Direct = 0, false
		}
		s.Reach = max(s.Reach, 0) // a negative offset looks ahead
		out = append(out, s)
		return nil
	})
	return out
}

// Window is how far back a query looks: the longest of its ranges, with the
// offsets and subqueries around it added. It is zero for one that looks at the
// newest samples only. {{interval}} is taken from v.
func (t Template) Window(v Values) time.Duration {
	var longest time.Duration
	for _, s := range t.Spans(v) {
		longest = max(longest, s.Reach)
	}
	return longest
}

// minWindow is what windows are at least where none is said: a rate needs two
// scrapes, and most are not farther apart than a minute.
const minWindow = 2 * time.Minute

// WindowOf is what {{window}} stands for in the query of a metric, of a canary that is
// old enough.
func WindowOf(m v1alpha1.Metric, interval time.Duration) time.Duration {
	if m.Window != nil {
		return m.Window.Duration
	}
	return max(interval, minWindow)
}

// WarmUp is how long a canary must have been Ready before the query is asked of
// it, with its pods scraped every so often: a window on the canary must hold
// samples enough, four scrapes or all of it, and must not reach back to before
// it was Ready. Render cuts plain ranges to the canary's age, which is right where
// the value is the same over a shorter window; an amount is waited for in whole. So
// is what has an offset or stands in a subquery, which is not cut.
func (t Template) WarmUp(v Values, scrape time.Duration) time.Duration {
	v, _, err := v.withStandIns()
	if err != nil {
		return 0
	}
	expr, err := t.expr(v)
	if err != nil {
		return 0
	}
	all := Spans(expr)
	var longest time.Duration
	for _, s := range all {
		switch {
		case !v.IsCanary(s.Selector):
		case s.Direct:
			longest = max(longest, min(s.Reach, 4*scrape))
		default:
			longest = max(longest, s.Reach)
		}
	}
	a := amounts{cut: t.Cutter(v, all)}
	if amount := a.amount(expr); !t.shared {
		a.whole(amount)
	}
	return max(longest, a.wait)
}

// Spans of the query with these values, none where it cannot be rendered.
func (t Template) Spans(v Values) []Span {
	expr, err := t.expr(v)
	if err != nil {
		return nil
	}
	return Spans(expr)
}

func (t Template) expr(v Values) (parser.Expr, error) {
	rendered, err := t.Fill(v)
	if err != nil {
		return nil, err
	}
	return promQL.ParseExpr(rendered)
}

// cut shortens the ranges on the canary to its age: rate(x[5m]) of a canary that
// has been Ready for a minute would take the requests of one minute for those of
// five. Ranges with an offset, or in a subquery, stay.
func (v Values) cut(rendered string, expr parser.Expr) string {
	if v.Age <= 0 {
		return rendered
	}
	for _, s := range reversed(Spans(expr)) { // from the end, so that places stay true
		if s.Matrix == nil || !s.Direct || s.Matrix.Range <= v.Age || !v.IsCanary(s.Selector) {
			continue
		}
		from, to := int(s.Selector.PosRange.End), int(s.Matrix.EndPos)
		if from < 0 || to > len(rendered) || !strings.HasPrefix(strings.TrimSpace(rendered[from:to]), "[") {
			continue
		}
		rendered = rendered[:from] + "[" + Duration(v.Age) + "]" + rendered[to:]
	}
	return rendered
}

// reversed has the selectors that stand last first.
func reversed(all []Span) []Span {
	out := make([]Span, 0, len(all))
	for i := len(all) - 1; i >= 0; i-- {
		out = append(out, all[i])
	}
	return out
}

// IsCanary says whether a selector has the matchers that {{canary}} became, or
// {{baseline}}: its pods are of the same age.
func (v Values) IsCanary(s *parser.VectorSelector) bool {
	return v.Selects(s, v.Canary) || v.Selects(s, v.Baseline)
}

// Selects says whether a selector has the matcher that a placeholder for the pods of
// these ReplicaSets became.
func (v Values) Selects(s *parser.VectorSelector, replicaSets []string) bool {
	pattern, err := v.podPattern(replicaSets)
	return err == nil && pattern != "" && slices.ContainsFunc(s.LabelMatchers, func(m *labels.Matcher) bool {
		return m.Name == cmp.Or(v.Labels.Pod, DefaultPodLabel) && m.Type == labels.MatchRegexp && m.Value == pattern
	})
}
