package outages

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

const weighted = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  readyDeadline: 60s
  traffic: {source: Weighted, weight: 20, drain: 1s}
  analysis: {interval: 1s, period: 1h}
`

const route = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec: {parentRefs: [{name: nobody}], rules: [{backendRefs: [{name: web, port: 80}]}]}
`

// TestNoShareIsLeftBehind: a run that goes with its Deployment while Holdfast is down leaves its share on a
// route, until Holdfast is back; one that is there still goes on, and its share comes off with it.
func TestNoShareIsLeftBehind(t *testing.T) {
	if err := shop.World.Cluster.GatewayAPI(t.Context()); err != nil {
		t.Fatal(err)
	}
	var shops []*shop.Shop
	for range 2 {
		shops = append(shops, shop.Open(t, shop.Settings{Plan: weighted, NoLoad: true}))
	}
	gone, stays := shops[0], shops[1]
	var runs []string
	for _, s := range shops {
		s.Must("apply", "-f", "-", route)
		runs = append(runs, s.HoldV2().Name)
	}
	for _, s := range shops {
		awaitRoute(s, "it has the share of the canary", overlaid)
	}
	system := &shop.Shop{T: t, Namespace: shop.HoldfastNamespace}
	system.Must("scale", "deployment", "holdfast", "--replicas=0")
	t.Cleanup(func() { // for the scenarios after this one, should it fail
		_, _ = shop.World.Cluster.Kubectl(context.Background(), "", "-n", shop.HoldfastNamespace, "scale", "deployment", "holdfast", "--replicas=2")
	})
	shop.AwaitNone(system, "pods of Holdfast", &corev1.PodList{}, client.MatchingLabels{"app.kubernetes.io/name": "holdfast"})
	gone.Must("delete", "deployment", "web")
	shop.AwaitGone(gone, runs[0], &v1alpha1.CanaryRun{})
	if !overlaid(awaitRoute(gone, "it is there", func(*unstructured.Unstructured) bool { return true })) {
		t.Error("the share is off, though nobody is there to take it off")
	}
	stays.Must("patch", "httproute", "web", "--type=merge", "-p", `{"spec":{"hostnames":["a.example"]}}`)

	system.Must("scale", "deployment", "holdfast", "--replicas=2")
	system.Must("rollout", "status", "deployment/holdfast", "--timeout=90s")
	stays.Decide(runs[1], `"decision":"Abort"`)
	stays.AwaitPhase(runs[1], v1alpha1.PhaseReverted)
	for _, s := range shops {
		after := awaitRoute(s, "the share is off", func(r *unstructured.Unstructured) bool { return !overlaid(r) })
		rules, _, _ := unstructured.NestedSlice(after.Object, "spec", "rules")
		for _, rule := range rules {
			backends := rule.(map[string]any)["backendRefs"]
			want := []any{map[string]any{"group": "", "kind": "Service", "name": "web", "port": int64(80), "weight": int64(1)}}
			if diff := cmp.Diff(any(want), backends); diff != "" {
				t.Errorf("the backends are not the user's (-want +got):\n%s", diff)
			}
		}
	}
}

func overlaid(r *unstructured.Unstructured) bool {
	return r.GetAnnotations()[v1alpha1.OverlayAnnotation] != ""
}

func awaitRoute(s *shop.Shop, what string, is func(*unstructured.Unstructured) bool) *unstructured.Unstructured {
	s.T.Helper()
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"})
	return shop.Await(s, what, "web", object, is)
}

// TestTheShareGoesOnWithoutTheEvaluator: whoever evaluates is killed while a canary has its share of the
// requests. The share stays as it is, no request fails, and it comes off at the end.
func TestTheShareGoesOnWithoutTheEvaluator(t *testing.T) {
	stage.Long(t)
	shop.NeedTraefik(t)
	s := shop.Open(t, shop.Settings{Plan: weighted, NoLoad: true, Args: []string{patient}})
	s.Must("apply", "-f", "-", s.RouteBy(shop.Traefik))
	s.AwaitGateway()
	s.LoadGateway(40)
	run := s.HoldV2("--version=v2", patient)
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	g := s.Gateway()
	shop.Until(s, "the gateway goes by the route", func() bool { return g.Ask(t.Context()) == "v2" }) // it says so before
	system := &shop.Shop{T: t, Namespace: shop.HoldfastNamespace}
	before := shop.Get(system, "holdfast", &coordinationv1.Lease{})
	killLeader(s)
	if counts := s.Gateway().Count(t.Context(), 1000); counts["v2"] < 150 || counts["v2"] > 250 || counts["v1"]+counts["v2"] != 1000 {
		t.Errorf("while nobody evaluates 1000 requests are answered by %v, want a fifth by v2", counts)
	}
	shop.Await(system, "another evaluates", "holdfast", &coordinationv1.Lease{}, func(l *coordinationv1.Lease) bool {
		return l.Spec.HolderIdentity != nil && *l.Spec.HolderIdentity != "" && *l.Spec.HolderIdentity != *before.Spec.HolderIdentity
	})
	s.Decide(run.Name, `"decision":"Promote"`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	awaitRoute(s, "the share is off", func(r *unstructured.Unstructured) bool { return !overlaid(r) })
	s.WantNoCanary()
	if counts := s.Gateway().Count(t.Context(), 100); counts["v2"] != 100 {
		t.Errorf("after the release 100 requests are answered by %v", counts)
	}
	s.WantNoneFailed(400)
}
