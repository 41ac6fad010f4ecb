package query

import (
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

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
		"fast ones that are counted":  {count(v1alpha1.Counted{Good: `d_bucket{ {{pods}}, le="1" }`, Total: `d_count{ {{pods}} }`}), true},
		"a list of statuses":          {v1alpha1.Metric{Name: "other", Query: `sum by (code) (increase(r_total{ {{canary}} }[2m]))`, List: &v1alpha1.List{Label: "code", Bad: []string{"5.."}}}, false},
	} {
		spec := v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{Metrics: []v1alpha1.Metric{m, tc.other}}}
		spec.SetDefaults()
		told := slices.ContainsFunc(PlanTraps(&spec, 15*time.Second), func(s string) bool {
			return strings.HasPrefix(s, `metric refused, query: code=~"4.."`)
		})
		if told != tc.told {
			t.Errorf("%s: told %v", name, told)
		}
	}
}
