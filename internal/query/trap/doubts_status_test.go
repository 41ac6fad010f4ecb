package trap

import (
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// What is compared says by its direction what is taken for good.
func TestStatusesOfWhatIsCompared(t *testing.T) {
	mixed, refused := some(`code=~"2..|5.."`)+" / "+guarded, some(`code=~"4.."`)+" / "+guarded
	compare := func(query string, worse v1alpha1.Worse) v1alpha1.Metric {
		return v1alpha1.Metric{Query: strings.ReplaceAll(query, "canary", "pods"), Compare: &v1alpha1.Comparison{Worse: worse}}
	}
	deviation := func(query string, direction v1alpha1.Direction) v1alpha1.Metric {
		return v1alpha1.Metric{Query: query, Deviation: &v1alpha1.Deviation{From: v1alpha1.FromFirst, By: "5%", Direction: direction}}
	}
	for name, tc := range map[string]struct {
		m    v1alpha1.Metric
		says string
	}{
		"good ones, compared":        {compare(mixed, v1alpha1.WorseLower), "takes requests that failed"},
		"bad ones, compared":         {compare(refused, v1alpha1.WorseHigher), "takes no request for a bad one"},
		"good ones that fall":        {deviation(mixed, v1alpha1.DirectionDown), "takes requests that failed"},
		"bad ones that rise":         {deviation(refused, v1alpha1.DirectionUp), "takes no request for a bad one"},
		"whatever way they deviate":  {deviation(mixed, v1alpha1.DirectionBoth), ""},
		"failures, compared":         {compare(failures, v1alpha1.WorseHigher), ""},
		"successes that do not fall": {deviation(successful, v1alpha1.DirectionDown), ""},
	} {
		got := doubts(tc.m, given)
		if (tc.says == "") != (len(got) == 0) || len(got) > 0 && (len(got) > 1 || got[0].kind != doubtStatus || !strings.Contains(got[0].message, tc.says)) {
			t.Errorf("%s: got %+v, want %s", name, got, tc.says)
		}
	}
}

// A plan that looks at failures may look at what else there is, too.
func TestClientsFaultsAreLookedAtBesideFailures(t *testing.T) {
	end := 0.05
	m := v1alpha1.Metric{Name: "refused", Query: some(`code=~"4.."`) + " / " + guarded, Range: v1alpha1.Range{Max: &end}}
	count := func(c v1alpha1.Counted) v1alpha1.Metric {
		return v1alpha1.Metric{Name: "other", Compare: &v1alpha1.Comparison{Count: &c}}
	}
	const total = `r_total{ {{pods}} }`
	for name, tc := range map[string]struct {
		other v1alpha1.Metric
		told  bool
	}{
		"an expectation of success":   {v1alpha1.Metric{Name: "other", Expect: "success >= 99%"}, false},
		"an expectation of durations": {v1alpha1.Metric{Name: "other", Expect: "P99 < 310ms"}, true},
		"a share of failures":         {v1alpha1.Metric{Name: "other", Query: some(`code=~"5.."`) + " / " + guarded, Range: v1alpha1.Range{Max: &end}}, false},
		"failures by their name":      {v1alpha1.Metric{Name: "other", Query: `sum(rate(http_errors_total{ {{canary}} }[2m]))`, Range: v1alpha1.Range{Max: &end}}, false},
		"something else":              {v1alpha1.Metric{Name: "other", Query: `sum(queue{ {{canary}} })`, Range: v1alpha1.Range{Max: &end}}, true},
		"failures that are counted":   {count(v1alpha1.Counted{Bad: `r_total{ {{pods}}, code=~"5.." }`, Total: total}), false},
		"failures of a gateway":       {v1alpha1.Metric{Name: "other", Query: some(`code="503"`) + " / " + guarded, Range: v1alpha1.Range{Max: &end}}, true},
		"a gateway's, counted":        {count(v1alpha1.Counted{Bad: `r_total{ {{pods}}, code="503" }`, Total: total}), true},
		"a gateway's, listed":         {v1alpha1.Metric{Name: "other", Query: `sum by (code) (increase(r_total{ {{canary}} }[2m]))`, List: &v1alpha1.List{Label: "code", Bad: []string{"503"}}}, true},
		"fast ones that are counted":  {count(v1alpha1.Counted{Good: `d_bucket{ {{pods}}, le="1" }`, Total: `d_count{ {{pods}} }`}), true},
		"a list of statuses":          {v1alpha1.Metric{Name: "other", Query: `sum by (code) (increase(r_total{ {{canary}} }[2m]))`, List: &v1alpha1.List{Label: "code", Bad: []string{"5.."}}}, false},
	} {
		spec := v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{Metrics: []v1alpha1.Metric{m, tc.other}}}
		spec.SetDefaults()
		told := slices.ContainsFunc(OfPlan(&spec, 15*time.Second), func(s string) bool {
			return strings.HasPrefix(s, `metric refused, query: code=~"4.."`)
		})
		if told != tc.told {
			t.Errorf("%s: told %v", name, told)
		}
	}
}

// How a share changes may be looked at beside the share, and by itself is no look at failures.
func TestChangesAreLookedAtBesideFailures(t *testing.T) {
	end := 0.05
	changes := v1alpha1.Metric{Name: "changes", Query: "deriv((" + failures + ")[5m:15s])", Range: v1alpha1.Range{Max: &end}}
	for name, tc := range map[string]struct {
		other v1alpha1.Metric
		told  bool
	}{
		"the share":             {v1alpha1.Metric{Name: "other", Query: failures, Range: v1alpha1.Range{Max: &end}}, false},
		"another of changes":    {v1alpha1.Metric{Name: "other", Query: "stddev_over_time((" + failures + ")[5m:15s])", Range: v1alpha1.Range{Max: &end}}, true},
		"how many failed since": {v1alpha1.Metric{Name: "other", Query: `sum(delta(http_errors{ {{canary}} }[5m]))`, Range: v1alpha1.Range{Max: &end}}, false},
	} {
		spec := v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{Metrics: []v1alpha1.Metric{changes, tc.other}}}
		spec.SetDefaults()
		told := slices.ContainsFunc(OfPlan(&spec, 15*time.Second), func(s string) bool {
			return strings.HasPrefix(s, "metric changes, query: deriv(…)")
		})
		if told != tc.told {
			t.Errorf("%s: told %v", name, told)
		}
	}
}
