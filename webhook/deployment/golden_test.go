package deployment

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/listing/listingtest"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/bypass"
	"holdfast.dev/holdfast/webhook/bypass/bypasstest"
	"holdfast.dev/holdfast/webhook/deployment/casetest"
	"holdfast.dev/holdfast/webhook/deployment/history"
)

var updateGolden = flag.Bool("update", false, "write the golden files anew")

const testUID = types.UID("11111111-2222-3333-4444-555555555555")

var (
	testKey = hold.Key("0123456789abcdef0123456789abcdef")
	testNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// TestAdmissionCases runs every golden case in memory. test/e2e/admission runs the same
// cases against a real API server.
func TestAdmissionCases(t *testing.T) {
	cases, err := casetest.Load("testdata/admission")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			got := answerOf(t, c)
			file := filepath.Join("testdata", "admission", c.Name+".golden")
			if *updateGolden {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s: the answer differs (-want +got); go test ./webhook -update writes it anew:\n%s", c.Sentence, diff)
			}
		})
	}
}

// answerOf sends the request of a case and returns the answer as YAML.
func answerOf(t *testing.T, c casetest.Case) []byte {
	t.Helper()
	handler, req := setUp(t, c)
	resp := handler.Handle(context.Background(), req)
	if err := resp.Complete(req); err != nil {
		t.Fatal(err)
	}
	g := casetest.Golden{Warnings: resp.Warnings}
	if !resp.Allowed {
		g.Denied = resp.Result.Message
	}
	if len(resp.Patch) > 0 {
		if err := json.Unmarshal(resp.Patch, &g.Patch); err != nil {
			t.Fatal(err)
		}
	}
	for _, op := range g.Patch {
		openRecord(t, op, &g)
	}
	out, err := yaml.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte("# "+c.Sentence+"\n"), out...)
}

// openRecord takes what is sealed out of a patch and shows what is in it.
func openRecord(t *testing.T, op map[string]any, g *casetest.Golden) {
	t.Helper()
	open := func(sealed any) string {
		record, err := testKey.Open(sealed.(string), testUID)
		if err != nil {
			t.Fatalf("the record in the patch does not open: %v", err)
		}
		g.Record = &record
		return "(the record below, sealed)"
	}
	stamp := func(sealed any) string {
		stamp, ours := testKey.OpenStamp(sealed.(string), testUID)
		if !ours {
			t.Fatalf("the stamp in the patch does not open: %s", sealed)
		}
		if stamp.Until > 0 {
			return fmt.Sprintf("%s, or what others make of it until generation %d (sealed)", stamp.Hash, stamp.Until)
		}
		return string(stamp.Hash) + " (sealed)"
	}
	alias := func(sealed any) string {
		alias := testKey.OpenAlias(sealed.(string), testUID)
		if alias.Hash == "" {
			t.Fatalf("the alias in the patch does not open: %s", sealed)
		}
		return fmt.Sprintf("%s as %s (sealed)", alias.Hash, alias.Of)
	}
	openers := map[string]func(any) string{v1alpha1.HeldAnnotation: open, v1alpha1.StableAnnotation: stamp, v1alpha1.RestartedAnnotation: alias}
	for key, open := range openers {
		if op["path"] == "/metadata/annotations/"+strings.ReplaceAll(key, "/", "~1") && op["op"] != "remove" {
			op["value"] = open(op["value"])
		}
		if annotations, all := op["value"].(map[string]any); all && op["path"] == "/metadata/annotations" && annotations[key] != nil {
			annotations[key] = open(annotations[key])
		}
	}
}

func setUp(t testing.TB, c casetest.Case) (*Handler, admission.Request) {
	t.Helper()
	old := must(casetest.Deployment(c.Stable))
	identify(old)
	annotateState(t, old, c)
	ready := int64(2)
	if c.Unavailable {
		ready = 0
	}
	old["status"] = map[string]any{"readyReplicas": ready}
	asked := must(casetest.Patched(old, c.Request.Patch))
	handler := &Handler{
		ByNamespace: c.Request.Entry != "deployment", FailClosed: c.Request.Entry == "required",
		Key: testKey, History: history.Server{Reader: listingtest.APIServer{Reader: cluster(t, c)}},
		Access:    bypass.Access{Creator: bypasstest.Reviewer(c.Request.Bypass)},
		Check:     Check{Updater: accepting{}, User: "evaluator", Timeout: time.Minute},
		Evaluator: "evaluator", NewID: fixedID,
		Now: fixedNow, Metrics: NewMetrics(prometheus.NewRegistry()),
	}
	return handler, admissionRequest(c, old, asked)
}

func admissionRequest(c casetest.Case, old, asked map[string]any) admission.Request {
	user := c.Request.User
	if user == "" {
		user = "jane"
	}
	req := admissionv1.AdmissionRequest{
		UID: "request", Namespace: "shop", Name: "web", Operation: admissionv1.Update,
		UserInfo:  authenticationv1.UserInfo{Username: user},
		Object:    runtime.RawExtension{Raw: must(json.Marshal(asked))},
		OldObject: runtime.RawExtension{Raw: must(json.Marshal(old))},
		Options:   runtime.RawExtension{Raw: fmt.Appendf(nil, `{"fieldManager":%q}`, c.Request.Manager)},
	}
	if c.Request.Create {
		req.Operation, req.OldObject = admissionv1.Create, runtime.RawExtension{}
	}
	return admission.Request{AdmissionRequest: req}
}

func identify(d map[string]any) {
	metadata := d["metadata"].(map[string]any)
	metadata["namespace"], metadata["uid"] = "shop", string(testUID)
}

// annotateState gives the Deployment the record and the memory of a case.
func annotateState(t testing.TB, d map[string]any, c casetest.Case) {
	t.Helper()
	set := func(key, value string) {
		if err := unstructured.SetNestedField(d, value, "metadata", "annotations", key); err != nil {
			t.Fatal(err)
		}
	}
	if c.Held != nil {
		template := must(casetest.Template(c.Held))
		hash := must(hold.HashOf(template))
		var held *hold.Beside
		if c.HeldChangeCause != "" {
			held = &hold.Beside{Keys: hold.BesideKeys(nil), Annotations: map[string]string{hold.ChangeCause: c.HeldChangeCause}}
		}
		set(v1alpha1.HeldAnnotation, must(testKey.Seal(hold.Record{
			Beside: held,
			ID:     "old-hold", Run: v1alpha1.RunName("web", string(hash), 1), Hash: hash, UID: testUID,
			HeldAt: testNow.Add(-time.Minute), Origin: hold.OriginTemplate, Manager: "kubectl-edit", Operation: "Update", Template: template,
		})))
	}
	if c.Stamped != nil {
		set(v1alpha1.StableAnnotation, testKey.SealStamp(hold.Stamp{Hash: must(hold.HashOf(must(casetest.Template(c.Stamped))))}, testUID))
	}
	var memory hold.Rejected
	for _, patch := range c.Rejected {
		hash := must(hold.HashOf(must(casetest.Template(patch))))
		memory = memory.With(hold.Rejection{Hash: hash, Run: v1alpha1.RunName("web", string(hash), 1), At: testNow, Reason: v1alpha1.ReasonCrashed})
	}
	for _, patch := range c.Elsewhere {
		hash := must(hold.HashOf(must(casetest.Template(patch))))
		memory = memory.With(hold.Rejection{Hash: hash, UID: "elsewhere", Run: v1alpha1.RunName("web", string(hash), 1), At: testNow, Reason: v1alpha1.ReasonCrashed})
	}
	for _, patch := range c.Passed {
		hash := must(hold.HashOf(must(casetest.Template(patch))))
		memory = memory.With(hold.Rejection{Hash: hash, Run: v1alpha1.RunName("web", string(hash), 1), At: testNow, Reason: v1alpha1.ReasonPeriodOver, Passed: true})
	}
	if len(memory) > 0 {
		set(v1alpha1.RejectedAnnotation, must(memory.Encode()))
	}
	if c.Skipped != "" {
		set(v1alpha1.SkippedAnnotation, must(hold.Skipped{Reason: c.Skipped, At: testNow.Add(-time.Hour)}.Encode()))
	}
}

// cluster has the ReplicaSets of a case.
func cluster(t testing.TB, c casetest.Case) client.Reader {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	builder := fake.NewClientBuilder().WithScheme(scheme)
	templates := []map[string]any{}
	for _, patch := range c.Revisions {
		templates = append(templates, must(casetest.Template(patch)))
	}
	templates = append(templates, workload.Deployment{Object: must(casetest.Deployment(c.Stable))}.Template())
	for i, template := range templates {
		hash := fmt.Sprintf("rs%d", i)
		if err := unstructured.SetNestedField(template, hash, "metadata", "labels", "pod-template-hash"); err != nil {
			t.Fatal(err)
		}
		builder = builder.WithObjects(&unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apps/v1", "kind": "ReplicaSet",
			"metadata": map[string]any{
				"namespace": "shop", "name": "web-" + hash, "labels": map[string]any{"app": "web", "pod-template-hash": hash},
				"annotations":     map[string]any{workload.RevisionAnnotation: fmt.Sprint(i + 1)},
				"ownerReferences": []any{map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": string(testUID), "controller": true}},
			},
			"spec": map[string]any{"template": template},
		}})
	}
	return builder.Build()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func fixedNow() time.Time { return testNow }
func fixedID() string     { return "new-hold" }
