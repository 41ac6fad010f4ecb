package traffic

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/listing"
)

const webVirtualService = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop, uid: route-uid, generation: 1}
spec: {hosts: [web], http: [{route: [{destination: {host: web}}]}]}
`

func virtualServiceOf(t *testing.T, c client.Client) *unstructured.Unstructured {
	t.Helper()
	out := &unstructured.Unstructured{}
	out.SetGroupVersionKind(virtualServices[0])
	must(t, c.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "web"}, out))
	out.SetResourceVersion("")
	return out
}

func destinations(t *testing.T, text string) any {
	t.Helper()
	return object(t, "{route: "+text+"}").Object["route"]
}

func routeOfRule(t *testing.T, vs *unstructured.Unstructured, i int) any {
	t.Helper()
	rules, _, _ := unstructured.NestedSlice(vs.Object, "spec", "http")
	return rules[i].(map[string]any)["route"]
}

func TestAShareIsLaidOverAVirtualServiceAndTakenOff(t *testing.T) {
	r, c := cluster(t, webVirtualService)
	before := virtualServiceOf(t, c)
	if diff := cmp.Diff(lifecycle.Routing{Routes: []string{"VirtualService/web"}}, look(t, r)); diff != "" {
		t.Fatalf("before (-want +got):\n%s", diff)
	}
	must(t, r.Share(t.Context(), run, 5))
	on := []string{"VirtualService/web"}
	if diff := cmp.Diff(lifecycle.Routing{Routes: on, Laid: on, Whole: on, Silent: on, Percent: 5}, look(t, r)); diff != "" {
		t.Errorf("at 5 %% (-want +got):\n%s", diff)
	}
	want := destinations(t, `[{destination: {host: web}, weight: 95}, {destination: {host: `+run.canaryOf("web")+`}, weight: 5}]`)
	if diff := cmp.Diff(want, routeOfRule(t, virtualServiceOf(t, c), 0)); diff != "" {
		t.Errorf("laid (-want +got):\n%s", diff)
	}
	must(t, r.Share(t.Context(), run, 0))
	if diff := cmp.Diff(before, virtualServiceOf(t, c)); diff != "" {
		t.Errorf("taken off (-want +got):\n%s", diff)
	}
}

// TestOfSubsetsThoseCountThatHaveTheDeploymentsPods: the usual VirtualService has one for each version, and a
// Deployment for each of those.
func TestOfSubsetsThoseCountThatHaveTheDeploymentsPods(t *testing.T) {
	const subsets = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: shop}
spec: {host: web.shop.svc.cluster.local, subsets: [{name: v1, labels: {version: "1"}}, {name: v2, labels: {version: "2"}}]}
`
	both := strings.Replace(webVirtualService, "[{destination: {host: web}}]", `[{destination: {host: web, subset: v1}, weight: 50}, {destination: {host: web, subset: v2}, weight: 50}]`, 1)
	two := run
	two.Pods = map[string]string{"app": "web", "version": "2"}
	r, c := cluster(t, both, subsets)
	must(t, r.Share(t.Context(), two, 10))
	want := destinations(t, `[{destination: {host: web, subset: v1}, weight: 50}, {destination: {host: web, subset: v2}, weight: 45}, {destination: {host: `+run.canaryOf("web")+`}, weight: 5}]`)
	if diff := cmp.Diff(want, routeOfRule(t, virtualServiceOf(t, c), 0)); diff != "" {
		t.Errorf("laid (-want +got):\n%s", diff)
	}
	seen := func() lifecycle.Routing {
		t.Helper()
		out, err := r.Look(t.Context(), two, nil)
		must(t, err)
		return out
	}
	if got := seen(); got.Percent != 10 || len(got.Whole) != 1 {
		t.Errorf("laid it is %+v", got)
	}
	// The subset that had the pods has them no more: the share is another one, and is laid anew.
	rule := &unstructured.Unstructured{}
	rule.SetGroupVersionKind(virtualServices[0].GroupVersion().WithKind("DestinationRule"))
	must(t, c.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "web"}, rule))
	must(t, unstructured.SetNestedSlice(rule.Object, []any{map[string]any{"name": "v1", "labels": map[string]any{"app": "web"}}, map[string]any{"name": "v2", "labels": map[string]any{"version": "3"}}}, "spec", "subsets"))
	must(t, c.Update(t.Context(), rule))
	if got := seen(); got.Percent != -1 || len(got.Whole) != 0 || len(got.Laid) != 1 {
		t.Errorf("with another subset it is %+v", got)
	}
	must(t, r.Share(t.Context(), two, 10))
	want = destinations(t, `[{destination: {host: web, subset: v1}, weight: 45}, {destination: {host: web, subset: v2}, weight: 50}, {destination: {host: `+run.canaryOf("web")+`}, weight: 5}]`)
	if diff := cmp.Diff(want, routeOfRule(t, virtualServiceOf(t, c), 0)); diff != "" {
		t.Errorf("laid anew (-want +got):\n%s", diff)
	}
	must(t, c.Delete(t.Context(), rule))
	if got := seen(); !strings.HasPrefix(got.Refused, "VirtualService/web sends requests to subset v") || !strings.Contains(got.Refused, "of Service web, and no DestinationRule of the namespace says which pods that are") {
		t.Errorf("without a DestinationRule: %+v", got)
	}
	must(t, r.Share(t.Context(), two, 0))
	if diff := cmp.Diff(object(t, both).Object["spec"], virtualServiceOf(t, c).Object["spec"]); diff != "" {
		t.Errorf("taken off (-want +got):\n%s", diff)
	}
}

func TestWhatSpeaksAgainstAVirtualService(t *testing.T) {
	const none = "traffic.source is Weighted, and no HTTPRoute, GRPCRoute or VirtualService of the namespace sends requests to a Service of Deployment web (web)"
	for name, tc := range map[string]struct{ route, want string }{
		"nothing":                      {webVirtualService, ""},
		"its destinations are hosts":   {strings.ReplaceAll(webVirtualService, "host: web}", "host: web.shop}"), none},
		"it shares out connections":    {strings.Replace(webVirtualService, "http:", "tcp:", 1), none},
		"it has a subset of others":    {strings.Replace(webVirtualService, "host: web}", "host: other, subset: v1}", 1), none},
		"its share is of weight 0":     {strings.Replace(webVirtualService, "[{destination: {host: web}}]", "[{destination: {host: web}}, {destination: {host: other}, weight: 1}]", 1), none},
		"there are too many rules":     {strings.Replace(webVirtualService, "http: [", "http: ["+strings.Repeat("{}, ", 256), 1), "VirtualService/web: spec.http: has more than 256 rules"},
		"its record would be too long": {strings.Replace(webVirtualService, "http: [", "http: [{name: "+strings.Repeat("x", 256<<10)+"}, ", 1), "VirtualService/web: its annotations would take"},
		"there are many destinations":  {strings.Replace(webVirtualService, "route: [", "route: ["+strings.Repeat("{destination: {host: other}, weight: 1}, ", 62)+"{destination: {host: web}, weight: 1}, ", 1), "VirtualService/web: spec.http[0].route: has 64 backends and may have 64"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := cluster(t, tc.route)
			got, err := r.Doubt(t.Context(), "shop", "web", &v1alpha1.CanaryPlanSpec{Traffic: &v1alpha1.Traffic{Source: v1alpha1.TrafficWeighted}}, run.Pods)
			if err != nil || !strings.HasPrefix(got, tc.want) || (got == "") != (tc.want == "") {
				t.Errorf("it says %.200q, error %v", got, err)
			}
		})
	}
}

// TestWhatIstioSaysIsReadForTheVirtualServiceAsItIs, in all forms that it was ever said in; of most nothing
// is.
func TestWhatIstioSaysIsReadForTheVirtualServiceAsItIs(t *testing.T) {
	for name, tc := range map[string]struct {
		status, pending string
		silent          bool
	}{
		"nothing":                     {"{}", "", true},
		"what analysis has found":     {`{observedGeneration: "2", validationMessages: [{level: ERROR}]}`, "", true},
		"as it was":                   {`{conditions: [{type: Reconciled, status: "False", observedGeneration: "1"}]}`, "", true},
		"of no generation":            {`{conditions: [{type: Reconciled, status: "True"}]}`, "", true},
		"that all have it":            {`{conditions: [{type: Reconciled, status: "True", observedGeneration: "2"}]}`, "", false},
		"that all have it, elsewhere": {`{observedGeneration: 2, conditions: [{type: Reconciled, status: "True"}]}`, "", false},
		"that not all have it":        {`{observedGeneration: "2", conditions: [{type: Reconciled, status: "False", message: "1/3 proxies up to date."}]}`, "not all proxies have VirtualService/web yet: 1/3 proxies up to date.", false},
		"of no shape":                 {`{conditions: [7, {type: [x]}, {type: Reconciled, observedGeneration: {}}]}`, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			seen := seenRoute{object: object(t, strings.Replace(webVirtualService, "generation: 1", "generation: 2", 1)+"status: "+tc.status)}
			pending, refused := seen.accepted()
			if pending != tc.pending || refused != "" || seen.silent() != tc.silent {
				t.Errorf("pending %q, refused %q, silent %v", pending, refused, seen.silent())
			}
		})
	}
}

// older serves Istio's kinds in the versions that releases before 1.22 have.
type older struct {
	listing.Lister
	asked []string
}

func (o *older) Each(ctx context.Context, q listing.Query, visit func([]byte) error) error {
	if q.Kind.Group != istio {
		return o.Lister.Each(ctx, q, visit)
	}
	o.asked = append(o.asked, q.Kind.Version)
	if q.Kind.Version == "v1" {
		return &meta.NoKindMatchError{GroupKind: q.Kind.GroupKind(), SearchedVersions: []string{"v1"}}
	}
	return o.Lister.Each(ctx, q, visit)
}

func TestAVirtualServiceIsReadInTheNewestVersionThereIs(t *testing.T) {
	r, c := cluster(t, strings.Replace(webVirtualService, "io/v1\n", "io/v1beta1\n", 1))
	before := &older{Lister: r.Live}
	r.Live = before
	must(t, r.Share(t.Context(), run, 5))
	var vs unstructured.Unstructured
	vs.SetGroupVersionKind(virtualServices[1])
	must(t, c.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "web"}, &vs))
	if vs.GetAnnotations()[v1alpha1.OverlayAnnotation] == "" {
		t.Error("nothing is laid")
	}
	if diff := cmp.Diff([]string{"v1", "v1beta1"}, before.asked); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	r, _ = cluster(t, webVirtualService)
	if got := look(t, r); len(got.Routes) != 1 {
		t.Errorf("served in both versions it is %+v", got)
	}
}

// TestTheServiceOfACanaryIsKnownToWhomTheDeploymentsIs.
func TestTheServiceOfACanaryIsKnownToWhomTheDeploymentsIs(t *testing.T) {
	web := selecting("web", run.Pods)
	web.Annotations = map[string]string{"networking.istio.io/exportTo": "*", "example.com/owner": "ann"}
	want := map[string]string{"networking.istio.io/exportTo": "*"}
	if diff := cmp.Diff(want, serviceFor(run, web).Annotations); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := serviceFor(run, selecting("web", run.Pods)).Annotations; got != nil {
		t.Errorf("without any it has %v", got)
	}
}
