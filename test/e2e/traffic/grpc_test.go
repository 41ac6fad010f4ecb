package traffic

import (
	"encoding/json"
	"math"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

// grpcRoute is a route by which the gateway sends calls to the Service web, by the name of the namespace as
// their host.
func (s scene) grpcRoute() string {
	return `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: web}
spec:
  parentRefs: [` + s.gateway + `]
  hostnames: [` + s.Namespace + `.test]
  rules:
  - matches: [{method: {service: holdfast.test.App, method: Version}}]
    backendRefs: [{name: web, port: 80}]
`
}

// calls has a pod make calls by way of the gateway and returns how many which version has answered; "" are
// those that failed.
func (s scene) calls(n, canary string) map[string]int {
	s.T.Helper()
	var pods corev1.PodList
	if err := shop.World.Client.List(s.T.Context(), &pods, shop.InNamespace(s.Shop), client.MatchingLabels{"app": "web"}); err != nil || len(pods.Items) == 0 {
		s.T.Fatalf("no pod of the shop: %v", err)
	}
	var gateways corev1.PodList
	if err := shop.World.Client.List(s.T.Context(), &gateways, client.InNamespace("traefik")); err != nil || len(gateways.Items) == 0 {
		s.T.Fatalf("no pod of the gateway: %v", err)
	}
	g := s.Pod(pods.Items[0].Name, "/calls/"+n+"/"+gateways.Items[0].Status.PodIP+":8000/"+s.Namespace+".test")
	if canary != "" {
		g = g.With("X-Canary", canary)
	}
	out := map[string]int{}
	if err := json.Unmarshal([]byte(g.Text(s.T.Context())), &out); err != nil {
		s.T.Fatal(err)
	}
	return out
}

func newGRPCRoute() *unstructured.Unstructured {
	out := newRoute()
	out.SetKind("GRPCRoute")
	return out
}

// TestCallsOfGRPCAreSharedToo: 20 % of 1000 calls, and all that match; after the run the route is what its
// user asked for.
func TestCallsOfGRPCAreSharedToo(t *testing.T) {
	stage.Long(t)
	t.Parallel()
	shop.NeedTraefik(t)
	s := scene{shop.Open(t, shop.Settings{Plan: weightedPlan(`[{weight: 20, match: ` + byHeader + `, approval: true}]`), NoLoad: true, Args: []string{patient}}), shop.Traefik}
	s.Must("apply", "--server-side", "--field-manager=gitops", "-f", "-", s.grpcRoute())
	shop.Until(s.Shop, "the gateway follows the route", func() bool { return s.calls("1", "")["v1"] == 1 })
	route := func() string { return asked(shop.Get(s.Shop, "web", newGRPCRoute())) }
	before := route()
	run := s.HoldV2("--version=v2", patient)
	s.awaitStep(run.Name, 1)

	counts := s.calls("1000", "")
	if bound := 4 * math.Sqrt(0.2*0.8*1000); counts["v1"]+counts["v2"] != 1000 || math.Abs(float64(counts["v2"])-200) > bound {
		t.Errorf("1000 calls are answered by %v, want 200 ± %.0f by the canary", counts, bound)
	}
	t.Logf("1000 calls: %v", counts)
	if counts := s.calls("100", "always"); counts["v2"] != 100 {
		t.Errorf("100 calls that match are answered by %v", counts)
	}
	version := shop.Get(s.Shop, "web", newGRPCRoute()).GetResourceVersion()
	s.Must("apply", "--server-side", "--field-manager=gitops", "-f", "-", s.grpcRoute())
	if now := shop.Get(s.Shop, "web", newGRPCRoute()).GetResourceVersion(); now != version {
		t.Error("applied again the route is another")
	}
	s.Decide(run.Name, `"decision":"Abort"`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReverted)
	if now := route(); now != before {
		t.Errorf("the route is\n%s\nand was\n%s", now, before)
	}
	s.WantNoCanary() // until then the gateway may be behind
	if counts := s.calls("100", "always"); counts["v1"] != 100 {
		t.Errorf("after the run 100 calls are answered by %v", counts)
	}
}
