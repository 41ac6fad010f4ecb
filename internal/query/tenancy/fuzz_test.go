package tenancy

import (
	"slices"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/internal/labelname"
)

// FuzzEnforce: whatever the expression and the matcher, either it is refused, or
// Prometheus's own walk over what came out meets as many selectors as before,
// each with the matcher and with all it had; and to enforce it again changes
// nothing.
func FuzzEnforce(f *testing.F) {
	for _, expr := range []string{
		`up`, `topk(scalar(sum(secret)), up)`, `{__name__=~".+"}`, `up{namespace=~".*"} @ end() offset -1h`, `info(up)`,
		`sum by ("a b") (rate({"x.y", z!~"\x00"}[5m:1m] @ 1.5))`, `a / on (b) group_left ("c d") fill (0) d`, `-a ^ -2 + +Inf`,
		`quantile_over_time(scalar(a), b[step() * 2] offset (-range()))`, `count_values('a"b', c) > bool 1e-3`, "a # }\n or b", `max_over_time(a[1d] smoothed)`,
	} {
		f.Add(expr, "namespace", "shop", 0)
	}
	f.Add(`up{a="b"}`, "a", `"} or up{`, 2)
	f.Fuzz(func(t *testing.T, expr, label, value string, kind int) {
		m, err := labels.NewMatcher(labels.MatchType(((kind%4)+4)%4), label, value)
		if err != nil || !labelname.Valid(label) || label == model.MetricNameLabel {
			return
		}
		enforced, err := Enforce(expr, []*labels.Matcher{m})
		if err != nil {
			return
		}
		before, after := selectorsOf(t, expr), selectorsOf(t, enforced)
		if len(before) != len(after) {
			t.Fatalf("%d selectors became %d: %q -> %q", len(before), len(after), expr, enforced)
		}
		for i, s := range after {
			if !slices.Contains(s, m.String()) {
				t.Fatalf("%v has no %s: %q -> %q", s, m, expr, enforced)
			}
			for _, had := range before[i] {
				if !slices.Contains(s, had) {
					t.Fatalf("%v lost %s: %q -> %q", s, had, expr, enforced)
				}
			}
		}
		if again, err := Enforce(enforced, []*labels.Matcher{m}); err != nil || again != enforced {
			t.Fatalf("enforced again it is %q, %v; it was %q", again, err, enforced)
		}
	})
}

func selectorsOf(t *testing.T, expr string) [][]string {
	t.Helper()
	parsed, err := promQL.ParseExpr(expr)
	if err != nil {
		t.Fatalf("%q: %v", expr, err)
	}
	var out [][]string
	for _, matchers := range parser.ExtractSelectors(parsed) {
		var texts []string
		for _, m := range matchers {
			texts = append(texts, m.String())
		}
		out = append(out, texts)
	}
	return out
}
