package stage

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"holdfast.dev/holdfast/test/oracle/compare"
)

func TestRecorderNotesWhatWouldChangeADeployment(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Add("Warning", `299 - "update held"`)
		if r.Method == http.MethodPut {
			w.WriteHeader(http.StatusConflict)
			fmt.Fprint(w, `{"message":"it has changed"}`)
			return
		}
		fmt.Fprintf(w, "got %s", body)
	}))
	defer server.Close()
	r, err := startRecorder(t.Context(), &rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()

	const path = "/apis/apps/v1/namespaces/shop/deployments/web"
	answers := ""
	for _, one := range []struct{ method, path string }{
		{"GET", path}, {"PATCH", path + "?fieldManager=ci&force=true"}, {"PATCH", path + "?dryRun=All"}, {"PATCH", "/apis/apps/v1/namespaces/shop/replicasets/web"},
		{"PUT", path + "/scale"}, {"PATCH", "/apis/apps/v1/namespaces/other/deployments/web"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), one.method, r.url+one.path, strings.NewReader("a body"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/apply-patch+yaml")
		response, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		answers += string(body) + "\n"
		_ = response.Body.Close()
	}
	if want := "got a body\ngot a body\ngot a body\ngot a body\n{\"message\":\"it has changed\"}\ngot a body\n"; answers != want {
		t.Errorf("clients read\n%s", answers)
	}
	warnings := []string{`299 - "update held"`}
	want := []compare.Request{
		{Method: "PATCH", Path: path, ContentType: "application/apply-patch+yaml", Manager: "ci", Force: true, Body: "a body", Status: 200, Warnings: warnings},
		{Method: "PUT", Path: path + "/scale", ContentType: "application/apply-patch+yaml", Body: "a body", Status: 409, Message: "it has changed", Warnings: warnings},
	}
	if diff := cmp.Diff(want, r.take("shop")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if again := r.take("shop"); len(again) != 0 {
		t.Errorf("requests are taken twice: %v", again)
	}
}
