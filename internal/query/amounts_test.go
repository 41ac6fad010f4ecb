package query

import (
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// An amount over a window that is cut would be too small, so it is waited for; what
// is the same over a shorter window is not, and is measured after four scrapes.
func TestAmountsWaitForTheirWholeWindow(t *testing.T) {
	const s, m = time.Second, time.Minute
	const few = m // four scrapes of 15s
	for query, want := range map[string]time.Duration{
		`sum(increase(x{ {{canary}} }[10m]))`:                                             10 * m,
		`sum(increase(x{ {{canary}} }[30s]))`:                                             30 * s,
		`sum(rate(x{ {{canary}} }[10m]))`:                                                 few,
		`sum(increase(x{ {{stable}} }[10m]))`:                                             0,
		`sum(rate(x{ {{canary}} }[10m])) + sum(increase(y{ {{canary}} }[2m]))`:            2 * m,
		`increase(x{ {{canary}} }[{{window}}])`:                                           5 * m,
		`increase(x{service="{{service}}"}[{{window}}])`:                                  5 * m,
		`increase(x{service="{{service}}"}[2 * {{window}}])`:                              10 * m,
		`rate(x{service="{{service}}"}[{{window}}])`:                                      0,
		`sum_over_time(sum(up)[{{window}}:15s])`:                                          5 * m,
		`avg_over_time(sum(up)[{{window}}:15s])`:                                          0,
		`max_over_time(sum(increase(x[{{window}}]))[10m:1m])`:                             5 * m,
		`max_over_time(x{ {{canary}} }[10m])`:                                             10 * m,
		`quantile_over_time(0.9, x{ {{canary}} }[10m])`:                                   few,
		`quantile_over_time(1, x{ {{canary}} }[10m])`:                                     10 * m,
		`predict_linear(x{ {{canary}} }[10m], 3600)`:                                      10 * m,
		`-(2 * sum by (a) (abs(increase(x{ {{canary}} }[10m]))))`:                         10 * m,
		`sum(increase(e{ {{canary}} }[10m])) / sum(increase(x{ {{canary}} }[10m]))`:       few,
		`sum(increase(e{ {{canary}} }[10m])) / (sum(increase(x{ {{canary}} }[10m])) > 0)`: few,
		`sum(increase(e{ {{canary}} }[10m])) / sum(increase(x{ {{canary}} }[5m]))`:        10 * m,
		`sum(increase(e{ {{canary}} }[10m])) / sum(increase(x{ {{stable}} }[10m]))`:       10 * m,
		`sum(increase(e{ {{canary}} }[10m])) / 600`:                                       10 * m,
		`1 - (sum(increase(e{ {{canary}} }[10m])) or 0 * sum(increase(x{ {{canary}} }[10m]))) / sum(increase(x{ {{canary}} }[10m]))`: few,
		`100 * (1 - sum(increase(e{ {{canary}} }[10m])) / sum(increase(x{ {{canary}} }[10m])))`:                                      few,
		`(increase(a{ {{canary}} }[10m]) + increase(b{ {{canary}} }[10m])) / increase(x{ {{canary}} }[10m])`:                         few,
		`(increase(a{ {{canary}} }[10m]) + 1) / increase(x{ {{canary}} }[10m])`:                                                      10 * m,
		`sum_over_time(x{ {{canary}} }[10m]) / count_over_time(x{ {{canary}} }[10m])`:                                                few,
		`increase(x{ {{canary}} }[10m]) * increase(x{ {{canary}} }[10m])`:                                                            10 * m,
		`increase(x{ {{canary}} }[10m]) ^ 2`:                                                                                         10 * m,
		`increase(x{ {{canary}} }[10m]) > 300`:                                                                                       10 * m,
		`increase(x{ {{canary}} }[10m]) > bool 0`:                                                                                    10 * m,
		`increase(a{ {{canary}} }[10m]) > bool increase(b{ {{canary}} }[10m])`:                                                       few,
		`sum(rate(x{ {{canary}} }[1m])) and sum(increase(x{ {{canary}} }[10m])) > 0`:                                                 few,
		`sum(rate(x{ {{canary}} }[1m])) and sum(increase(x{ {{canary}} }[10m])) > 100`:                                               10 * m,
		`increase(x{ {{canary}} }[10m]) or increase(y{ {{canary}} }[10m])`:                                                           10 * m,
		`increase(a{ {{canary}} }[10m]) / increase(b{ {{canary}} }[10m]) or rate(y{ {{canary}} }[10m])`:                              few,
		`histogram_quantile(0.9, sum by (le) (increase(l_bucket{ {{canary}} }[10m])))`:                                               few,
		`histogram_count(increase(l{ {{canary}} }[10m]))`:                                                                            10 * m,
		`clamp_max(increase(x{ {{canary}} }[10m]), 5)`:                                                                               10 * m,
		`count(increase(x{ {{canary}} }[10m]))`:                                                                                      few,
		`count_values("v", increase(x{ {{canary}} }[10m]))`:                                                                          10 * m,
		`topk(scalar(increase(x{ {{canary}} }[10m])), up)`:                                                                           10 * m,
	} {
		template, err := Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		values := shop
		values.Window = 5 * m
		if got := template.WarmUp(values, 15*s); got != want {
			t.Errorf("%s waits %s, want %s", query, got, want)
		}
	}
}

// A function that nobody has looked at is waited for.
func TestEveryFunctionsWindowIsLookedAt(t *testing.T) {
	for name, f := range parser.Functions {
		_, ranged := overWindow[name]
		_, plain := ofAmount[name]
		hasRange := false
		for _, arg := range f.ArgTypes {
			hasRange = hasRange || arg == parser.ValueTypeMatrix
		}
		if hasRange != ranged || hasRange == plain {
			t.Errorf("%s: takes a range: %t, stands in overWindow: %t, in ofAmount: %t", name, hasRange, ranged, plain)
		}
	}
	for name := range overWindow {
		if parser.Functions[name] == nil {
			t.Errorf("there is no function %s", name)
		}
	}
	unknown := &parser.Call{Func: &parser.Function{Name: "new_over_time"}, Args: parser.Expressions{&parser.MatrixSelector{Range: time.Hour}}}
	a := amounts{cut: func(parser.Expr) bool { return true }}
	if a.amount(unknown); a.wait != time.Hour {
		t.Errorf("a function that is not known waits %s", a.wait)
	}
}

// A list judges which part of all is bad: a share, over any window.
func TestTheAmountsOfAListAreShares(t *testing.T) {
	for query, want := range map[string]time.Duration{
		`sum by (code) (increase(x{ {{canary}} }[10m]))`:                time.Minute,
		`sum by (code) (clamp_max(increase(x{ {{canary}} }[10m]), 10))`: 10 * time.Minute,
	} {
		template, err := TemplateOf(v1alpha1.Metric{Query: query, List: &v1alpha1.List{Label: "code"}}, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := template.WarmUp(shop, 15*time.Second); got != want {
			t.Errorf("%s waits %s, want %s", query, got, want)
		}
	}
}
