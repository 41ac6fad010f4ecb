package route

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestMoreRulesThanAnyRouteHasAreNotLookedAt: the API server refuses them, and until then they cost nothing.
// What they would be held against is a record of the sender's own making.
func TestMoreRulesThanAnyRouteHasAreNotLookedAt(t *testing.T) {
	const many = 20_000
	rule := func(service string) string { return `{"backendRefs":[{"name":"` + service + `","port":80}]}` }
	rules := func(n int, service string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(rule(service)+",", n), ",") + "]"
	}
	overlay := `{"record":{"uid":"u","run":"shop-1","service":"shop","canary":"shop-canary","percent":5,"rules":` + rules(many, "shop") + `},"seal":""}`
	for name, tc := range map[string]struct {
		overlay string
		sent    int
	}{
		"in the route":  {"", many},
		"in the record": {overlay, 1},
		"in both":       {overlay, many},
	} {
		text, err := json.Marshal(tc.overlay)
		if err != nil {
			t.Fatal(err)
		}
		raw := `{"apiVersion":"gateway.networking.k8s.io/v1","kind":"HTTPRoute","metadata":{"name":"shop","namespace":"shop","annotations":{"` +
			v1alpha1.OverlayAnnotation + `":` + string(text) + `}},"spec":{"rules":` + rules(tc.sent, "shop-canary") + `}}`
		began := time.Now()
		resp := (&Handler{Key: key, Evaluator: evaluator}).Handle(t.Context(), admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
			Operation: admissionv1.Create, Namespace: "shop", Kind: metav1.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"},
			Object: runtime.RawExtension{Raw: []byte(raw)},
		}})
		if !resp.Allowed {
			t.Errorf("%s: %v", name, resp.Result)
		}
		if took := time.Since(began); took > 20*time.Second { // the square of it takes hours
			t.Errorf("%s: it took %s", name, took)
		}
	}
}
