package plans

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

// TestSeveralPoliciesCombineByTheStrictest, and kubectl shows who they are about.
func TestSeveralPoliciesCombineByTheStrictest(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, "", "limits: {minPeriod: 20m, maxRuns: 9}")
	s.Demand("more", "guard: enabled", "limits: {minPeriod: 5m, maxRuns: 2}", `metrics: [{name: scraped, query: 'sum(up{ {{canary}} })', range: {min: 1}}]`)
	both := s.Namespace + "-more," + s.Namespace + "-tenants"
	shop.Await(s.Shop, "both policies are named", s.Namespace, &corev1.Namespace{}, func(ns *corev1.Namespace) bool {
		return ns.Annotations[v1alpha1.PoliciesAnnotation] == both && ns.Labels[v1alpha1.CanaryLabel] == v1alpha1.CanaryRequired
	})
	run := s.WantHeld("v2")
	if p := run.Spec.Plan; p.Total().String() != "20m0s" || *p.MaxRuns != 2 || len(p.Analysis.Metrics) != 1 {
		t.Errorf("the plan is %+v", p)
	}
	for field, policy := range map[string]string{"analysis.period": "tenants", "maxRuns": "more", "analysis.metrics[scraped]": "more"} {
		found := false
		for _, c := range run.Spec.Policies {
			found = found || c.Field == field && c.Policy == s.Namespace+"-"+policy
		}
		if !found {
			t.Errorf("%s was not set by %s: %+v", field, policy, run.Spec.Policies)
		}
	}
	cluster := &shop.Shop{T: t}
	p := shop.Await(cluster, "the status says so", s.Namespace+"-tenants", &v1alpha1.CanaryPolicy{}, func(p *v1alpha1.CanaryPolicy) bool {
		return p.Status.NamespaceCount == 1 && shop.Condition(p.Status.Conditions, v1alpha1.ConditionReady).Status == "True"
	})
	if len(p.Status.Namespaces) != 1 || p.Status.Namespaces[0] != s.Namespace {
		t.Errorf("the policy is about %v", p.Status.Namespaces)
	}

	// What is left counts when one goes; and with the last one the namespace is its owner's again.
	s.Must("delete", "canarypolicy", s.Namespace+"-tenants")
	shop.Await(s.Shop, "the other guards", s.Namespace, &corev1.Namespace{}, func(ns *corev1.Namespace) bool {
		return ns.Labels[v1alpha1.CanaryLabel] == v1alpha1.CanaryEnabled && ns.Annotations[v1alpha1.PoliciesAnnotation] == s.Namespace+"-more"
	})
	s.Must("delete", "canarypolicy", s.Namespace+"-more")
	shop.Await(s.Shop, "none guards", s.Namespace, &corev1.Namespace{}, func(ns *corev1.Namespace) bool {
		_, labelled := ns.Labels[v1alpha1.CanaryLabel]
		return !labelled && ns.Labels[v1alpha1.PolicyLabel] == "" && ns.Annotations[v1alpha1.PoliciesAnnotation] == ""
	})
}

// TestPoliciesAreCheckedWhenTheyAreWritten, by the schema and by Holdfast.
func TestPoliciesAreCheckedWhenTheyAreWritten(t *testing.T) {
	t.Parallel()
	s := &shop.Shop{T: t, Namespace: "default"}
	for spec, want := range map[string]string{
		"guard: maybe": `"enabled", "required"`,
		"limits: {minPeriod: 2h, maxDeadline: 1h}":                                            "minPeriod must be shorter than maxDeadline",
		"limits: {maxReplicas: 0}":                                                            "must be a number from 1 to 1000",
		"allow: {skip: [{kind: ServiceAccount, name: ci}]}":                                   "namespace is for a ServiceAccount",
		"metrics: [{name: m, query: 'sum(', range: {max: 1}}]":                                "spec.metrics[0].query: Invalid value",
		`prometheus: {matchers: ['namespace={{namespace}}']}`:                                 "spec.prometheus.matchers[0]: Invalid value",
		"metrics: [{name: m, query: 'sum(up)'}]":                                              "query needs exactly one of range",
		"freezeWindows: [{start: 'Fri 16:00', end: 'Mon 08:00', timeZone: Moon}]":             "spec.freezeWindows[0].timeZone",
		"plans: [{name: p, spec: {analysis: {period: 1h}}}]\n  limits: {maxDeadline: 30m}":    "spec.plans[0].spec.deadline",
		"guard: enabled\n  namespaceSelector: {matchExpressions: [{key: a, operator: Like}]}": "operators are In and NotIn",
	} {
		manifest := "apiVersion: holdfast.dev/v1alpha1\nkind: CanaryPolicy\nmetadata: {name: wrong}\nspec:\n  " + spec + "\n"
		if !strings.Contains(spec, "namespaceSelector") {
			manifest += "  namespaceSelector: {matchLabels: {no: such}}\n"
		}
		if said := s.Refused("create", "--dry-run=server", "-f", "-", manifest); !strings.Contains(said, want) {
			t.Errorf("%s: kubectl says:\n%s", spec, said)
		}
	}
}

// TestAPlanThatAPolicyOffers serves namespaces that have none of its name.
func TestAPlanThatAPolicyOffers(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, "", "plans: [{name: default, spec: {analysis: {period: 7m}}}, {name: night, spec: {dryRun: true}}]")
	run := s.WantHeld("v2")
	if run.Spec.PlanSource != "plan default of CanaryPolicy "+s.Namespace+"-tenants" || run.Spec.Plan.Total().String() != "7m0s" {
		t.Errorf("the plan is %s: %+v", run.Spec.PlanSource, run.Spec.Plan)
	}
	s.Joe("annotate", "deployment", "web", "holdfast.dev/plan=night")
	if run = s.WantHeld("v3"); !run.Spec.Plan.DryRun {
		t.Errorf("the plan is %s: %+v", run.Spec.PlanSource, run.Spec.Plan)
	}
	s.Joe("apply", "-f", "-", strings.Replace(shop.Patient, "name: default", "name: night", 1))
	if run = s.WantHeld("v4"); run.Spec.PlanSource != "CanaryPlan night" {
		t.Errorf("the plan is %s, want the namespace's own", run.Spec.PlanSource)
	}
}

// TestAFreezeWindowOfAPolicy holds back what passed, also one that is made while
// a run is under way, and whoever promotes.
func TestAFreezeWindowOfAPolicy(t *testing.T) {
	stage.Long(t)
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient)
	run := s.WantHeld("v2")
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.Demand("freeze", "freezeWindows: [{from: '2020-01-01T00:00:00Z', to: '2120-01-01T00:00:00Z'}]")
	shop.Await(s.Shop, "the policy is known", s.Namespace, &corev1.Namespace{}, func(ns *corev1.Namespace) bool {
		return strings.Contains(ns.Annotations[v1alpha1.PoliciesAnnotation], "freeze")
	})
	s.Joe("patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"decision":"Promote"}}`)
	s.AwaitReason(run.Name, v1alpha1.ReasonFreezeWindow)
	s.WantImage("v1")
	s.Must("delete", "canarypolicy", s.Namespace+"-freeze")
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
}

// TestOnlyTheEndpointsThatAPolicyAllows: a plan that names another is refused,
// and one that was there before keeps the update held.
func TestOnlyTheEndpointsThatAPolicyAllows(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient, "prometheus: {endpoints: [shared]}")
	s.WantRefused("CanaryPolicy "+s.Namespace+"-tenants does not let plans of this namespace name it", "apply", "-f", "-", strings.Replace(shop.Patient, "name: default", "name: other", 1))
	if said := s.Joe("set", "image", "deployment/web", "app=holdfast.test/app:v2"); !strings.Contains(said, "update held") {
		t.Errorf("kubectl says:\n%s", said)
	}
	shop.AwaitSome(s.Shop, "an event that says why", &corev1.EventList{}, shop.MatchingFields("involvedObject.name", "web", "reason", v1alpha1.ReasonPlanInvalid))
	s.WantImage("v1")
}
