package traffic

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/route"
)

var canaryHeader = &v1alpha1.RequestMatch{Headers: []v1alpha1.HeaderMatch{{Name: "X-Canary", Type: v1alpha1.HeaderExact, Value: "always"}}}

// TestRequestsThatMatchAreSentToTheCanary, beside a share of the others or alone, and no more when it is
// taken off.
func TestRequestsThatMatchAreSentToTheCanary(t *testing.T) {
	ctx := t.Context()
	r, c := cluster(t, webRoute)
	before := routeOf(t, c, "web")
	match := route.HeadersOf(canaryHeader)
	for _, step := range []struct {
		percent int32
		match   []route.Header
		want    string
		says    string
	}{
		{0, match, `[{backendRefs: [{name: web, port: 80, weight: 1}]},
			{matches: [{path: {type: PathPrefix, value: /}, headers: [{name: X-Canary, type: Exact, value: always}]}], backendRefs: [{name: CANARY, port: 80, weight: 1}]}]`, `X-Canary is "always"`},
		{50, match, `[{backendRefs: [{name: web, port: 80, weight: 1}, {name: CANARY, port: 80, weight: 1}]},
			{matches: [{path: {type: PathPrefix, value: /}, headers: [{name: X-Canary, type: Exact, value: always}]}], backendRefs: [{name: CANARY, port: 80, weight: 1}]}]`, `X-Canary is "always"`},
		{50, nil, `[{backendRefs: [{name: web, port: 80, weight: 1}, {name: CANARY, port: 80, weight: 1}]}]`, ""},
		{0, match, `[{backendRefs: [{name: web, port: 80, weight: 1}]},
			{matches: [{path: {type: PathPrefix, value: /}, headers: [{name: X-Canary, type: Exact, value: always}]}], backendRefs: [{name: CANARY, port: 80, weight: 1}]}]`, `X-Canary is "always"`},
	} {
		must(t, r.Share(ctx, run, step.percent, step.match...))
		got := look(t, r)
		if got.Percent != step.percent || got.Match != step.says || len(got.Laid) != 1 || len(got.Whole) != 1 {
			t.Errorf("at %d %%: %+v", step.percent, got)
		}
		laid, _, _ := unstructured.NestedSlice(routeOf(t, c, "web").Object, "spec", "rules")
		want := object(t, "{rules: "+strings.ReplaceAll(step.want, "CANARY", run.canaryOf("web"))+"}").Object["rules"]
		if diff := cmp.Diff(want, any(laid)); diff != "" {
			t.Errorf("laid (-want +got):\n%s", diff)
		}
		version := routeOf(t, c, "web").GetAnnotations()[v1alpha1.OverlayAnnotation]
		must(t, r.Share(ctx, run, step.percent, step.match...))
		if routeOf(t, c, "web").GetAnnotations()[v1alpha1.OverlayAnnotation] != version {
			t.Error("laid again it is another")
		}
	}
	must(t, r.Share(ctx, run, 0))
	if diff := cmp.Diff(before, routeOf(t, c, "web")); diff != "" {
		t.Errorf("taken off (-want +got):\n%s", diff)
	}
}

// TestWhereRequestsThatMatchHaveNoRoom the run is told, and who applies an update.
func TestWhereRequestsThatMatchHaveNoRoom(t *testing.T) {
	full := strings.Replace(webRoute, "weight: 1}]}]", "weight: 1}]}"+strings.Repeat(", {backendRefs: [{name: other}]}", 15)+"]", 1)
	r, _ := cluster(t, full)
	const want = "HTTPRoute/web: spec.rules: has 16 rules, takes 1 more for the requests that match, and may have 16"
	asks := run
	asks.Matches = []*v1alpha1.RequestMatch{nil, canaryHeader}
	got, err := r.Look(t.Context(), asks, nil)
	if err != nil || !strings.HasPrefix(got.Refused, want) {
		t.Errorf("the run is told %q, %v", got.Refused, err)
	}
	plan := &v1alpha1.CanaryPlanSpec{Traffic: &v1alpha1.Traffic{Source: v1alpha1.TrafficWeighted}, Steps: []v1alpha1.Step{{Weight: new(int32(5))}, {Match: canaryHeader}}}
	if why, err := r.Doubt(t.Context(), "shop", "web", plan, run.Pods); err != nil || !strings.HasPrefix(why, want) {
		t.Errorf("who applies is told %q, %v", why, err)
	}
	if got := look(t, r); got.Refused != "" {
		t.Errorf("without a match it is refused: %s", got.Refused)
	}
}

// TestRequestsThatMatchAreSentToTheCanaryByAVirtualServiceToo, whose rules are taken in their order: by one
// before the user's. Its place is seen, and put right.
func TestRequestsThatMatchAreSentToTheCanaryByAVirtualServiceToo(t *testing.T) {
	r, c := cluster(t, webVirtualService)
	before := virtualServiceOf(t, c)
	must(t, r.Share(t.Context(), run, 0, route.HeadersOf(canaryHeader)...))
	rules := func() any {
		t.Helper()
		out, _, _ := unstructured.NestedSlice(virtualServiceOf(t, c).Object, "spec", "http")
		return any(out)
	}
	want := object(t, `{http: [{match: [{headers: {x-canary: {exact: always}}}], route: [{destination: {host: `+run.canaryOf("web")+`}, weight: 100}]}, {route: [{destination: {host: web}}]}]}`).Object["http"]
	if diff := cmp.Diff(want, rules()); diff != "" {
		t.Errorf("laid (-want +got):\n%s", diff)
	}
	if got := look(t, r); got.Match != `X-Canary is "always"` || len(got.Whole) != 1 || got.Refused != "" {
		t.Errorf("it is %+v", got)
	}
	vs := &unstructured.Unstructured{}
	vs.SetGroupVersionKind(virtualServices[0])
	must(t, c.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "web"}, vs))
	turned := rules().([]any)
	turned[0], turned[1] = turned[1], turned[0]
	must(t, unstructured.SetNestedSlice(vs.Object, turned, "spec", "http"))
	must(t, c.Update(t.Context(), vs))
	if got := look(t, r); len(got.Whole) != 0 {
		t.Errorf("with its rule behind the user's it is %+v", got)
	}
	must(t, r.Share(t.Context(), run, 0, route.HeadersOf(canaryHeader)...))
	if diff := cmp.Diff(want, rules()); diff != "" {
		t.Errorf("laid again (-want +got):\n%s", diff)
	}
	must(t, r.Share(t.Context(), run, 0))
	if diff := cmp.Diff(before, virtualServiceOf(t, c)); diff != "" {
		t.Errorf("taken off (-want +got):\n%s", diff)
	}
}
