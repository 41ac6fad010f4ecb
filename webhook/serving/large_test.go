package serving

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// padding is what makes a review larger than MaxRequest, with what could be taken for its fields.
var padding = `{"metadata":{"name":"other","uid":"other","managedFields":[{"dryRun":true},"\"},\\",` +
	`{"request":{"dryRun":true}}]},"dryRun":true,"pad":"` + strings.Repeat("x", MaxRequest) + `"}`

// TestWhatIsTooLargeIsRefused in an AdmissionReview, and not left to the failurePolicy.
func TestWhatIsTooLargeIsRefused(t *testing.T) {
	hook := testLimiter().Serve(&admission.Webhook{Handler: admission.HandlerFunc(func(context.Context, admission.Request) admission.Response {
		t.Error("it was read")
		return admission.Allowed("")
	})})
	resp := answerOf(t, hook, review(t, "jane", "shop", "web", padding))
	if resp.Allowed || string(resp.UID) != strings.Repeat("u", 36) || resp.Result.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("answered %+v", resp)
	}
	for _, word := range []string{"Deployment web is too large", fmt.Sprint(MaxRequest), "make it smaller", "managedFields"} {
		if !strings.Contains(resp.Result.Message, word) {
			t.Errorf("does not say %q: %s", word, resp.Result.Message)
		}
	}
}

// knowsDeletions answers deletions that are too large, and notes them.
type knowsDeletions struct {
	admission.Handler
	asked []admission.Request
}

func (k *knowsDeletions) HandleLarge(_ context.Context, req admission.Request) (admission.Response, bool) {
	k.asked = append(k.asked, req)
	return admission.Allowed(""), req.Operation == admissionv1.Delete
}

// TestWhatNeedsNoObjectIsAnswered, by what the review says of the request, and not what an object says in it.
func TestWhatNeedsNoObjectIsAnswered(t *testing.T) {
	handler := &knowsDeletions{}
	hook := testLimiter().Serve(&admission.Webhook{Handler: handler})
	deletion := `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"1","kind":{"group":"apps","version":"v1","kind":"Deployment"},` +
		`"namespace":"shop","operation":"DELETE","userInfo":{"username":"j\u0061ne","extra":{"dryRun":["true"]}},"object":null,` +
		`"oldObject":{"metadata":{"name":"web","uid":"2","labels":{"name":"x"}},"pad":` + padding + `},"dryRun":%t,"options":{"dryRun":true}}}`
	for _, dry := range []bool{false, true} {
		if resp := answerOf(t, hook, fmt.Appendf(nil, deletion, dry)); !resp.Allowed || resp.UID != "1" {
			t.Errorf("answered %+v", resp)
		}
		req := handler.asked[len(handler.asked)-1]
		if old := string(req.OldObject.Raw); old != `{"metadata":{"name":"web","uid":"2"}}` || req.Namespace != "shop" || req.UserInfo.Username != "jane" ||
			(req.DryRun != nil) != dry || req.Operation != admissionv1.Delete {
			t.Errorf("asked %+v of %s", req, old)
		}
	}
	if resp := answerOf(t, hook, review(t, "jane", "shop", "web", padding)); resp.Allowed {
		t.Error("what the handler does not answer passes")
	}
	if w := send(t, hook, fmt.Appendf(nil, deletion, true)[:MaxRequest+10]); w.Code != http.StatusBadRequest {
		t.Errorf("what does not come whole is answered with %d", w.Code)
	}
}

// FuzzPick: a scalar is where encoding/json finds it, whatever stands around it.
func FuzzPick(f *testing.F) {
	f.Add(`{"a":["\\\"",{"b":-1.5e3}],"c":null}`)
	f.Add(`"\\"`)
	f.Add(strings.Repeat("[", 50) + strings.Repeat("]", 50))
	f.Fuzz(func(t *testing.T, around string) {
		if !json.Valid([]byte(around)) {
			_, _ = pick(strings.NewReader(around))
			return
		}
		said, err := pick(strings.NewReader(`{"before":` + around + `,"request":{"object":` + around + `, "uid" : "1" ,"dryRun":false,"options":` + around + `}}`))
		if err != nil || said["request.uid"] != "1" || said["request.dryRun"] != "false" || len(said) != 2 {
			t.Errorf("picked %v, %v", said, err)
		}
	})
}

func answerOf(t *testing.T, served http.Handler, body []byte) admissionv1.AdmissionResponse {
	t.Helper()
	w := send(t, served, body)
	var got admissionv1.AdmissionReview
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK || got.Response == nil {
		t.Fatalf("answered %d %.300s", w.Code, w.Body)
	}
	return *got.Response
}

func send(t *testing.T, served http.Handler, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(string(body)))
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	served.ServeHTTP(w, req)
	return w
}
