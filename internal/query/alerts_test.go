package query

import (
	"math"
	"slices"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// FuzzAlertMatchers: whatever stands in a matcher, the query is one selector of
// the firing alerts, and of the canary's pods where it is to be about those.
func FuzzAlertMatchers(f *testing.F) {
	for _, seed := range []string{`severity="critical"`, `a=~"{{deployment}}"`, "a!~`}`", `a='"'`, `a="b"} or up{c="d"`, `a="b"} #`, `__name__="up"`, `a="\"} offset 5m #"`} {
		f.Add(seed, `b="c"`, true)
	}
	f.Fuzz(func(t *testing.T, one, two string, about bool) {
		watch := v1alpha1.AlertWatch{About: v1alpha1.AlertsAboutAny, Matchers: []string{one, two}}
		if about {
			watch.About = v1alpha1.AlertsAboutPods
		}
		template, err := ofAlerts(watch)
		if err != nil {
			return
		}
		rendered, err := template.Render(samples)
		if err != nil {
			return
		}
		expr, err := promQL.ParseExpr(rendered)
		if err != nil {
			t.Fatalf("%s: %v", rendered, err)
		}
		selector, ok := expr.(*parser.VectorSelector)
		if !ok || selector.OriginalOffset != 0 || selector.Timestamp != nil {
			t.Fatalf("%s is %T", rendered, expr)
		}
		has := func(name, value string) bool {
			return slices.ContainsFunc(selector.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == name && m.Value == value })
		}
		if !has("__name__", "ALERTS") || !has("alertstate", "firing") || about && !has("pod", "canary-[a-z0-9]+") {
			t.Fatalf("%s has matchers %v", rendered, selector.LabelMatchers)
		}
	})
}

// FuzzParseAmount: what is read is finite and not negative.
func FuzzParseAmount(f *testing.F) {
	for _, seed := range []string{"10%", "0.05", "1e308", "1e-400%", ".5", "5.", "1E+2%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		amount, err := ParseAmount(text)
		if err == nil && (amount.Value < 0 || math.IsNaN(amount.Value) || math.IsInf(amount.Value, 0)) {
			t.Fatalf("%q is %+v", text, amount)
		}
		if tolerance, err := ParseTolerance(text); err == nil && (tolerance < 0 || tolerance >= 1) {
			t.Fatalf("%q tolerates %v", text, tolerance)
		}
	})
}
