package inline

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/policy"
	"holdfast.dev/holdfast/internal/query/preset"
)

// TestTheSchemaRefuses: what the tests below look for would be found.
func TestTheSchemaRefuses(t *testing.T) {
	for want, change := range map[string]func(*v1alpha1.CanaryPlanSpec){
		"":                                    func(*v1alpha1.CanaryPlanSpec) {},
		"plan.analysis.metrics: has 33 items": func(s *v1alpha1.CanaryPlanSpec) { addMetrics(s, 33) },
		`plan.analysis.source: "x" is none of them`:         func(s *v1alpha1.CanaryPlanSpec) { s.Analysis.Source = "x" },
		`plan.analysis.falseAlarms: "1" is of another form`: func(s *v1alpha1.CanaryPlanSpec) { s.Analysis.FalseAlarms = "1" },
		"plan.maxRuns: 0 is out of bounds":                  func(s *v1alpha1.CanaryPlanSpec) { zero := int32(0); s.MaxRuns = &zero },
		"plan.analysis.metrics[1]: is the second of m0":     func(s *v1alpha1.CanaryPlanSpec) { addMetrics(s, 1); addMetrics(s, 1) },
		"plan.analysis.metrics[0].expect: has 65 characters": func(s *v1alpha1.CanaryPlanSpec) {
			addMetrics(s, 1)
			s.Analysis.Metrics[0].Expect = strings.Repeat("≥", 65)
		},
	} {
		var spec v1alpha1.CanaryPlanSpec
		spec.SetDefaults()
		change(&spec)
		if got := strings.Join(refusals(t, schemaOfPlans(t), &spec), "; "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func addMetrics(s *v1alpha1.CanaryPlanSpec, n int) {
	for i := range n {
		s.Analysis.Metrics = append(s.Analysis.Metrics, v1alpha1.Metric{Name: fmt.Sprint("m", i), Query: "up"})
	}
}

// queryOf is a query of so many characters, in a range.
func queryOf(n int) string { return `x{a="` + strings.Repeat("e", n-7) + `"}in [0, 1]` }

// expectOf is an expectation of so many characters.
func expectOf(n int) string { return "success ≥" + strings.Repeat(" ", n-12) + "99%" }

// TestWhatTheSchemaOfRunsBoundsAnnotationsKeepTo: a plan beyond a bound would be
// found out when the run is made, which nobody sees who applied it.
func TestWhatTheSchemaOfRunsBoundsAnnotationsKeepTo(t *testing.T) {
	many := func(n int) map[string]string {
		out := map[string]string{}
		for i := range n {
			out[fmt.Sprint(v1alpha1.MetricAnnotationPrefix, "m", i)] = "up in [0, 1]"
		}
		return out
	}
	long := func(n int) map[string]string {
		return map[string]string{v1alpha1.MetricAnnotationPrefix + strings.Repeat("n", n): "up in [0, 1]"}
	}
	for name, tc := range map[string]struct {
		annotations map[string]string
		want        string // "" for a right plan
	}{
		"a long expectation":        {map[string]string{errorsKey: expectOf(64)}, ""},
		"one too long":              {map[string]string{errorsKey: expectOf(65)}, "metadata.annotations[" + errorsKey + `]: Invalid value: "` + expectOf(65) + `": line 1, column 1: the expectation has 65 characters, at most 64 are taken; leave out spaces`},
		"a long query":              {map[string]string{errorsKey: queryOf(8192)}, ""},
		"one too long, by one":      {map[string]string{errorsKey: queryOf(8193)}, "the query is longer than 8192 bytes"},
		"many metrics":              {many(32), ""},
		"too many":                  {many(33), "metadata.annotations[" + v1alpha1.MetricAnnotationPrefix + "*]: Too many: 33: must have at most 32 items"},
		"a long name":               {long(63), ""},
		"one that is too long":      {long(64), "must be 1 to 63 lower-case letters"},
		"a period without end":      {map[string]string{period: "2000000h"}, "metadata.annotations[" + period + "]: Invalid value"},
		"the longest that there is": {map[string]string{period: "8760h"}, ""},
		"one beyond it":             {map[string]string{period: "8761h"}, "must be 8760h (a year) at most"},
	} {
		t.Run(name, func(t *testing.T) {
			spec, errs := Parse(tc.annotations)
			if got := fmt.Sprint(errs.ToAggregate()); (tc.want == "") != (len(errs) == 0) || tc.want != "" && !strings.Contains(got, tc.want) {
				t.Fatalf("got  %s\nwant %s in it", got, tc.want)
			}
			if spec == nil {
				return
			}
			for _, refused := range refusals(t, schemaOfPlans(t), spec) {
				t.Errorf("the API server: %s", refused)
			}
		})
	}
}

// TestRunsOfPlansInAnnotationsCanBeMade: whatever annotations say, a plan that is
// taken, and what policies make of it, is one that the schema of runs takes.
func TestRunsOfPlansInAnnotationsCanBeMade(t *testing.T) {
	schema, taken := schemaOfPlans(t), 0
	within := policy.Combine([]v1alpha1.CanaryPolicy{{
		ObjectMeta: metav1.ObjectMeta{Name: "p"},
		Spec:       v1alpha1.CanaryPolicySpec{Metrics: []v1alpha1.Metric{{Name: "theirs", Expect: "success >= 99%"}}},
	}})
	for seed := range uint64(400) {
		annotations := annotationsOf(rand.New(rand.NewPCG(seed, 5)))
		spec, errs := Parse(annotations)
		if len(errs) > 0 || spec == nil {
			continue
		}
		taken++
		applied, _ := within.Apply(*spec, 10)
		for _, plan := range []*v1alpha1.CanaryPlanSpec{spec, &applied} {
			if len(plan.Analysis.Metrics) > 32 { // told when policies are applied
				continue
			}
			for _, refused := range refusals(t, schema, plan) {
				t.Errorf("seed %d, %.200v: %s", seed, annotations, refused)
			}
		}
	}
	if taken < 100 {
		t.Errorf("of all plans only %d are right; that shows little", taken)
	}
}

// annotationsOf makes annotations up, at and around the bounds of a plan.
func annotationsOf(r *rand.Rand) map[string]string {
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	out := map[string]string{}
	if r.IntN(2) == 0 {
		out[period] = one("1s", "1.000000001s", "90m", "1h1m1.5s", "1000000h", "2000000h", "0.1h0.1h")
	}
	if r.IntN(2) == 0 {
		out[v1alpha1.SourceAnnotation] = string(preset.Sources()[r.IntN(len(preset.Sources()))])
	}
	if r.IntN(4) == 0 {
		out[v1alpha1.StatusLabelAnnotation] = one("status", "a-b", strings.Repeat("l", 60+r.IntN(8)), "_")
	}
	for range r.IntN(4) * r.IntN(12) {
		name := one("a", "a-b", "x9", "1", strings.Repeat("n", 60+r.IntN(4)), fmt.Sprint("m", r.IntN(99)))
		out[v1alpha1.MetricAnnotationPrefix+name] = one(
			"up in [0, 1]", "up in [-1e308, ]", "up in [, 5e-324]", "up in [-0, 0]", "sum(up{ {{canary}} }) in [0, inf]",
			queryOf(8189+r.IntN(8)), expectOf(60+r.IntN(8)), "P99.9<1m2.5s", "success > .5", "success >= 0.99999999999999999999")
	}
	return out
}
