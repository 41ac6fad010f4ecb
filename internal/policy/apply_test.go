package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plan/size"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/query/preset"
)

// parse reads the spec of a policy.
func parse(t *testing.T, name, spec string) v1alpha1.CanaryPolicy {
	t.Helper()
	p := v1alpha1.CanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := yaml.UnmarshalStrict([]byte(spec), &p.Spec); err != nil {
		t.Fatal(err)
	}
	return p
}

func parsePlan(t *testing.T, spec string) v1alpha1.CanaryPlanSpec {
	t.Helper()
	var p v1alpha1.CanaryPlanSpec
	if err := yaml.UnmarshalStrict([]byte(spec), &p); err != nil {
		t.Fatal(err)
	}
	p.SetDefaults()
	return p
}

func TestApply(t *testing.T) {
	for name, tc := range map[string]struct {
		policy, plan string
		want         []string
	}{
		"a plan within the bounds stays": {"limits: {minPeriod: 5m, maxReplicas: 10%}", "{}", nil},
		"a short period is made longer": {"limits: {minPeriod: 5m}", "{analysis: {period: 1m}}",
			[]string{"CanaryPolicy p sets analysis.period to 5m0s, not 1m0s"}},
		"the deadline goes with it": {"limits: {minPeriod: 5m}", "{deadline: 6m, analysis: {period: 1m}}",
			[]string{"CanaryPolicy p sets analysis.period to 5m0s, not 1m0s", "CanaryPolicy p sets deadline to 10m0s, not 6m0s"}},
		"of steps the last is made longer": {"limits: {minPeriod: 5m}", "{steps: [{replicas: 1, period: 1m}, {replicas: 2, period: 2m}]}",
			[]string{"CanaryPolicy p sets steps[1].period to 4m0s, not 2m0s"}},
		"nothing ends early before the shortest period": {"limits: {minPeriod: 1m}",
			"{analysis: {endEarly: true, metrics: [{name: c, query: 'x{ {{pods}} }', compare: {}}]}}",
			[]string{"CanaryPolicy p sets analysis.endEarly to false, not true"}},
		"measurements are not put off": {"limits: {maxInterval: 1m}", "{analysis: {interval: 5m, initialDelay: 14m}}",
			[]string{"CanaryPolicy p sets analysis.interval to 1m0s, not 5m0s", "CanaryPolicy p sets analysis.initialDelay to 1m0s, not 14m0s"}},
		"a canary too large for the share": {"limits: {maxReplicas: 10%}", "{replicas: 4}",
			[]string{"CanaryPolicy p sets replicas to 10%, not 4"}},
		"a share that comes to too many": {"limits: {maxReplicas: 3}", "{steps: [{podShare: 5}, {podShare: 50}]}",
			[]string{"CanaryPolicy p sets steps[1].podShare to 3 replicas, not 50%"}},
		"what is held for long is reverted, and not frozen": {"limits: {maxDeadline: 1h}", "{onFailure: Freeze}",
			[]string{"CanaryPolicy p sets deadline to 1h0m0s, not 24h0m0s", "CanaryPolicy p sets onFailure to Revert, not Freeze"}},
		"limits of failures, of metrics too": {"limits: {maxFailureLimit: 1, maxRestartLimit: 0, maxRuns: 2}",
			"{restartLimit: 9, analysis: {failureLimit: 3, metrics: [{name: m, query: up, range: {max: 1}, failureLimit: 99}]}}",
			[]string{"CanaryPolicy p sets maxRuns to 2", "CanaryPolicy p sets restartLimit to 0, not 9",
				"CanaryPolicy p sets analysis.failureLimit to 1, not 3", "CanaryPolicy p sets analysis.metrics.failureLimit to 1, not 99"}},
		"a share of requests by routes": {"limits: {maxWeight: 10}", "{traffic: {source: Weighted, weight: 20}}",
			[]string{"CanaryPolicy p sets traffic.weight to 10, not 20"}},
		"one in steps": {"limits: {maxWeight: 10}", "{traffic: {source: Weighted}, steps: [{weight: 5}, {weight: 50}]}",
			[]string{"CanaryPolicy p sets steps[1].weight to 10, not 50"}},
		"routes are left alone": {"limits: {maxWeight: 10, trafficSources: [Service]}", "{traffic: {source: Weighted, weight: 20}, steps: [{weight: 50, replicas: 3}, {}]}",
			[]string{"CanaryPolicy p sets traffic.source to Service, not Weighted"}},
		"a source that may be": {"limits: {trafficSources: [Service, Weighted]}", "{traffic: {source: Weighted, weight: 20}}", nil},
		"a metric is added": {"metrics: [{name: errors, query: up, range: {max: 1}}]", "{}",
			[]string{"CanaryPolicy p adds analysis.metrics[errors]"}},
		"a metric takes the place of one of its name, in steps too": {"metrics: [{name: errors, query: up, range: {max: 1}}]",
			"{analysis: {metrics: [{name: errors, query: vector(0), range: {max: 1}}]}, steps: [{replicas: 1, metrics: [{name: errors, query: vector(0), range: {max: 1}}]}]}",
			[]string{"CanaryPolicy p has its own analysis.metrics[errors] in place of a metric of that name"}},
		"a metric of a policy has the source of the policy": {"metrics: [{name: errors, expect: success >= 99%, source: Istio}]", "{analysis: {source: NGINXIngress}}",
			[]string{"CanaryPolicy p adds analysis.metrics[errors] with source Istio"}},
		"or that of plans that name none, and not the plan's": {"metrics: [{name: errors, expect: success >= 99%}]",
			"{analysis: {source: NGINXIngress, metrics: [{name: errors, expect: success >= 99%}]}}",
			[]string{"CanaryPolicy p has its own analysis.metrics[errors] with source PrometheusClient in place of a metric of that name"}},
		"the same by the plan stays": {"metrics: [{name: errors, expect: success >= 99%, failureLimit: 3}]", "{analysis: {source: Istio, metrics: [{name: errors, expect: success >= 99%, source: PrometheusClient, failureLimit: 2}]}}", nil},
		"a freeze window is added once": {"freezeWindows: [{start: 'Fri 16:00', end: 'Mon 08:00'}, {start: 'Wed 16:00', end: 'Wed 17:00'}]",
			"{freezeWindows: [{start: 'Fri 16:00', end: 'Mon 08:00', timeZone: UTC}]}",
			[]string{"CanaryPolicy p sets freezeWindows to Wed 16:00 to Wed 17:00 "}},
	} {
		t.Run(name, func(t *testing.T) {
			all := Combine([]v1alpha1.CanaryPolicy{parse(t, "p", tc.policy)})
			applied, changes := all.Apply(parsePlan(t, tc.plan), 20)
			var got []string
			for _, c := range changes {
				got = append(got, Sentence(c))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			for _, step := range applied.Steps {
				for _, m := range step.Metrics {
					if m.Name == "errors" {
						t.Error("the metric of the step is still there")
					}
				}
			}
		})
	}
}

// TestAPlanDoesNotChooseWhatAPolicyMeasures: whatever source it names, the metric
// of a policy has the same.
func TestAPlanDoesNotChooseWhatAPolicyMeasures(t *testing.T) {
	for _, source := range append(preset.Sources(), "") {
		plan := parsePlan(t, "{analysis: {source: '"+string(source)+"'}}")
		for metric, want := range map[string]v1alpha1.Source{
			"{name: m, expect: success >= 99%}":                       v1alpha1.SourcePrometheusClient,
			"{name: m, expect: success >= 99%, per: Pod}":             v1alpha1.SourcePrometheusClient,
			"{name: m, expect: success >= 99%, source: NGINXIngress}": v1alpha1.SourceNGINXIngress,
			"{name: m, query: up, range: {max: 1}}":                   "",
		} {
			applied, _ := Combine([]v1alpha1.CanaryPolicy{parse(t, "p", "metrics: ["+metric+"]")}).Apply(plan, 1)
			if got := applied.Analysis.Metrics[0].Source; got != want {
				t.Errorf("plan of source %q, metric %s: source %q, want %q", source, metric, got, want)
			}
			if errs := query.ValidatePlan(&applied, field.NewPath("spec")); len(errs) > 0 {
				t.Errorf("plan of source %q, metric %s: %v", source, metric, errs.ToAggregate())
			}
		}
	}
}

// TestTheStrictestCounts, and is named.
func TestTheStrictestCounts(t *testing.T) {
	a := parse(t, "a", "{guard: enabled, limits: {minPeriod: 5m, maxRuns: 3, maxReplicas: 10%}, metrics: [{name: m, query: up, range: {max: 1}}], plans: [{name: x, spec: {dryRun: true}}]}")
	b := parse(t, "b", "{guard: required, limits: {minPeriod: 9m, maxRuns: 5, maxReplicas: 2}, metrics: [{name: m, query: up, range: {max: 2}}], plans: [{name: x, spec: {}}]}")
	e := Combine([]v1alpha1.CanaryPolicy{b, a})
	if e.Guard != (Bound[v1alpha1.Guard]{v1alpha1.GuardRequired, "b"}) || e.MinPeriod != (Bound[time.Duration]{9 * time.Minute, "b"}) || e.MaxRuns != (Bound[int32]{3, "a"}) {
		t.Errorf("got %+v, %+v, %+v", e.Guard, e.MinPeriod, e.MaxRuns)
	}
	if len(e.Metrics) != 2 || e.Metrics[1].Value.Name != "m-2" {
		t.Errorf("two metrics of one name that differ are %+v, want both", e.Metrics)
	}
	if plan, by := e.Offered("x"); by != "a" || !plan.DryRun {
		t.Errorf("plan x is that of %q", by)
	}
	applied, _ := e.Apply(parsePlan(t, "{replicas: 9}"), 10)
	if got := size.Pods(applied.Replicas, 10); got != 1 {
		t.Errorf("%d canary pods, want 1: a tenth of ten is less than two", got)
	}
}

func TestWhoMaySkip(t *testing.T) {
	ops := parse(t, "ops", "allow: {skip: [{kind: Group, name: oncall}, {kind: ServiceAccount, namespace: ci, name: deployer}]}")
	ann := parse(t, "ann", "allow: {skip: [{kind: User, name: ann}, {kind: Group, name: oncall}]}")
	none := parse(t, "none", "allow: {skip: []}")
	open := parse(t, "open", "{}")
	for name, tc := range map[string]struct {
		policies []v1alpha1.CanaryPolicy
		user     string
		groups   []string
		want     string // the policy that does not let them
	}{
		"where nothing is said RBAC decides":   {[]v1alpha1.CanaryPolicy{open}, "joe", nil, ""},
		"a user who is named":                  {[]v1alpha1.CanaryPolicy{ann, open}, "ann", nil, ""},
		"a user who is not":                    {[]v1alpha1.CanaryPolicy{ann, open}, "joe", []string{"devs"}, "ann"},
		"a member of a group":                  {[]v1alpha1.CanaryPolicy{ann, ops}, "joe", []string{"oncall"}, ""},
		"named by one policy and not by other": {[]v1alpha1.CanaryPolicy{ann, ops}, "ann", nil, "ops"},
		"a ServiceAccount":                     {[]v1alpha1.CanaryPolicy{ops}, "system:serviceaccount:ci:deployer", nil, ""},
		"one of the name in another namespace": {[]v1alpha1.CanaryPolicy{ops}, "system:serviceaccount:dev:deployer", nil, "ops"},
		"an empty list is nobody":              {[]v1alpha1.CanaryPolicy{none}, "ann", []string{"oncall"}, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			may, by := Combine(tc.policies).MaySkip(tc.user, tc.groups)
			if may != (tc.want == "") || by != tc.want {
				t.Errorf("may: %v, by %q, want %q", may, by, tc.want)
			}
		})
	}
}

func TestWhichEndpoints(t *testing.T) {
	e := Combine([]v1alpha1.CanaryPolicy{
		parse(t, "a", "prometheus: {endpoints: [default, shared]}"), parse(t, "b", "prometheus: {endpoints: [shared, b]}"), parse(t, "c", "{}"),
	})
	for endpoint, want := range map[string]string{"shared": "", "": "b", "default": "b", "b": "a"} {
		if may, by := e.MayAsk(endpoint); may != (want == "") || by != want {
			t.Errorf("endpoint %q: %v, by %q, want %q", endpoint, may, by, want)
		}
	}
}

func TestWhichNamespaces(t *testing.T) {
	all := parse(t, "all", "{namespaceSelector: {}, guard: enabled}")
	tenants := parse(t, "tenants", "{namespaceSelector: {matchExpressions: [{key: tier, operator: NotIn, values: [platform]}]}, guard: required}")
	wrong := parse(t, "wrong", "{namespaceSelector: {matchExpressions: [{key: tier, operator: Like, values: [x]}]}, guard: required}")
	for name, tc := range map[string]struct {
		labels map[string]string
		guard  v1alpha1.Guard
		by     string
	}{
		"by both, the stricter": {nil, v1alpha1.GuardRequired, "CanaryPolicy tenants"},
		"by one":                {map[string]string{"tier": "platform"}, v1alpha1.GuardEnabled, "CanaryPolicy all"},
		"one that cannot be read selects nothing": {map[string]string{"tier": "platform"}, v1alpha1.GuardEnabled, "CanaryPolicy all"},
	} {
		guard, by := ForNamespace([]v1alpha1.CanaryPolicy{all, tenants, wrong}, tc.labels).GuardOf(tc.labels)
		if guard != tc.guard || by != tc.by {
			t.Errorf("%s: %s by %q", name, guard, by)
		}
	}
	left := map[string]string{v1alpha1.PolicyLabel: "required"}
	if guard, _ := ForNamespace(nil, left).GuardOf(left); guard != v1alpha1.GuardRequired {
		t.Errorf("a policy that is not found lets the namespace out: %q", guard)
	}
}

func TestValidate(t *testing.T) {
	for name, tc := range map[string]struct{ policy, want string }{
		"nothing":                      {"namespaceSelector: {}", ""},
		"everything right":             {"{namespaceSelector: {}, limits: {minPeriod: 20m}, metrics: [{name: m, query: 'sum(up)', range: {max: 1}}], plans: [{name: x, spec: {}}]}", ""},
		"an operator that is none":     {"namespaceSelector: {matchExpressions: [{key: a, operator: Like, values: [b]}]}", "spec.namespaceSelector: Invalid value"},
		"a query that is none":         {"{namespaceSelector: {}, metrics: [{name: m, query: 'sum(', range: {max: 1}}]}", "spec.metrics[0].query: Invalid value"},
		"a zone that is none":          {"{namespaceSelector: {}, freezeWindows: [{start: 'Fri 16:00', end: 'Mon 08:00', timeZone: Moon}]}", "spec.freezeWindows[0].timeZone"},
		"an offered plan with mistake": {"{namespaceSelector: {}, plans: [{name: x, spec: {analysis: {metrics: [{name: m, query: 'sum(', range: {max: 1}}]}}}]}", "spec.plans[0].spec.analysis.metrics[0].query"},
		"an offered plan out of bounds": {"{namespaceSelector: {}, limits: {maxDeadline: 30m}, plans: [{name: x, spec: {analysis: {period: 1h}}}]}",
			"spec.plans[0].spec.deadline: Invalid value: \"30m0s\": within the bounds of the policy: must be longer"},
	} {
		t.Run(name, func(t *testing.T) {
			p := parse(t, "p", tc.policy)
			err := Validate(&p, field.NewPath("spec")).ToAggregate()
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestAPolicyWithMetricsNamesTheirEndpoints, or is told what that leaves to plans; and
// is told the traps in its metrics and plans.
func TestAPolicyWithMetricsNamesTheirEndpoints(t *testing.T) {
	const metric = "metrics: [{name: m, query: 'min(up{ {{canary}} })', range: {min: 1}}]"
	for spec, want := range map[string]int{
		"{}":                0,
		"{guard: required}": 0,
		"{" + metric + "}":  1,
		"{metrics: [{name: m, expect: success >= 99%}]}":                                           1,
		"{metrics: [{name: m, alerts: {}}]}":                                                       1,
		"{metrics: [{name: m, compare: {count: {bad: 'b{ {{pods}} }', total: 't{ {{pods}} }'}}}]}": 1,
		"{metrics: [{name: m, labels: {selector: {matchLabels: {bad: 'true'}}}}]}":                 0,
		"{" + metric + ", prometheus: {endpoints: [default]}}":                                     0,
		"{" + metric + ", prometheus: {endpoints: []}}":                                            0,
		"{plans: [{name: p, spec: {analysis: {metrics: [{name: m, expect: success >= 99%}]}}}]}":   0,
		"{plans: [{name: p, spec: {analysis: {metrics: [{name: m, expect: success >= 5%}]}}}]}":    1,
		"{metrics: [{name: m, expect: success >= 5%}], prometheus: {endpoints: [default]}}":        1,
		"{" + metric + ", prometheus: {matchers: ['namespace=\"{{namespace}}\"']}}":                1,
	} {
		p := parse(t, "p", spec)
		if got := Warnings(&p); len(got) != want {
			t.Errorf("%s: warnings %q, want %d", spec, got, want)
		}
	}
}

func TestTheLargestCanaryIsTheLeastOfWhatPoliciesAllow(t *testing.T) {
	share, number := parse(t, "a", "{limits: {maxReplicas: 50%}}"), parse(t, "b", "{limits: {maxReplicas: 3}}")
	for _, tc := range []struct {
		policies []v1alpha1.CanaryPolicy
		replicas int32
		want     int32
	}{
		{nil, 8, 0}, {[]v1alpha1.CanaryPolicy{share}, 8, 4}, {[]v1alpha1.CanaryPolicy{share}, 1, 1},
		{[]v1alpha1.CanaryPolicy{share, number}, 8, 3}, {[]v1alpha1.CanaryPolicy{share, number}, 4, 2},
	} {
		if got := Combine(tc.policies).MostPods(tc.replicas); got != tc.want {
			t.Errorf("%d policies, %d replicas: %d pods, want %d", len(tc.policies), tc.replicas, got, tc.want)
		}
	}
}
