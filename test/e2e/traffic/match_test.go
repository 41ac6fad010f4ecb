package traffic

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

const byHeader = `{headers: [{name: X-Canary, value: always}]}`

// awaitStep waits until a step has shown what it had to, and stands before its gate.
func (s scene) awaitStep(run string, number int32) {
	s.T.Helper()
	shop.Await(s.Shop, fmt.Sprintf("step %d has shown what it had to", number), run, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
		return r.Status.Step != nil && r.Status.Step.Number == number && r.Status.Phase == v1alpha1.PhasePaused
	})
}

// TestRequestsThatMatchGoToTheCanary and no others; with a weight beside it, so many of the others too.
// Whoever applies the route again leaves it as it is, and none fails.
func TestRequestsThatMatchGoToTheCanary(t *testing.T) {
	t.Parallel()
	s := openBehindTraefik(t, weightedPlan(`[{match: `+byHeader+`, approval: true}, {match: {cookie: {name: ring, value: inner}}, weight: 20, approval: true}]`))
	before := asked(s.route())
	want := func(what string, g shop.Gateway, version string) {
		t.Helper()
		if counts := g.Count(t.Context(), 200); counts[version] != 200 {
			t.Errorf("%s: 200 requests are answered by %v, want %s", what, counts, version)
		}
	}
	s.LoadGateway(40)
	run := s.HoldV2("--version=v2", patient)
	s.awaitStep(run.Name, 1)
	g := s.Gateway()
	want("with the header", g.With("X-Canary", "always"), "v2")
	want("with its name in other letters", g.With("x-canary", "always"), "v2")
	want("with another value", g.With("X-Canary", "never"), "v1")
	want("without it", g, "v1")
	s.wantReapplied(before)
	if got := shop.Get(s.Shop, run.Name, &v1alpha1.CanaryRun{}).Status.Traffic; got != "matched" {
		t.Errorf("TRAFFIC is %q", got)
	}
	s.Decide(run.Name, `"approvedSteps":1`)
	s.awaitStep(run.Name, 2)
	want("with the cookie", g.With("Cookie", "a=b; ring=inner; c=d"), "v2")
	s.wantShare(20, 1000)
	s.wantReapplied(before)
	s.Decide(run.Name, `"approvedSteps":2`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.wantAfter(before, "v2")
	s.WantNoneFailed(400)
}

// TestRulesForRequestsThatMatchAreNoneOfTheUsers: who changes the route as it stands changes his own rules,
// by their place or by a text that he has read; at the end it is what he asked for.
func TestRulesForRequestsThatMatchAreNoneOfTheUsers(t *testing.T) {
	t.Parallel()
	needGatewayAPI(t)
	s := open(t, weightedPlan(`[{match: `+byHeader+`, approval: true}]`))
	s.Must("apply", "--server-side", "--field-manager=gitops", "-f", "-", `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [`+s.gateway+`]
  rules:
  - backendRefs: [{name: web, port: 80}]
  - matches: [{headers: [{name: X-Old, value: "yes"}]}]
    backendRefs: [{name: old, port: 80}]
`)
	s.playGateway("web")
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhasePaused)
	if got := s.shares("web"); got != "web:1 old:1 canary:1 old:1" {
		t.Fatalf("the route has %s", got)
	}
	s.Must("patch", "httproute", "web", "--type=json", "-p", `[{"op":"add","path":"/spec/rules/0/timeouts","value":{"request":"5s"}}]`)
	s.awaitAnswered()
	read, _, _ := s.Kubectl("get", "httproute", "web", "-o", "yaml")
	s.Must("replace", "-f", "-", strings.ReplaceAll(read, "request: 5s", "request: 7s")) // in the copy too
	s.awaitAnswered()
	said := s.Must("patch", "httproute", "web", "--type=json", "-p", `[{"op":"add","path":"/spec/rules/2/timeouts","value":{"request":"9s"}}]`)
	if !strings.Contains(said, "what you changed is the canary's") {
		t.Errorf("who changes a copy is told: %s", said)
	}
	if got := s.shares("web"); got != "web:1 old:1 canary:1 old:1" {
		t.Errorf("with the changes the route has %s", got)
	}
	s.Decide(run.Name, `"decision":"Abort"`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReverted)
	rules, _ := s.rules().([]any)
	if got := s.shares("web"); got != "web:1 old:1" {
		t.Errorf("at the end the route has %s", got)
	}
	want := []any{map[string]any{"request": "7s"}, nil}
	got := []any{}
	for _, rule := range rules {
		got = append(got, rule.(map[string]any)["timeouts"])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("timeouts of the rules (-want +got):\n%s", diff)
	}
}

// TestWhereTheRouteAsksForTheHeaderItselfTheRunSaysSo, and who applies an update is told beforehand.
func TestWhereTheRouteAsksForTheHeaderItselfTheRunSaysSo(t *testing.T) {
	t.Parallel()
	needGatewayAPI(t)
	s := open(t, weightedPlan(`[{match: `+byHeader+`}]`))
	s.Must("apply", "-f", "-", strings.Replace(s.routeManifest(), "- matches: [{", "- matches: [{headers: [{name: x-canary, value: always}], ", 1))
	s.playGateway("web")
	run := s.AwaitPhase(s.HoldV2().Name, v1alpha1.PhasePaused)
	const want = "HTTPRoute/web: spec.rules[0].matches[0].headers: asks for X-Canary: always, as match of the plan does"
	if run.Status.Reason != v1alpha1.ReasonRoutesRefuse || !strings.Contains(run.Status.Message, want) {
		t.Errorf("%s: %s", run.Status.Reason, run.Status.Message)
	}
	s.WantImage("v1")
}

// TestAnIncrementIsShortForSteps: the run has them, and the share grows by them.
func TestAnIncrementIsShortForSteps(t *testing.T) {
	t.Parallel()
	needGatewayAPI(t)
	s := open(t, strings.Replace(weightedPlan(""), "drain: 2s}\n  steps: ", "drain: 2s, increment: 30, maximum: 50}", 1))
	s.Must("apply", "-f", "-", s.routeManifest())
	s.playGateway("web")
	run := s.HoldV2()
	for _, weight := range []string{"weighted 30%", "weighted 50%"} {
		shop.Await(s.Shop, weight, run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.Traffic == weight })
	}
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
}

// TestPlansThatMatchNothingAreRefused with the field and what to do, by the schema or by the webhook.
func TestPlansThatMatchNothingAreRefused(t *testing.T) {
	t.Parallel()
	s := open(t, weightedPlan(`[{weight: 20}]`))
	for traffic, want := range map[string]string{
		`{source: Weighted, match: {}}`:                                                                 "needs headers or a cookie",
		`{source: Weighted, match: {headers: [{name: "X Canary", value: a}]}}`:                          "spec.traffic.match.headers[0].name",
		`{source: Weighted, match: {headers: [{name: cookie, value: a}], cookie: {name: a, value: b}}}`: "cookie is asked for by the header Cookie",
		`{source: Weighted, match: {headers: [{name: X-A, value: a}, {name: x-a, value: b}]}}`:          "spec.traffic.match.headers[1].name",
		`{source: Both, match: {headers: [{name: X-A, value: a}]}}`:                                     "for source Weighted, and all but match for Mirror; take them off, or set that",
		`{source: Weighted, increment: 3, maximum: 50}`:                                                 "a plan has 16 steps at most",
		`{source: Weighted, increment: 10}`:                                                             "increment and maximum go together",
		`{source: Weighted}`:                                                                            "needs a weight or a match",
	} {
		_, said, code := s.Kubectl("apply", "--dry-run=server", "-f", "-", "apiVersion: holdfast.dev/v1alpha1\nkind: CanaryPlan\nmetadata: {name: other}\nspec: {traffic: "+traffic+"}\n")
		if code == 0 || !strings.Contains(said, want) {
			t.Errorf("%s: exit code %d, %s; want %q in it", traffic, code, said, want)
		}
	}
	_, said, code := s.Kubectl("apply", "--dry-run=server", "-f", "-", "apiVersion: holdfast.dev/v1alpha1\nkind: CanaryPlan\nmetadata: {name: other}\nspec: {traffic: {source: Weighted, match: {cookie: {name: a, value: b}}}}\n")
	if code != 0 || !strings.Contains(said, "gateways need not support that") {
		t.Errorf("of a cookie: exit code %d, %s", code, said)
	}
}
