package trap

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
)

// needTwo are the functions that give nothing for fewer than two samples.
var needTwo = []string{"rate", "increase", "irate", "delta", "idelta", "deriv"}

// shortWindow: scrapes come late and fail; four in a window leave two for sure.
func shortWindow(l looked) []caught {
	var out []caught
	query.Each(l.expr, func(c *parser.Call, _ []parser.Node) {
		if len(c.Args) == 0 || !slices.Contains(needTwo, c.Func.Name) {
			return
		}
		m, ok := c.Args[0].(*parser.MatrixSelector)
		if !ok || m.RangeExpr != nil || m.Range >= 4*l.Scrape {
			return
		}
		out = append(out, caught{m, fmt.Sprintf("the window [%s] is shorter than four scrape intervals (4 × %s): a late scrape leaves %s(…) without data; make it [%s] or longer",
			query.Duration(m.Range), query.Duration(l.Scrape), c.Func.Name, query.Duration(4*l.Scrape))})
	})
	return out
}

// longWindow: a window that is waited for in whole and is longer than the period
// makes the run longer than its plan says.
func longWindow(l looked) []caught {
	wait, period := l.template.WarmUp(l.values, l.Scrape), l.Period
	if period <= 0 || wait <= period {
		return nil
	}
	at := parser.Node(l.expr)
	cut := l.template.Cutter(l.values, l.spans)
	for _, s := range l.spans {
		if s.Reach >= wait && (l.values.IsCanary(s.Selector) || s.Matrix != nil && cut(s.Matrix)) {
			at = s.Selector
			break
		}
	}
	return []caught{{at, fmt.Sprintf("this looks back %s, which is waited for in whole, so that it lies after Ready: longer than period (%s)",
		query.Duration(wait), query.Duration(period))}}
}

// gaugeSuffixes end the names of what goes up and down. Those of counters end in
// _total, _count, _sum or _bucket.
var gaugeSuffixes = []string{
	"_ratio", "_percent", "_bytes", "_seconds", "_celsius", "_info", "_size", "_length", "_limit", "_usage", "_active", "_current", "_connections", "_replicas",
}

// rateOfGauge: rate(…) takes each fall of a gauge for the reset of a counter.
func rateOfGauge(l looked) []caught {
	var out []caught
	query.Each(l.expr, func(c *parser.Call, path []parser.Node) {
		if !isRate(c) && c.Func.Name != "irate" || slices.ContainsFunc(path, ofHistogram) {
			return
		}
		m, ok := c.Args[0].(*parser.MatrixSelector)
		if !ok {
			return
		}
		if s, ok := m.VectorSelector.(*parser.VectorSelector); ok && hasSuffix(s.Name, gaugeSuffixes) {
			out = append(out, caught{s, fmt.Sprintf("%s looks like a gauge, and %s(…) is for counters; use avg_over_time(…) or delta(…)", plaintext.Cut(s.Name, 60), c.Func.Name)})
		}
	})
	return out
}

// ofHistogram: what is asked for the count of a native histogram is one, whatever its
// name, which has no _bucket, ends in.
func ofHistogram(around parser.Node) bool {
	c, ok := around.(*parser.Call)
	return ok && strings.HasPrefix(c.Func.Name, "histogram_")
}

// gaugesCounted: what goes down is taken for the reset of a counter, too, where a
// comparison counts.
func gaugesCounted(c v1alpha1.Counted) []string {
	var out []string
	for _, text := range []string{c.Bad, c.Good, c.Total} {
		t, err := query.ParseCounter(text)
		if err != nil {
			continue // none, or refused
		}
		for _, s := range t.Spans(query.SampleValues()) {
			if hasSuffix(s.Selector.Name, gaugeSuffixes) {
				out = append(out, fmt.Sprintf("%s looks like a gauge, and count is for counters; compare it by a query", plaintext.Cut(s.Selector.Name, 60)))
			}
		}
	}
	return out
}

// rawCounter: a counter only grows, so its value says how long a pod has run.
func rawCounter(l looked) []caught {
	var out []caught
	query.Each(l.expr, func(s *parser.VectorSelector, path []parser.Node) {
		if !hasSuffix(s.Name, []string{"_total", "_bucket"}) || slices.ContainsFunc(path, understandsCounters) {
			return
		}
		out = append(out, caught{s, fmt.Sprintf("%s is a counter: its value is the count since the pod started and only grows; put rate(…[%s]) around it",
			plaintext.Cut(s.Name, 60), query.Duration(max(4*l.Scrape, time.Minute)))})
	})
	return out
}

// understandsCounters: functions of a range or of whether there is anything, the
// share of one counter in another, and which series there are.
func understandsCounters(around parser.Node) bool {
	switch n := around.(type) {
	case *parser.MatrixSelector, *parser.SubqueryExpr:
		return true
	case *parser.Call:
		return strings.HasPrefix(n.Func.Name, "absent") || n.Func.Name == "timestamp"
	case *parser.AggregateExpr:
		return n.Op == parser.COUNT || n.Op == parser.GROUP
	case *parser.BinaryExpr:
		return n.Op == parser.DIV || n.Op == parser.LUNLESS || n.Op == parser.LAND
	}
	return false
}

func hasSuffix(name string, suffixes []string) bool {
	return slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) })
}
