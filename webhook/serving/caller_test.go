package serving

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// review is what an API server sends.
func review(t *testing.T, user, namespace, name string, object string) []byte {
	t.Helper()
	text, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: types.UID(strings.Repeat("u", 36)), Kind: metav1.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"},
			Name: name, Namespace: namespace, Operation: admissionv1.Update,
			UserInfo: authenticationv1.UserInfo{Username: user, Groups: []string{strings.Repeat("g", 10_000)}},
			Object:   runtime.RawExtension{Raw: []byte(object)},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTheCallerStandsInTheHead(t *testing.T) {
	for name, want := range map[string]caller{
		"a user":                     {"jane", "shop"},
		"a ServiceAccount":           {"system:serviceaccount:holdfast-system:holdfast", "shop"},
		"no namespace":               {"jane", ""},
		"quotes and angles":          {`"<jane>"`, "shop"},
		"long names":                 {strings.Repeat("j", 1000), strings.Repeat("s", 63)},
		"a text that names a user":   {`{"username":"joe"}`, "shop"},
		"letters outside of English": {"jäne\u2028", "shop"},
	} {
		t.Run(name, func(t *testing.T) {
			text := review(t, want.user, want.namespace, strings.Repeat("n", 253), `{"namespace":"other","username":"joe"}`)
			if got, known := callerOf(text[:headSize]); !known || got != want {
				t.Errorf("got %q, %t; want %q", got, known, want)
			}
		})
	}
}

// FuzzCaller: who a request is taken for, and who it is, decoded by those who answer it, is the same,
// or it is not answered; and what an API server sends is answered.
func FuzzCaller(f *testing.F) {
	const begin = `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"1",`
	f.Add("jane", "shop", `{"namespace":"shop","userInfo":{"username":"jane"}}`)
	f.Add("<j\"ä", "", begin+`"namespace":"shop","userInfo":{"username":"jane"},"namespace":"other"}}`)
	f.Add("", "", begin+`"namespace":"shop","userInfo":{"username":"jane"},"userInfo":{"username":"joe"}}}`)
	f.Add("", "", begin+`"namespace":"shop","userInfo":{"username":"jane","username":"joe"}}}`)
	f.Add("", "", begin+`"userInfo":{"username":"jane"},"namespace":"shop"}}`)
	f.Add("", "", begin+`"Namespace":"shop","userinfo":{"Username":"joe"},"userInfo":{"username":"jane"}}}`)
	f.Add("", "", begin+`"namespace":null,"userInfo":{"username":"j\u0061ne"}},"request":{"namespace":"shop"}}`)
	f.Add("", "", "request:\n  uid: a\n  namespace: shop\n  userInfo: {username: jane}\n")
	var answered *caller
	var known bool
	hook := &admission.Webhook{Handler: admission.HandlerFunc(func(ctx context.Context, req admission.Request) admission.Response {
		var said caller
		if said, known = ctx.Value(callerKey{}).(caller); known && said != (caller{req.UserInfo.Username, req.Namespace}) {
			panic("taken for another one")
		}
		answered = &caller{req.UserInfo.Username, req.Namespace}
		return admission.Allowed("")
	})}
	hook.WithRecoverPanic(false)
	verify(hook)
	handler := testLimiter().Limit(hook)
	send := func(t *testing.T, body string) {
		answered, known = nil, false
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		handler.ServeHTTP(httptest.NewRecorder(), req)
	}
	f.Fuzz(func(t *testing.T, user, namespace, body string) {
		send(t, body)
		if user == "" || len(user) > 1000 || len(namespace) > 1000 {
			return
		}
		send(t, string(review(t, user, namespace, "web", "{}")))
		want := caller{strings.ToValidUTF8(user, "\ufffd"), strings.ToValidUTF8(namespace, "\ufffd")}
		if answered == nil || !known {
			t.Fatalf("what an API server sends of %q is not answered", want)
		}
	})
}

// TestAReviewThatSaysTwoThingsIsRefused, at its begin that it is Holdfast's, and further on that it
// is another's.
func TestAReviewThatSaysTwoThingsIsRefused(t *testing.T) {
	hook := &admission.Webhook{Handler: admission.HandlerFunc(func(context.Context, admission.Request) admission.Response {
		return admission.Allowed("answered")
	})}
	verify(hook)
	handler := testLimiter().Limit(hook)
	const begin = `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"1","namespace":"shop","userInfo":{"username":"` + ownUser + `"},`
	for name, tc := range map[string]struct{ rest, want string }{
		"it says one":       {`"dryRun":true}}`, "answered"},
		"another user":      {`"userInfo":{"username":"jane"}}}`, "another user or namespace"},
		"another namespace": {`"namespace":"other"}}`, "another user or namespace"},
		"another request":   {`"dryRun":true},"request":{"userInfo":{"username":"jane"}}}`, "another user or namespace"},
	} {
		t.Run(name, func(t *testing.T) {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(begin+tc.rest))
			req.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			if handler.ServeHTTP(w, req); !strings.Contains(w.Body.String(), tc.want) {
				t.Errorf("answered %s, want %q", w.Body, tc.want)
			}
		})
	}
}
