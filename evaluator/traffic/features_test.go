package traffic

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"holdfast.dev/holdfast/api/v1alpha1"
)

const gatewayOfRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: shop}
spec: {gatewayClassName: some}
`

func classWith(features string) string {
	return `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: some}
status: {supportedFeatures: [` + features + `]}
`
}

// mirroringRun is a run whose canary has copies of requests.
func mirroringRun() Run {
	out := run
	out.Source = v1alpha1.TrafficMirror
	return out
}

// TestWhatAGatewayCanIsLookedUpBeforeAnythingIsLaid: what it does not list it is not asked for; one that
// lists nothing is asked for weights, and not for copies.
func TestWhatAGatewayCanIsLookedUpBeforeAnythingIsLaid(t *testing.T) {
	const accepted = `
status: {parents: [{parentRef: {name: gw}, conditions: [{type: Accepted, status: "True", observedGeneration: 1}]}]}`
	grpc := strings.Replace(webRoute, "kind: HTTPRoute", "kind: GRPCRoute", 1)
	copied := strings.Replace(webRoute, "[{backendRefs", "[{filters: [{type: RequestMirror, requestMirror: {backendRef: {name: other}}}], backendRefs", 1)
	some := mirroringRun()
	some.Partly = true
	for sentence, tc := range map[string]struct {
		run     Run
		objects []string
		want    string // the beginning
	}{
		"weights, of a kind that is listed":          {run, []string{webRoute, gatewayOfRoute, classWith("{name: Gateway}, {name: HTTPRoute}")}, ""},
		"weights, listed as versions before 1.2 did": {run, []string{webRoute, gatewayOfRoute, classWith("Gateway, HTTPRoute")}, ""},
		"weights, of one that lists nothing":         {run, []string{grpc, gatewayOfRoute, classWith("")}, ""},
		"weights, of no gateway that is known":       {run, []string{grpc}, ""},
		"weights, of a kind that is not listed": {run, []string{grpc, gatewayOfRoute, classWith("{name: Gateway}, {name: HTTPRoute}")},
			"GRPCRoute/web: GatewayClass some of Gateway shop/gw does not list GRPCRoute among its supportedFeatures: it follows no route of this kind"},
		"weights, of a kind that is not listed, and a route that is taken": {run, []string{grpc + accepted, gatewayOfRoute, classWith("{name: Gateway}")}, ""},
		"copies, listed": {mirroringRun(), []string{webRoute, gatewayOfRoute, classWith("{name: HTTPRoute}, {name: HTTPRouteRequestMirror}")}, ""},
		"copies, not listed": {mirroringRun(), []string{webRoute + accepted, gatewayOfRoute, classWith("{name: HTTPRoute}")},
			"HTTPRoute/web: GatewayClass some of Gateway shop/gw does not list HTTPRouteRequestMirror among its supportedFeatures: its answers to production might be errors"},
		"copies, of one that lists nothing": {mirroringRun(), []string{webRoute + accepted, gatewayOfRoute, classWith("")},
			"HTTPRoute/web: GatewayClass some of Gateway shop/gw lists no supportedFeatures, and so not HTTPRouteRequestMirror"},
		"copies, of no gateway that is known": {mirroringRun(), []string{webRoute}, "HTTPRoute/web: nobody says whether Gateway shop/gw can HTTPRouteRequestMirror"},
		"copies of some, and it copies all": {some, []string{webRoute, gatewayOfRoute, classWith("{name: HTTPRoute}, {name: HTTPRouteRequestMirror}")},
			"HTTPRoute/web: GatewayClass some of Gateway shop/gw does not list HTTPRouteRequestPercentageMirror among its supportedFeatures: it might copy all requests; have weight: 100"},
		"copies of what is copied": {mirroringRun(), []string{copied, gatewayOfRoute, classWith("{name: HTTPRoute}, {name: HTTPRouteRequestMirror}")},
			"HTTPRoute/web: GatewayClass some of Gateway shop/gw does not list HTTPRouteRequestMultipleMirrors"},
		"copies of calls of gRPC": {mirroringRun(), []string{grpc, gatewayOfRoute, classWith("{name: GRPCRoute}, {name: HTTPRouteRequestMirror}")},
			"GRPCRoute/web: spec.rules[0].backendRefs: of requests of this kind of route no copies are made"},
	} {
		t.Run(sentence, func(t *testing.T) {
			r, _ := cluster(t, tc.objects...)
			got, err := r.Look(t.Context(), tc.run, nil)
			if err != nil || !strings.HasPrefix(got.Refused, tc.want) || (got.Refused == "") != (tc.want == "") {
				t.Errorf("refused: %q, error %v", got.Refused, err)
			}
		})
	}
}

// TestCopiesAreLaidAndTakenOff as a share is, and who carries them once is not asked again what it can.
func TestCopiesAreLaidAndTakenOff(t *testing.T) {
	ctx := t.Context()
	r, c := cluster(t, webRoute)
	before, mirrored := routeOf(t, c, "web"), mirroringRun()
	must(t, r.Share(ctx, mirrored, 20))
	laid, _, _ := unstructured.NestedSlice(routeOf(t, c, "web").Object, "spec", "rules")
	want := object(t, `{rules: [{
		backendRefs: [{name: web, port: 80, weight: 1}],
		filters: [{type: RequestMirror, requestMirror: {percent: 20, backendRef: {group: "", kind: Service, name: `+mirrored.canaryOf("web")+`, port: 80}}}]}]}`).Object["rules"]
	if diff := cmp.Diff(want, any(laid)); diff != "" {
		t.Errorf("laid (-want +got):\n%s", diff)
	}
	if got, err := r.Look(ctx, mirrored, nil); err != nil || got.Percent != 20 || got.Refused != "" || len(got.Whole) != 1 {
		t.Errorf("it is seen as %+v, error %v", got, err)
	}
	must(t, r.Share(ctx, mirrored, 0))
	if diff := cmp.Diff(before, routeOf(t, c, "web")); diff != "" {
		t.Errorf("taken off (-want +got):\n%s", diff)
	}
}
