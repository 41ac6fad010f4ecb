package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
)

// review sends the Deployment of a template to a path.
func review(t *testing.T, path, template string) *admissionv1.AdmissionResponse {
	t.Helper()
	return reviewObject(t, path, `{"kind": "Deployment", "spec": {"template": `+template+`}}`)
}

func reviewObject(t *testing.T, path, object string) *admissionv1.AdmissionResponse {
	t.Helper()
	body := `{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "1", "object": ` + object + `}}`
	recorder := httptest.NewRecorder()
	newHandler("side:v1", "no").ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
	var out admissionv1.AdmissionReview
	if err := json.Unmarshal(recorder.Body.Bytes(), &out); err != nil || out.Response == nil {
		t.Fatalf("%s answers %d %s", path, recorder.Code, recorder.Body)
	}
	return out.Response
}

func TestWhatIsChangedIsChangedOnce(t *testing.T) {
	const plain = `{"metadata":{},"spec":{"containers":[{"image":"app:v2","name":"app","ports":[{"containerPort":8080}]}]}}`
	for path, want := range map[string]string{
		"/inject":   `{"metadata":{},"spec":{"containers":[{"image":"app:v2","name":"app","ports":[{"containerPort":8080}]},{"args":["--listen=:8181","--drain=0s"],"image":"side:v1","name":"sidecar"}]}}`,
		"/pin":      `{"metadata":{},"spec":{"containers":[{"image":"app:v2@sha256:df57fe092b993029ea5416c3f594c6b664dbac080dcc33e17e9c7ff721a74f87","name":"app","ports":[{"containerPort":8080}]}]}}`,
		"/annotate": `{"metadata":{"annotations":{"webhook.holdfast.test/seen":"true"}},"spec":{"containers":[{"image":"app:v2","name":"app","ports":[{"containerPort":8080}]}]}}`,
	} {
		changed := patched(t, review(t, path, plain), "/spec/template")
		if diff := cmp.Diff(want, changed); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		if again := review(t, path, changed); !again.Allowed || again.Patch != nil {
			t.Errorf("%s changes again what it has changed: %s", path, again.Patch)
		}
		pod := strings.Replace(plain, "{", `{"kind":"Pod",`, 1)
		if diff := cmp.Diff(want, patched(t, reviewObject(t, path, pod), "")); diff != "" {
			t.Errorf("%s of a pod (-want +got):\n%s", path, diff)
		}
	}
}

// patched is the template that an answer makes, at a path of the object.
func patched(t *testing.T, answer *admissionv1.AdmissionResponse, path string) string {
	t.Helper()
	var patch []struct {
		Op, Path string
		Value    json.RawMessage
	}
	if err := json.Unmarshal(answer.Patch, &patch); err != nil || len(patch) != 2 {
		t.Fatalf("%d operations, %v", len(patch), err)
	}
	out := map[string]json.RawMessage{}
	for _, operation := range patch {
		out[strings.TrimPrefix(operation.Path, path+"/")] = operation.Value
	}
	text, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestATagIsDenied(t *testing.T) {
	const pinned = `{"spec":{"containers":[{"image":"app:v3@sha256:00"}]}}`
	if got := review(t, "/deny/v3", pinned); got.Allowed || got.Result.Message != "no" {
		t.Errorf("the answer is %+v", got)
	}
	if got := review(t, "/deny/v2", pinned); !got.Allowed {
		t.Errorf("the answer is %+v", got)
	}
}
