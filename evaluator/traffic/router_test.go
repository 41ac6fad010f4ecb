package traffic

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/listing/listingtest"
)

var run = Run{Namespace: "shop", Name: "web-1", UID: "run-uid", Source: v1alpha1.TrafficWeighted, Deployment: "web", Pods: map[string]string{"app": "web"}}

const webRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop, uid: route-uid, generation: 1}
spec: {parentRefs: [{name: gw}], rules: [{backendRefs: [{name: web, port: 80, weight: 1}]}]}
`

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	out := &unstructured.Unstructured{}
	if err == nil {
		err = utiljson.Unmarshal(data, &out.Object)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// cluster has the Service web and these routes.
func cluster(t *testing.T, routes ...string) (Router, client.Client) {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		scheme.AddKnownTypeWithName(kind, &unstructured.Unstructured{})
		scheme.AddKnownTypeWithName(kind.GroupVersion().WithKind(kind.Kind+"List"), &unstructured.UnstructuredList{})
	}
	for _, kind := range []string{"Gateway", "GatewayClass"} {
		scheme.AddKnownTypeWithName(kinds[0].GroupVersion().WithKind(kind), &unstructured.Unstructured{})
		scheme.AddKnownTypeWithName(kinds[0].GroupVersion().WithKind(kind+"List"), &unstructured.UnstructuredList{})
	}
	for _, version := range referenceGrants {
		scheme.AddKnownTypeWithName(version, &unstructured.Unstructured{})
		scheme.AddKnownTypeWithName(version.GroupVersion().WithKind("ReferenceGrantList"), &unstructured.UnstructuredList{})
	}
	for _, version := range virtualServices {
		scheme.AddKnownTypeWithName(version.GroupVersion().WithKind("DestinationRule"), &unstructured.Unstructured{})
		scheme.AddKnownTypeWithName(version.GroupVersion().WithKind("DestinationRuleList"), &unstructured.UnstructuredList{})
	}
	web := selecting("web", run.Pods)
	web.Namespace, web.Spec.Ports = "shop", []corev1.ServicePort{{Name: "http", Port: 80, NodePort: 30080}}
	web.Spec.Type = corev1.ServiceTypeNodePort
	objects := []client.Object{&web}
	for _, text := range routes {
		objects = append(objects, object(t, text))
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
	return Router{Live: listingtest.APIServer{Reader: c}, Writer: c, Key: hold.Key(strings.Repeat("k", hold.KeySize))}, c
}

func look(t *testing.T, r Router) lifecycle.Routing {
	t.Helper()
	out, err := r.Look(context.Background(), run, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func routeOf(t *testing.T, c client.Client, name string) *unstructured.Unstructured {
	t.Helper()
	out := &unstructured.Unstructured{}
	out.SetGroupVersionKind(kinds[0])
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: name}, out); err != nil {
		t.Fatal(err)
	}
	out.SetResourceVersion("")
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAShareIsLaidMovedAndTakenOff(t *testing.T) {
	ctx := context.Background()
	other := strings.NewReplacer("name: web, namespace", "name: other, namespace", "uid: route-uid", "uid: other-uid", "name: web, port", "name: other, port").Replace(webRoute)
	r, c := cluster(t, webRoute, other)
	before, beside := routeOf(t, c, "web"), routeOf(t, c, "other")
	if diff := cmp.Diff(lifecycle.Routing{Routes: []string{"HTTPRoute/web"}}, look(t, r)); diff != "" {
		t.Fatalf("before (-want +got):\n%s", diff)
	}
	must(t, r.Share(ctx, run, 5))
	got := look(t, r)
	if got.Percent != 5 || got.Pending != "no gateway has answered for HTTPRoute/web" {
		t.Errorf("at 5 %%: %+v", got)
	}
	must(t, r.Share(ctx, run, 50))
	if got := look(t, r); got.Percent != 50 {
		t.Errorf("at 50 %%: %+v", got)
	}
	laid, _, _ := unstructured.NestedSlice(routeOf(t, c, "web").Object, "spec", "rules")
	want := object(t, `{rules: [{backendRefs: [{name: web, port: 80, weight: 1}, {name: `+run.canaryOf("web")+`, port: 80, weight: 1}]}]}`).Object["rules"]
	if diff := cmp.Diff(want, any(laid)); diff != "" {
		t.Errorf("laid (-want +got):\n%s", diff)
	}
	must(t, r.Share(ctx, run, 0))
	if diff := cmp.Diff(before, routeOf(t, c, "web")); diff != "" {
		t.Errorf("taken off (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(beside, routeOf(t, c, "other")); diff != "" {
		t.Errorf("another route (-want +got):\n%s", diff)
	}
}

// TestARunMadeAnewDoesNotInheritTheShare that a run of its name left on a route: it names a Service that is
// gone.
func TestARunMadeAnewDoesNotInheritTheShare(t *testing.T) {
	r, c := cluster(t, webRoute)
	before := routeOf(t, c, "web")
	old := run
	old.UID = "an-older-run"
	must(t, r.Share(t.Context(), old, 5))
	if got := look(t, r); got.Percent != -1 || len(got.Laid) != 1 {
		t.Errorf("the share of the older run is seen as %+v", got)
	}
	must(t, r.Share(t.Context(), run, 5))
	if got := look(t, r); got.Percent != 5 {
		t.Errorf("its own is seen as %+v", got)
	}
	must(t, r.Share(t.Context(), run, 0))
	if diff := cmp.Diff(before, routeOf(t, c, "web")); diff != "" {
		t.Errorf("taken off (-want +got):\n%s", diff)
	}
}

// TestAShareComesOffWhoseRecordIsByAnotherKey, and is laid anew by the key there is.
func TestAShareComesOffWhoseRecordIsByAnotherKey(t *testing.T) {
	r, c := cluster(t, webRoute)
	before := routeOf(t, c, "web")
	must(t, r.Share(t.Context(), run, 5))
	r.Key = hold.Key(strings.Repeat("n", hold.KeySize))
	if got := look(t, r); len(got.Laid) != 1 {
		t.Errorf("by the new key %+v", got)
	}
	old := routeOf(t, c, "web").GetAnnotations()[v1alpha1.OverlayAnnotation]
	must(t, r.Share(t.Context(), run, 5))
	if now := routeOf(t, c, "web").GetAnnotations()[v1alpha1.OverlayAnnotation]; now == old || now == "" {
		t.Error("the record is not sealed anew")
	}
	r.Key = hold.Key(strings.Repeat("o", hold.KeySize))
	must(t, r.Share(t.Context(), run, 0))
	if diff := cmp.Diff(before, routeOf(t, c, "web")); diff != "" {
		t.Errorf("taken off (-want +got):\n%s", diff)
	}
}

func TestWhatTheUserWroteMeanwhileIsWhatIsLeft(t *testing.T) {
	ctx := context.Background()
	r, c := cluster(t, webRoute)
	must(t, r.Share(ctx, run, 5))
	away := routeOf(t, c, "web") // a write that the webhook did not see
	rules := object(t, `{rules: [{backendRefs: [{name: web, port: 80, weight: 7}]}]}`).Object["rules"]
	must(t, c.Patch(ctx, away, client.RawPatch(types.MergePatchType, []byte(`{"spec": {"rules": [{"backendRefs": [{"name": "web", "port": 80, "weight": 7}]}]}}`))))
	if got := look(t, r); got.Percent != -1 {
		t.Errorf("the share is gone, and is said to be %d %%", got.Percent)
	}
	must(t, r.Share(ctx, run, 5))
	if got := look(t, r); got.Percent != 5 {
		t.Errorf("laid again: %+v", got)
	}
	if off, err := r.TakeOff(ctx, "", func(_, of string) bool { return of == run.Name }); err != nil || len(off) != 1 || off[0] != "HTTPRoute shop/web" {
		t.Fatalf("taken off: %v, %v", off, err)
	}
	after := routeOf(t, c, "web")
	if diff := cmp.Diff(rules, after.Object["spec"].(map[string]any)["rules"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if after.GetAnnotations() != nil {
		t.Errorf("annotations are left: %v", after.GetAnnotations())
	}
}

func TestRoutesThatCannotCarryAShareAreNamed(t *testing.T) {
	for name, tc := range map[string]struct{ route, want string }{
		"none is there": {"", "traffic.source is Weighted, and no HTTPRoute, GRPCRoute or VirtualService of the namespace sends requests to a Service of Deployment web (web)"},
		"it is full":    {strings.Replace(webRoute, "[{name: web", "["+strings.Repeat("{name: other}, ", 15)+"{name: web", 1), "HTTPRoute/web: spec.rules[0].backendRefs: has 16 backends"},
		"it is of another namespace's Service": {strings.Replace(webRoute, "port: 80", "namespace: else, port: 80", 1),
			"traffic.source is Weighted, and no HTTPRoute"},
	} {
		t.Run(name, func(t *testing.T) {
			var routes []string
			if tc.route != "" {
				routes = append(routes, tc.route)
			}
			r, _ := cluster(t, routes...)
			if got := look(t, r); !strings.HasPrefix(got.Refused+got.NoRoute, tc.want) {
				t.Errorf("refused: %q", got.Refused)
			}
		})
	}
}

// TestWhoAppliesIsToldWhatSpeaksAgainstAShare before there is a run.
func TestWhoAppliesIsToldWhatSpeaksAgainstAShare(t *testing.T) {
	const accepted = `
status: {parents: [{parentRef: {name: gw}, conditions: [{type: Accepted, status: "True", observedGeneration: 1}]}]}`
	for sentence, tc := range map[string]struct {
		routes []string
		want   string
	}{
		"nothing":                {[]string{webRoute + accepted}, ""},
		"there is none":          {nil, "traffic.source is Weighted, and no HTTPRoute, GRPCRoute or VirtualService"},
		"no gateway follows it":  {[]string{webRoute}, "no gateway has answered for HTTPRoute/web"},
		"it names no gateway":    {[]string{strings.Replace(webRoute, "parentRefs: [{name: gw}], ", "", 1)}, "HTTPRoute/web names no gateway in spec.parentRefs, so none sends requests by it"},
		"a gateway refuses it":   {[]string{webRoute + strings.Replace(accepted, `"True"`, `"False", message: no such listener`, 1)}, "HTTPRoute/web: gw does not take it: Accepted is False: no such listener"},
		"it has no room for one": {[]string{strings.Replace(webRoute, "[{name: web", "["+strings.Repeat("{name: other}, ", 15)+"{name: web", 1) + accepted}, "HTTPRoute/web: spec.rules[0].backendRefs: has 16 backends"},
	} {
		t.Run(sentence, func(t *testing.T) {
			r, _ := cluster(t, tc.routes...)
			got, err := r.Doubt(context.Background(), "shop", "web", &v1alpha1.CanaryPlanSpec{Traffic: &v1alpha1.Traffic{Source: v1alpha1.TrafficWeighted}}, run.Pods)
			if err != nil || !strings.HasPrefix(got, tc.want) || (got == "") != (tc.want == "") {
				t.Errorf("it says %q, error %v", got, err)
			}
		})
	}
}

func TestWhatGatewaysSayIsReadForTheRouteAsItIs(t *testing.T) {
	for name, tc := range map[string]struct{ conditions, pending, refused string }{
		"accepted":                              {`[{type: Accepted, status: "True", observedGeneration: 2}, {type: ResolvedRefs, status: "True", observedGeneration: 2}]`, "", ""},
		"accepted as it was":                    {`[{type: Accepted, status: "True", observedGeneration: 1}]`, "gw has not answered for HTTPRoute/web yet", ""},
		"nothing said":                          {`[]`, "gw has not answered for HTTPRoute/web yet", ""},
		"by one that the route no longer names": {`[{type: Accepted, status: "True", observedGeneration: 2}]}, {parentRef: {name: old}, conditions: [{type: Accepted, status: "False", observedGeneration: 1}]`, "", ""},
		"by nobody that the route names":        {`[]`, "no gateway has answered for HTTPRoute/web", ""},
		"a backend is unknown":                  {`[{type: Accepted, status: "True", observedGeneration: 2}, {type: ResolvedRefs, status: "False", message: no such Service, observedGeneration: 2}]`, "", "HTTPRoute/web: gw does not take it: ResolvedRefs is False: no such Service"},
	} {
		t.Run(name, func(t *testing.T) {
			text, parent := strings.Replace(webRoute, "generation: 1", "generation: 2", 1), "parentRef: {name: gw}, "
			if strings.HasPrefix(tc.pending, "no gateway") {
				text = strings.Replace(text, "{name: gw}", "{name: gw, sectionName: https}, {name: gw, namespace: else}", 1)
				parent = "parentRef: {name: gw, sectionName: http}, "
			}
			seen := seenRoute{object: object(t, text+
				"status: {parents: [{"+parent+"conditions: "+tc.conditions+"}]}")}
			pending, refused := seen.accepted()
			if pending != tc.pending || refused != tc.refused {
				t.Errorf("pending %q, refused %q", pending, refused)
			}
		})
	}
}

// TestWhatIsNoTextNamesNoParent: nor is it compared, which would end the process.
func TestWhatIsNoTextNamesNoParent(t *testing.T) {
	odd := strings.Replace(webRoute, "{name: gw}", "{name: {a: b}, sectionName: [x]}, 5", 1)
	seen := seenRoute{object: object(t, odd+"status: {parents: [{parentRef: {name: {a: b}, kind: [x]}, conditions: [{type: {a: b}}]}, {parentRef: 7}, null]}")}
	if pending, refused := seen.accepted(); pending == "" || refused != "" {
		t.Errorf("pending %q, refused %q", pending, refused)
	}
}

func TestTheServiceOfTheCanaryIsLikeTheDeploymentsAndItsOwn(t *testing.T) {
	ctx := context.Background()
	r, c := cluster(t, webRoute)
	must(t, r.Serve(ctx, run))
	must(t, r.Serve(ctx, run)) // twice is once
	var service corev1.Service
	must(t, c.Get(ctx, client.ObjectKey{Namespace: "shop", Name: run.canaryOf("web")}, &service))
	if service.Spec.Type != "" || len(service.Spec.Ports) != 1 || service.Spec.Ports[0].NodePort != 0 || service.Spec.Ports[0].Port != 80 {
		t.Errorf("its spec is %+v", service.Spec)
	}
	if serving([]corev1.Service{service}, run.Pods) != nil {
		t.Error("it has pods of the Deployment behind it")
	}
	if got := look(t, r); !got.Served || got.Endpoints != 0 {
		t.Errorf("without pods: %+v", got)
	}
	yes, no := true, false
	must(t, c.Create(ctx, &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "slice", Labels: map[string]string{discoveryv1.LabelServiceName: service.Name}},
		Endpoints: []discoveryv1.Endpoint{
			{TargetRef: &corev1.ObjectReference{Name: "a"}, Conditions: discoveryv1.EndpointConditions{Ready: &yes}},
			{TargetRef: &corev1.ObjectReference{Name: "b"}, Conditions: discoveryv1.EndpointConditions{Ready: &no}},
		},
	}))
	if got := look(t, r); got.Endpoints != 1 {
		t.Errorf("with one Ready pod of two: %+v", got)
	}
	must(t, r.StopServing(ctx, run))
	if got := look(t, r); got.Served {
		t.Error("it is still there")
	}
	must(t, c.Create(ctx, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: run.canaryOf("web")}}))
	if err := r.Serve(ctx, run); err == nil || !strings.Contains(err.Error(), "belongs to something else") {
		t.Errorf("a Service of somebody else: %v", err)
	}
}

func TestTheNameOfTheCanarysServiceFits(t *testing.T) {
	long := run.canaryOf(strings.Repeat("a", 63))
	if len(long) > 63 || run.canaryOf("web") == (Run{UID: "other", Source: v1alpha1.TrafficWeighted}).canaryOf("web") || run.canaryOf("web") == run.canaryOf("api") {
		t.Error(long)
	}
}

// TestACanaryHasAServiceOfItsOwn without any route, under a name that its users know beforehand.
func TestACanaryHasAServiceOfItsOwn(t *testing.T) {
	for _, source := range []v1alpha1.TrafficSource{v1alpha1.TrafficCanaryService, v1alpha1.TrafficBoth} {
		t.Run(string(source), func(t *testing.T) {
			ctx := context.Background()
			r, c := cluster(t, webRoute)
			before, own := routeOf(t, c, "web"), run
			own.Source = source
			must(t, r.Serve(ctx, own))
			got, err := r.Look(ctx, own, nil)
			if diff := cmp.Diff(lifecycle.Routing{Served: true, Services: []string{"web-canary"}}, got); err != nil || diff != "" {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
			must(t, r.Share(ctx, own, 0))
			if diff := cmp.Diff(before, routeOf(t, c, "web")); diff != "" {
				t.Errorf("the route (-want +got):\n%s", diff)
			}
			var service corev1.Service // somebody has it select the Deployment's pods
			must(t, c.Get(ctx, client.ObjectKey{Namespace: "shop", Name: "web-canary"}, &service))
			service.Spec.Selector = run.Pods
			must(t, c.Update(ctx, &service))
			must(t, r.Serve(ctx, own))
			if got, err := r.Look(ctx, own, nil); err != nil || len(got.Services) != 1 {
				t.Errorf("with its selector changed: %+v, error %v", got, err)
			}
			next := own
			next.UID, next.Name = "next-uid", "web-2"
			if got, err := r.Look(ctx, next, nil); err != nil || got.Taken != "Service web-canary is still that of run web-1" || got.Served {
				t.Errorf("the next run sees %+v, error %v", got, err)
			}
			must(t, r.StopServing(ctx, own))
			must(t, c.Create(ctx, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-canary"}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "x"}}}))
			if got, err := r.Look(ctx, own, nil); err != nil || !strings.HasPrefix(got.Refused, "Service web-canary is not of a run") {
				t.Errorf("beside one of somebody else %+v, error %v", got, err)
			}
			if why, err := r.Doubt(ctx, "shop", "web", &v1alpha1.CanaryPlanSpec{Traffic: &v1alpha1.Traffic{Source: source}}, map[string]string{"app": "other"}); err != nil || !strings.Contains(why, "no Service selects the pods of Deployment web") {
				t.Errorf("whose pods no Service selects: %q, %v", why, err)
			}
		})
	}
}
