package traffic

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// weightedPlan gives the canary a share of the requests by the routes, and is judged by nothing but its pods.
func weightedPlan(steps string) string {
	return `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  readyDeadline: 60s
  traffic: {source: Weighted, drain: 2s}
  steps: ` + steps + `
  analysis: {interval: 1s, period: 4s}
`
}

// gatewayAPI is installed once for all scenarios that need its kinds.
var gatewayAPI = sync.OnceValue(func() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	return shop.World.Cluster.GatewayAPI(ctx)
})

func needGatewayAPI(t *testing.T) {
	t.Helper()
	if err := gatewayAPI(); err != nil {
		t.Fatal(err)
	}
}

// routeManifest is the route of a shop as its user has it in Git.
func (s scene) routeManifest() string { return s.RouteBy(s.gateway) }

func (s scene) route() *unstructured.Unstructured {
	s.T.Helper()
	return s.routeOf("web")
}

func (s scene) routeOf(name string) *unstructured.Unstructured {
	s.T.Helper()
	return shop.Get(s.Shop, name, newRoute())
}

func newRoute() *unstructured.Unstructured {
	out := &unstructured.Unstructured{}
	out.SetGroupVersionKind(schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"})
	return out
}

// asked is what of a route is its user's: all but its version and its status.
func asked(route *unstructured.Unstructured) string {
	out := route.DeepCopy()
	unstructured.RemoveNestedField(out.Object, "status")
	out.SetResourceVersion("")
	out.SetGeneration(0)
	// Who writes the status has an entry of his own, whose time moves.
	entries := out.GetManagedFields()
	kept := entries[:0]
	for _, e := range entries {
		if e.Subresource == "" {
			kept = append(kept, e)
		}
	}
	out.SetManagedFields(kept)
	text, err := out.MarshalJSON()
	if err != nil {
		panic(err)
	}
	return string(text)
}

// playGateway takes a route as it is, as the gateway does that it names, until the test ends.
func (s scene) playGateway(name string) {
	s.T.Helper()
	ctx := s.T.Context()
	go func() {
		for ctx.Err() == nil {
			route := newRoute()
			if shop.World.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: name}, route) == nil {
				status := fmt.Sprintf(`{"status":{"parents":[{"controllerName":"example.com/played","parentRef":{"name":"played"},"conditions":[
					{"type":"Accepted","status":"True","reason":"Accepted","message":"","lastTransitionTime":"2026-01-01T00:00:00Z","observedGeneration":%[1]d},
					{"type":"ResolvedRefs","status":"True","reason":"ResolvedRefs","message":"","lastTransitionTime":"2026-01-01T00:00:00Z","observedGeneration":%[1]d}]}]}}`, route.GetGeneration())
				_ = shop.World.Client.Status().Patch(ctx, route, client.RawPatch(types.MergePatchType, []byte(status))) // again in a moment
			}
			select {
			case <-ctx.Done():
			case <-time.After(300 * time.Millisecond):
			}
		}
	}()
}

// awaitAnswered waits until the gateway has answered for the route web as it is, and writes nothing more.
func (s scene) awaitAnswered() {
	s.T.Helper()
	deadline := time.After(shop.Patience)
	for {
		route := s.route()
		parents, _, _ := unstructured.NestedSlice(route.Object, "status", "parents")
		if strings.Contains(fmt.Sprint(parents), fmt.Sprintf("observedGeneration:%d ", route.GetGeneration())) {
			return
		}
		select {
		case <-deadline:
			s.T.Fatalf("the gateway has not answered for the route as it is: %v", parents)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// wantReapplied sends the manifest again, in every way, and wants the route to stay as it is, version
// and all.
func (s scene) wantReapplied(before string) {
	s.T.Helper()
	route := s.route()
	if route.GetAnnotations()[v1alpha1.OverlayAnnotation] == "" || asked(route) == before {
		s.T.Fatalf("nothing is laid over the route: %s", asked(route))
	}
	for _, args := range [][]string{
		{"apply", "--server-side", "--field-manager=gitops", "-f", "-"},
		{"replace", "-f", "-"},
		{"diff", "--server-side", "--field-manager=gitops", "-f", "-"},
	} {
		if stdout, stderr, code := s.Kubectl(append(args, s.routeManifest())...); code != 0 {
			s.T.Errorf("kubectl %s: exit code %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
		}
		if now := s.route(); now.GetResourceVersion() != route.GetResourceVersion() {
			s.T.Errorf("kubectl %s has changed the route: \n%s\nwas\n%s", strings.Join(args, " "), asked(now), asked(route))
			route = now
		}
	}
}

// shares are the weights of the backends of a route, such as "web:4 canary:1".
func (s scene) shares(route string) string {
	s.T.Helper()
	rules, _, _ := unstructured.NestedSlice(s.routeOf(route).Object, "spec", "rules")
	out := ""
	for _, rule := range rules {
		backends, _ := rule.(map[string]any)["backendRefs"].([]any)
		for _, b := range backends {
			name, _ := b.(map[string]any)["name"].(string)
			if strings.HasPrefix(name, "web-canary-") {
				name = "canary"
			}
			out += fmt.Sprintf("%s:%v ", name, b.(map[string]any)["weight"])
		}
	}
	return strings.TrimSpace(out)
}

// rules are those of the route web.
func (s scene) rules() any {
	s.T.Helper()
	rules, _, _ := unstructured.NestedSlice(s.route().Object, "spec", "rules")
	return any(rules)
}

// TestARouteIsItsUsersWhateverTheyWrite while the share of a canary lies on it: re-applying changes
// nothing, every change is stored with the share on it, and at the end the route is what its user asked
// for last.
func TestARouteIsItsUsersWhateverTheyWrite(t *testing.T) {
	t.Parallel()
	needGatewayAPI(t)
	s := open(t, weightedPlan(`[{weight: 20, approval: true}]`))
	s.Must("apply", "--server-side", "--field-manager=gitops", "-f", "-", s.routeManifest())
	s.playGateway("web")
	before := asked(s.route())
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhasePaused)
	s.wantReapplied(before)

	want := func(did, laid string) {
		t.Helper()
		if got := s.shares("web"); got != laid {
			t.Errorf("%s: the route has %s, want %s", did, got, laid)
		}
	}
	want("at 20 %", "web:4 canary:1")
	said := s.Must("patch", "httproute", "web", "--type=json", "-p", `[{"op":"add","path":"/spec/rules/0/timeouts","value":{"request":"5s"}}]`)
	want("a field that is patched", "web:4 canary:1")
	if !strings.Contains(said, "taken as one of the route without the share of a canary") {
		t.Errorf("its writer is not told: %s", said)
	}
	s.awaitAnswered()
	read, _, _ := s.Kubectl("get", "httproute", "web", "-o", "yaml")
	s.Must("replace", "-f", "-", strings.Replace(read, "request: 5s", "request: 7s", 1))
	want("a text that was read", "web:4 canary:1")
	own := strings.Replace(s.routeManifest(), "{name: web, port: 80}", "{name: web, port: 80, weight: 90}, {name: old, port: 80, weight: 10}", 1)
	said = s.Must("apply", "--server-side", "--force-conflicts", "--field-manager=gitops", "-f", "-", own)
	want("another manifest", "web:72 old:10 canary:18")
	if !strings.Contains(said, "your change is stored with the share of a canary on it") {
		t.Errorf("its writer is not told: %s", said)
	}
	s.Must("patch", "httproute", "web", "--type=json", "-p", `[{"op":"replace","path":"/spec/rules/0/backendRefs/1/weight","value":30}]`)
	want("a weight that is patched", "web:72 old:30 canary:18")
	text, _, _ := s.Kubectl("get", "httproute", "web", "-o", "yaml")

	s.Must("patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"decision":"Abort"}}`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReverted)
	want("at the end", "web:90 old:30")
	s.WantNoCanary()
	after := s.rules()
	s.Must("replace", "-f", "-", withoutVersion(text))
	if diff := cmp.Diff(after, s.rules()); diff != "" {
		t.Errorf("a text that was read with the share on it brings it back (-before +after):\n%s", diff)
	}
	if a := s.route().GetAnnotations(); a[v1alpha1.OverlayAnnotation] != "" {
		t.Errorf("annotations: %v", a)
	}
}

// withoutVersion is a text that is sent whatever became of its object.
func withoutVersion(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "  resourceVersion:") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// TestWithoutARouteThereIsNoShare: the run says what is missing, and releases nothing.
func TestWithoutARouteThereIsNoShare(t *testing.T) {
	t.Parallel()
	needGatewayAPI(t)
	s := open(t, weightedPlan(`[{weight: 20}]`))
	run := s.AwaitPhase(s.HoldV2().Name, v1alpha1.PhasePaused)
	if run.Status.Reason != v1alpha1.ReasonRoutesRefuse || !strings.Contains(run.Status.Message, "no HTTPRoute, GRPCRoute or VirtualService of the namespace sends requests to a Service of Deployment web (web)") {
		t.Errorf("%s: %s", run.Status.Reason, run.Status.Message)
	}
	s.WantImage("v1")
}
