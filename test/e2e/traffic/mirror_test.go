package traffic

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// mirrored has canaries that get copies of some of the requests.
const mirrored = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  readyDeadline: 60s
  traffic: {source: Mirror, drain: 1s}
  steps: [{weight: 20, approval: true}, {weight: 100, approval: true}]
  analysis: {interval: 1s, period: 2s}
`

// listFeatures has the gateway played be of a class that lists these features, until the test ends.
func (s scene) listFeatures(features ...string) {
	s.T.Helper()
	s.Must("apply", "-f", "-", `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: `+s.Namespace+`}
spec: {controllerName: example.com/played}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: played}
spec:
  gatewayClassName: `+s.Namespace+`
  listeners: [{name: web, protocol: HTTP, port: 80}]
`)
	s.T.Cleanup(func() {
		_, _ = shop.World.Cluster.Kubectl(context.Background(), "", "delete", "gatewayclass", s.Namespace)
	})
	s.Must("patch", "gatewayclass", s.Namespace, "--subresource=status", "--type=merge", "-p",
		`{"status":{"supportedFeatures":[{"name":"`+strings.Join(features, `"},{"name":"`)+`"}]}}`)
}

// filters are those of the first rule of the route.
func (s scene) filters() []any {
	s.T.Helper()
	rules, _ := s.rules().([]any)
	filters, _ := rules[0].(map[string]any)["filters"].([]any)
	return filters
}

// TestCopiesOfRequestsAreLaidWhereTheGatewayListsThem: as a filter, which stays whoever applies the route,
// and comes off exactly (fluxcd/flagger#1525 has tools told to ignore it). Where the weight is 100 no
// percentage is said, which older versions of the kind do not know (kubernetes-sigs/gateway-api#3171).
func TestCopiesOfRequestsAreLaidWhereTheGatewayListsThem(t *testing.T) {
	t.Parallel()
	needGatewayAPI(t)
	s := open(t, mirrored)
	s.listFeatures("Gateway", "HTTPRoute", "HTTPRouteRequestMirror", "HTTPRouteRequestPercentageMirror")
	s.Must("apply", "--server-side", "--field-manager=gitops", "-f", "-", s.routeManifest())
	s.playGateway("web")
	before, own := asked(s.route()), len(s.filters())
	run := s.HoldV2()
	atStep := func(number, percent int32) {
		t.Helper()
		paused := shop.Await(s.Shop, "it is at the gate", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
			return r.Status.Phase == v1alpha1.PhasePaused && r.Status.Step != nil && r.Status.Step.Number == number
		})
		if want := map[int32]string{20: "mirrored 20%", 100: "mirrored 100%"}[percent]; paused.Status.Traffic != want {
			t.Errorf("TRAFFIC is %q, want %q", paused.Status.Traffic, want)
		}
		filters := s.filters()
		if len(filters) != own+1 {
			t.Fatalf("the filters are %v, want one more than %d", filters, own)
		}
		got, _, _ := unstructured.NestedMap(filters[own].(map[string]any), "requestMirror")
		name, _, _ := unstructured.NestedString(got, "backendRef", "name")
		if !strings.HasPrefix(name, "web-canary-") {
			t.Errorf("copies go to %s", name)
		}
		want := map[string]any{"backendRef": map[string]any{"group": "", "kind": "Service", "name": name, "port": int64(80)}}
		if percent < 100 {
			want["percent"] = int64(percent)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the filter (-want +got):\n%s", diff)
		}
	}
	atStep(1, 20)
	s.wantReapplied(before)
	s.Decide(run.Name, `"approvedSteps":1`)
	atStep(2, 100)
	s.Decide(run.Name, `"decision":"Abort"`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReverted)
	s.WantNoCanary()
	if diff := cmp.Diff(before, asked(s.route())); diff != "" {
		t.Errorf("the route (-before +after):\n%s", diff)
	}
}

// TestAGatewayThatDoesNotListCopiesIsNotAskedForThem: Traefik would answer the requests of production with
// errors. Who applies an update is told, the run says so, and nothing is laid.
func TestAGatewayThatDoesNotListCopiesIsNotAskedForThem(t *testing.T) {
	t.Parallel()
	s := openBehindTraefik(t, mirrored)
	before := s.route()
	s.LoadGateway(20)
	said := s.Apply("v2", "--version=v2", patient)
	const lacks = "does not list HTTPRouteRequestMirror among its supportedFeatures"
	if !strings.Contains(said, lacks) {
		t.Errorf("who applies it is not told: %s", said)
	}
	run := s.AwaitPhase(s.NewestRun(said).Name, v1alpha1.PhasePaused)
	if run.Status.Reason != v1alpha1.ReasonRoutesRefuse || !strings.Contains(run.Status.Message, lacks) {
		t.Errorf("%s: %s", run.Status.Reason, run.Status.Message)
	}
	if now := s.route(); now.GetGeneration() != before.GetGeneration() || asked(now) != asked(before) {
		t.Errorf("the route was changed: %s", asked(now))
	}
	s.WantImage("v1")
	s.WantNoneFailed(20)
}
