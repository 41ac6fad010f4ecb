package query

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
)

const goodCount = `{bad: 'r_total{ {{pods}}, code=~"5.." }', total: 'r_total{ {{pods}} }'}`

func TestValidateComparison(t *testing.T) {
	for name, tc := range map[string]struct{ analysis, want string }{
		"counts":                      {`{metrics: [{name: e, compare: {count: ` + goodCount + `}}]}`, ""},
		"good ones":                   {`{metrics: [{name: e, compare: {count: {good: 'l_bucket{ {{pods}}, le="0.25" }', total: 'l_count{ {{pods}} }'}}}]}`, ""},
		"values":                      {`{metrics: [{name: p, query: 'sum(rate(x_total{ {{pods}} }[{{window}}]))', compare: {}}]}`, ""},
		"values of a gauge":           {`{metrics: [{name: p, query: 'max(x_bytes{ {{pods}} })', compare: {worse: Lower, slack: "0.5", unit: " B"}}]}`, ""},
		"to the stable pods":          {`{metrics: [{name: e, compare: {to: Stable, count: ` + goodCount + `}}]}`, ""},
		"end early":                   {`{endEarly: true, metrics: [{name: e, compare: {count: ` + goodCount + `}}]}`, ""},
		"nothing to compare":          {`{metrics: [{name: e, compare: {}}]}`, "needs one of query, expect, labels, alerts and compare.count"},
		"a query and a count":         {`{metrics: [{name: e, query: up, compare: {count: ` + goodCount + `}}]}`, "has compare.count and query"},
		"a range as well":             {`{metrics: [{name: e, query: 'x{ {{pods}} }', range: {max: 1}, compare: {}}]}`, "has compare and range"},
		"over":                        {`{metrics: [{name: e, query: 'x{ {{pods}} }', over: {duration: 1m}, compare: {}}]}`, "over: Forbidden: is not for compare"},
		"rate in a counter":           {`{metrics: [{name: e, compare: {count: {bad: 'rate(r_total{ {{pods}} }[1m])', total: 'r_total{ {{pods}} }'}}}]}`, "compare.count.bad: Invalid value: \"rate(r_total{ {{pods}} }[1m])\": line 1, column 1: must be the selector of a counter and nothing around it"},
		"an offset in a counter":      {`{metrics: [{name: e, compare: {count: {bad: 'r_total{ {{pods}} } offset 1m', total: 'r_total{ {{pods}} }'}}}]}`, "without modifiers"},
		"bad and good":                {`{metrics: [{name: e, compare: {count: {bad: 'a{ {{pods}} }', good: 'b{ {{pods}} }', total: 'c{ {{pods}} }'}}}]}`, "count: Required value: needs bad or good, and not both"},
		"no total":                    {`{metrics: [{name: e, compare: {count: {bad: 'a{ {{pods}} }', total: ''}}}]}`, "count.total: Invalid value"},
		"one side alone":              {`{metrics: [{name: e, compare: {count: {bad: 'a{ {{canary}} }', total: 'c{ {{pods}} }'}}}]}`, "column 4: {{canary}} selects one side only; write {{pods}}"},
		"no side":                     {`{metrics: [{name: e, query: 'sum(up)', compare: {}}]}`, "has no {{pods}}"},
		"pods in a metric of a range": {`{metrics: [{name: e, query: 'x{ {{pods}} }', range: {max: 1}}]}`, "unknown placeholder {{pods}}; known are {{canary}}"},
		"windows that overlap":        {`{metrics: [{name: e, window: 30s, query: 'sum(rate(x_total{ {{pods}} }[5m]))', compare: {}}]}`, "looks back 5m, and a value is taken every 30s (window)"},
		"no share of tolerance":       {`{metrics: [{name: e, compare: {tolerance: "0.2", count: ` + goodCount + `}}]}`, `tolerance: Invalid value: "0.2": must be a share such as "20%"`},
		"catch within the tolerance":  {`{metrics: [{name: e, compare: {catch: 1.3, count: ` + goodCount + `}}]}`, "catch: Invalid value: 1.3: must be a factor from 1.44 to 19.2 with a tolerance of 20%"},
		"a slack of counts":           {`{metrics: [{name: e, compare: {slack: "5", count: ` + goodCount + `}}]}`, `such as "0.1%"`},
		"a slack of values":           {`{metrics: [{name: e, query: 'x{ {{pods}} }', compare: {slack: "5%"}}]}`, `must be a number in the unit of the values`},
		"no false alarms at all":      {`{falseAlarms: "0%", metrics: [{name: e, compare: {count: ` + goodCount + `}}]}`, `falseAlarms: Invalid value: "0%": must be from`},
		"endEarly with a range":       {`{endEarly: true, metrics: [{name: e, query: up, range: {max: 1}}]}`, "endEarly: Forbidden: needs metrics that all compare"},
		"endEarly without metrics":    {`{endEarly: true}`, "endEarly: Forbidden"},
		"too short for its windows":   {`{period: 10m, metrics: [{name: p, query: 'x{ {{pods}} }', compare: {}}]}`, "points: Invalid value: 6: 6 windows of 2m take 12m, and the period is 10m; make window shorter, or period longer"},
	} {
		t.Run(name, func(t *testing.T) {
			var spec v1alpha1.CanaryPlanSpec
			if err := yaml.UnmarshalStrict([]byte("analysis: "+tc.analysis), &spec); err != nil {
				t.Fatal(err)
			}
			spec.SetDefaults()
			got := ""
			if err := ValidatePlan(&spec, field.NewPath("spec")).ToAggregate(); err != nil {
				got = err.Error()
			}
			if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q in it", got, tc.want)
			}
		})
	}
}

func TestEndEarlyIsForPlansWithoutSteps(t *testing.T) {
	var spec v1alpha1.CanaryPlanSpec
	text := "steps: [{podShare: 10}]\nanalysis: {endEarly: true, metrics: [{name: e, compare: {count: " + goodCount + "}}]}"
	if err := yaml.UnmarshalStrict([]byte(text), &spec); err != nil {
		t.Fatal(err)
	}
	spec.SetDefaults()
	err := ValidatePlan(&spec, field.NewPath("spec")).ToAggregate()
	if err == nil || !strings.Contains(err.Error(), "is for a plan without steps") {
		t.Errorf("got %v", err)
	}
}

// All windows of a run are compared in each round, whichever step they are of.
func TestAComparisonHasNoMoreWindowsThanARoundCanCompare(t *testing.T) {
	const metric = "{name: p, query: 'x{ {{pods}} }', compare: {}, window: "
	for name, tc := range map[string]struct{ plan, want string }{
		"a thousand":                      {"analysis: {period: 1000s, metrics: [" + metric + "1s}]}", ""},
		"more":                            {"analysis: {period: 1001s, metrics: [" + metric + "1s}]}", `spec.analysis.metrics[0].window: Invalid value: "1s": would give 1001 windows, at most 1000 are compared; make it 2s or longer, or the period shorter (the period is 16m41s)`},
		"what is longer enough":           {"analysis: {period: 1001s, metrics: [" + metric + "2s}]}", ""},
		"a delay is not compared":         {"analysis: {period: 1001s, initialDelay: 1s, metrics: [" + metric + "1s}]}", ""},
		"a day and a half of the default": {"analysis: {period: 36h, metrics: [{name: p, query: 'x{ {{pods}} }', compare: {}}]}", `"2m0s": would give 1080 windows, at most 1000 are compared; make it 2m10s or longer`},
		"all steps together":              {"{steps: [{podShare: 10}, {podShare: 20}], analysis: {period: 600s, metrics: [" + metric + "1s}]}}", `would give 1200 windows, at most 1000 are compared; make it 2s or longer, or the period shorter (all steps together are 20m)`},
		"a metric of a step":              {"{steps: [{podShare: 10}, {podShare: 20, metrics: [" + metric + "1s}]}], analysis: {period: 600s}}", `spec.steps[1].metrics[0].window: Invalid value: "1s": would give 1200 windows`},
		"counts have intervals":           {"analysis: {period: 24h, interval: 1s, metrics: [{name: e, compare: {count: " + goodCount + "}}]}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var spec v1alpha1.CanaryPlanSpec
			if err := yaml.UnmarshalStrict([]byte(tc.plan), &spec); err != nil {
				t.Fatal(err)
			}
			spec.SetDefaults()
			got := ""
			if err := ValidatePlan(&spec, field.NewPath("spec")).ToAggregate(); err != nil {
				got = err.Error()
			}
			if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q in it", got, tc.want)
			}
		})
	}
}

// What is compared in every step needs its minimum in the first.
func TestTheFirstStepIsLongEnoughForTheMinimum(t *testing.T) {
	var spec v1alpha1.CanaryPlanSpec
	text := "steps: [{podShare: 10, period: 2m}, {podShare: 50, period: 1h}]\nanalysis: {metrics: [{name: e, compare: {count: " + goodCount + "}}]}"
	if err := yaml.UnmarshalStrict([]byte(text), &spec); err != nil {
		t.Fatal(err)
	}
	spec.SetDefaults()
	err := ValidatePlan(&spec, field.NewPath("spec")).ToAggregate()
	if err == nil || !strings.Contains(err.Error(), "6 intervals of 30s take 3m, and the period of the first step is 2m; make interval shorter") {
		t.Errorf("got %v", err)
	}
}

func TestAComparisonSwitchesTheBaselineOn(t *testing.T) {
	for to, want := range map[string]bool{"Baseline": true, "": true, "Stable": false} {
		spec := v1alpha1.CanaryPlanSpec{Steps: []v1alpha1.Step{{Metrics: []v1alpha1.Metric{{
			Name: "p", Query: "x{ {{pods}} }", Compare: &v1alpha1.Comparison{To: v1alpha1.CompareTo(to)},
		}}}}}
		if spec.SetDefaults(); (spec.Baseline != nil) != want {
			t.Errorf("to %q: baseline %v", to, spec.Baseline)
		}
	}
}

func TestRenderSamples(t *testing.T) {
	template, err := ParseCounter(`r_total{ {{pods}}, code=~"5.." } # of the last hour`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := template.RenderSamples(Values{Namespace: "shop", Pods: []string{"web-1"}, Age: time.Second}, 90*time.Second)
	if want := `r_total{code=~"5..",namespace="shop",pod=~"web-1-[a-z0-9]+"}[1m30s]`; err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}
