package query

import (
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query/preset"
	"holdfast.dev/holdfast/internal/query/tenancy"
)

// ofShop are the matchers that keep queries to the namespace shop.
func ofShop(t *testing.T) tenancy.Matchers {
	t.Helper()
	m, err := tenancy.ByLabel("namespace")
	if err != nil {
		t.Fatal(err)
	}
	matchers, err := tenancy.ForNamespace(tenancy.Matchers{m}, "shop")
	if err != nil {
		t.Fatal(err)
	}
	return matchers
}

// TestBuiltInQueriesKeepToTheirNamespace: those of every source can be asked of an
// endpoint with tenancy, and have data there.
func TestBuiltInQueriesKeepToTheirNamespace(t *testing.T) {
	spec := &v1alpha1.CanaryPlanSpec{}
	spec.Analysis.Endpoint = "thanos" // which has what it scraped of probes, too
	for _, source := range preset.Sources() {
		for _, expect := range []string{"success > 0.99", "P99 < 300ms"} {
			spec.Analysis.Metrics = append(spec.Analysis.Metrics, v1alpha1.Metric{Name: string(source), Source: source, Expect: expect})
		}
	}
	spec.Analysis.Metrics = append(spec.Analysis.Metrics, v1alpha1.Metric{Name: "alerts", Alerts: &v1alpha1.AlertWatch{}})
	all := PlanTenancy(spec, "shop", ofShop(t), field.NewPath("spec"))
	if len(all) != len(spec.Analysis.Metrics) {
		t.Errorf("%d queries of %d metrics", len(all), len(spec.Analysis.Metrics))
	}
	spec.Analysis.Endpoint = ""
	if read := PlanTenancy(spec, "shop", ofShop(t), field.NewPath("spec")); len(read) != len(all)-2 {
		t.Errorf("%d of %d queries have matchers where probes are read without a Prometheus", len(read), len(all))
	}
	for _, q := range all {
		if q.Refused != nil || len(q.Empty) > 0 {
			t.Errorf("%s %s: refused %v, empty %v", q.Metric, q.Text, q.Refused, q.Empty)
		}
	}
}

func TestCountersKeepToTheirNamespace(t *testing.T) {
	spec := &v1alpha1.CanaryPlanSpec{Steps: []v1alpha1.Step{{Metrics: []v1alpha1.Metric{{
		Name: "errors", Compare: &v1alpha1.Comparison{Count: &v1alpha1.Counted{Bad: `bad{ {{pods}} }`, Total: `all{ {{pods}}, namespace="other" }`}},
	}}}}}
	all := PlanTenancy(spec, "shop", ofShop(t), field.NewPath("spec"))
	if len(all) != 2 || all[0].Path.String() != "spec.steps[0].metrics[0].compare.count.bad" || len(all[0].Empty) != 0 || len(all[1].Warnings()) != 1 {
		t.Errorf("got %+v", all)
	}
}

// TestPlanTenancySaysWhere: in the text that the user wrote, not in what it became.
func TestPlanTenancySaysWhere(t *testing.T) {
	spec := &v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{Metrics: []v1alpha1.Metric{{Name: "a", Query: "up{ {{canary}} }\n  / info(up{ {{canary}} })"}}}}
	all := PlanTenancy(spec, "shop", ofShop(t), field.NewPath("spec"))
	if len(all) != 1 || all[0].Refused == nil || all[0].Refused.Line != 2 || all[0].Refused.Column != 5 {
		t.Errorf("got %+v", all)
	}
}
