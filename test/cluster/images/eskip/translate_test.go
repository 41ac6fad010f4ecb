package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func httpRoute(t *testing.T, spec string) route {
	t.Helper()
	object := unstructured.Unstructured{}
	text := `{"kind":"HTTPRoute","apiVersion":"gateway.networking.k8s.io/v1","metadata":{"namespace":"my-shop","name":"web","generation":3},"spec":` + spec + `}`
	if err := object.UnmarshalJSON([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return readRoute(object)
}

func ruleWith(more string) string {
	return `{"parentRefs":[{"name":"web","namespace":"skipper"}],"rules":[{"matches":[{"path":{"type":"PathPrefix","value":"/a"}}],` + more +
		`"backendRefs":[{"group":"","kind":"Service","name":"web","port":80,"weight":1}]}]}`
}

func mirrorTo(service, percent string) string {
	return `"filters":[{"type":"URLRewrite","urlRewrite":{"path":{"type":"ReplacePrefixMatch","replacePrefixMatch":"/"}}},
		{"type":"RequestMirror","requestMirror":{` + percent + `"backendRef":{"group":"","kind":"Service","name":"` + service + `","port":80}}}],`
}

var behind = endpoints{
	{"my-shop", "web", 80}:    {"http://10.0.0.1:8080", "http://10.0.0.2:8080"},
	{"my-shop", "canary", 80}: {"http://10.0.0.3:8080"},
	{"my-shop", "nobody", 80}: nil,
}

func TestARouteInSkippersWords(t *testing.T) {
	const to = `<roundRobin, "http://10.0.0.1:8080", "http://10.0.0.2:8080">;`
	for name, tc := range map[string]struct{ spec, want string }{
		"without copies": {ruleWith(""), `my_shop_web_g3_0_0: PathSubtree("/a") -> ` + to},
		"with copies of all": {ruleWith(mirrorTo("canary", "")), `
my_shop_web_g3_0_0: PathSubtree("/a") && TrafficSegment(0, 1) -> teeLoopback("secretmy_shop_web_g3_0_0") -> modPath("^/a/?", "/") -> ` + to + `
my_shop_web_g3_0_0_copies: PathSubtree("/a") && Tee("secretmy_shop_web_g3_0_0") && Weight(10) -> modPath("^/a/?", "/") -> <roundRobin, "http://10.0.0.3:8080">;`},
		"with copies of some, to nobody": {ruleWith(mirrorTo("nobody", `"percent":20,`)), `
my_shop_web_g3_0_0: PathSubtree("/a") && TrafficSegment(0, 0.2) -> teeLoopback("secretmy_shop_web_g3_0_0") -> modPath("^/a/?", "/") -> ` + to + `
my_shop_web_g3_0_0_copies: PathSubtree("/a") && Tee("secretmy_shop_web_g3_0_0") && Weight(10) -> modPath("^/a/?", "/") -> status(503) -> <shunt>;
my_shop_web_g3_0_0_others: PathSubtree("/a") && TrafficSegment(0.2, 1) -> modPath("^/a/?", "/") -> ` + to},
	} {
		t.Run(name, func(t *testing.T) {
			got := translate(httpRoute(t, tc.spec), behind, "secret")
			if diff := cmp.Diff(strings.TrimSpace(tc.want), strings.Join(got.lines, "\n")); diff != "" || got.refused != "" || got.unresolved != "" {
				t.Errorf("refused %q, unresolved %q (-want +got):\n%s", got.refused, got.unresolved, diff)
			}
		})
	}
}

func TestWhatIsNotFollowedIsRefused(t *testing.T) {
	for name, spec := range map[string]string{
		"a field":        `{"parentRefs":[],"hostnames":["a.example"],"rules":[]}`,
		"a filter":       ruleWith(`"filters":[{"type":"RequestHeaderModifier","requestHeaderModifier":{}}],`),
		"another mirror": ruleWith(strings.Replace(mirrorTo("canary", ""), `}],`, `},{"type":"RequestMirror","requestMirror":{"backendRef":{"name":"web","port":80}}}],`, 1)),
		"another path":   strings.Replace(ruleWith(""), "PathPrefix", "Exact", 1),
	} {
		t.Run(name, func(t *testing.T) {
			if !json.Valid([]byte(spec)) {
				t.Fatalf("no JSON: %s", spec)
			}
			if got := translate(httpRoute(t, spec), behind, ""); got.refused == "" || len(got.lines) > 0 {
				t.Errorf("followed as %v", got.lines)
			}
		})
	}
}

func TestABackendThatIsNotThereIsTold(t *testing.T) {
	if got := translate(httpRoute(t, ruleWith(mirrorTo("gone", ""))), behind, ""); got.unresolved != "there is no Service gone with a port 80" {
		t.Errorf("told: %q", got.unresolved)
	}
}

func TestRequestsGoToPodsThatAreReady(t *testing.T) {
	yes, no, name, port := true, false, "http", int32(8080)
	service := corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "my-shop", Name: "web"},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: name, Port: 80}, {Name: "other", Port: 81}}},
	}
	slice := discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: "my-shop", Name: "web-1", Labels: map[string]string{discoveryv1.LabelServiceName: "web"}},
		Ports:      []discoveryv1.EndpointPort{{Name: &name, Port: &port}},
		Endpoints: []discoveryv1.Endpoint{
			{Addresses: []string{"10.0.0.2"}, Conditions: discoveryv1.EndpointConditions{Ready: &yes}},
			{Addresses: []string{"10.0.0.3"}, Conditions: discoveryv1.EndpointConditions{Ready: &no}},
		},
	}
	want := endpoints{{"my-shop", "web", 80}: {"http://10.0.0.2:8080"}, {"my-shop", "web", 81}: nil}
	if diff := cmp.Diff(want, readEndpoints([]corev1.Service{service}, []discoveryv1.EndpointSlice{slice}), cmp.AllowUnexported(endpoint{})); diff != "" {
		t.Errorf("endpoints (-want +got):\n%s", diff)
	}
}
