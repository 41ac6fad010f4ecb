package status

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/webhook/deployment/casetest"
	"holdfast.dev/holdfast/webhook/status/rewrite"
)

func fixedNow() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func statusHandler() *Handler {
	return &Handler{Rewrite: true, Now: fixedNow, Metrics: NewMetrics(prometheus.NewRegistry())}
}

// written sends a write of the status and returns the object that is stored.
func written(t *testing.T, h *Handler, old, sent string) map[string]any {
	t.Helper()
	raw := func(text string) runtime.RawExtension {
		data, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return runtime.RawExtension{Raw: data}
	}
	req := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		Operation: admissionv1.Update, SubResource: "status", Object: raw(sent), OldObject: raw(old),
	}}
	stored, err := casetest.Stored(t.Context(), h, req)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

const (
	heldWeb = `
metadata: {generation: 5, annotations: {holdfast.dev/held: sealed}}
spec: {replicas: 2}
status: {observedGeneration: 4, replicas: 2, updatedReplicas: 2, availableReplicas: 2}`
	observedWeb = `
metadata: {generation: 5, annotations: {holdfast.dev/held: sealed}}
spec: {replicas: 2}
status: {observedGeneration: 5, replicas: 2, updatedReplicas: 2, availableReplicas: 2}`
	failedWeb = `
metadata:
  generation: 5
  annotations:
    holdfast.dev/failed: abc
    holdfast.dev/rejected: '[{"hash":"abc","run":"web-abc","at":"2026-03-01T11:00:00Z","reason":"Crashed","message":"app restarted"}]'
spec: {replicas: 2}
status: {observedGeneration: 4}`
)

func TestAStatusIsWrittenForToolsThatWait(t *testing.T) {
	h := statusHandler()
	held := written(t, h, heldWeb, observedWeb)["status"].(map[string]any)
	if diff := cmp.Diff(map[string]any{"observedGeneration": 5.0, "replicas": 2.0, "availableReplicas": 2.0}, held); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
	failed := written(t, h, failedWeb, strings.Replace(failedWeb, "observedGeneration: 4", "observedGeneration: 5", 1))
	data, err := json.Marshal(failed["status"])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), "canary run web-abc rejected the update: app restarted") || !strings.Contains(string(data), "ProgressDeadlineExceeded") {
		t.Errorf("after a revert the status is %s", data)
	}
	dry := strings.Replace(failedWeb, `"reason":"Crashed"`, `"passed":true`, 1)
	data, err = json.Marshal(written(t, statusHandler(), dry, strings.Replace(dry, "observedGeneration: 4", "observedGeneration: 5", 1))["status"])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), "canary run web-abc passed as a dry run, nothing was released") {
		t.Errorf("after a dry run that passed the status is %s", data)
	}
	for state, want := range map[rewrite.ShownState]float64{rewrite.Held: 1, rewrite.Rejected: 1, rewrite.Own: 0} {
		if got := testutil.ToFloat64(h.Metrics.writes.WithLabelValues(string(state))); got != want {
			t.Errorf("%v writes are counted as %s, want %v", got, state, want)
		}
	}
}

func TestAStatusIsTheControllersIfSoConfigured(t *testing.T) {
	h := statusHandler()
	h.Rewrite = false
	if got, want := written(t, h, heldWeb, observedWeb)["status"].(map[string]any)["updatedReplicas"], 2.0; got != want {
		t.Errorf("updatedReplicas is %v, want %v", got, want)
	}
}

func TestAnnotationsOfHoldfastCannotBeChangedByWayOfTheStatus(t *testing.T) {
	const old = `metadata: {annotations: {holdfast.dev/held: sealed, metric.holdfast.dev/errors: a, other: x}}`
	for name, sent := range map[string]string{
		"changed":     `metadata: {annotations: {holdfast.dev/held: mine, metric.holdfast.dev/errors: b, other: x}}`,
		"taken off":   `metadata: {annotations: {other: x}}`,
		"all gone":    `metadata: {}`,
		"one is new":  `metadata: {annotations: {holdfast.dev/held: sealed, metric.holdfast.dev/errors: a, holdfast.dev/failed: x, other: x}}`,
		"none differ": old,
	} {
		h := statusHandler()
		h.Rewrite = false
		got := written(t, h, old, sent)["metadata"].(map[string]any)["annotations"].(map[string]any)
		want := map[string]any{"holdfast.dev/held": "sealed", "metric.holdfast.dev/errors": "a"}
		delete(got, "other") // it is not Holdfast's to mind
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAStatusThatCannotBeReadPasses(t *testing.T) {
	for _, object := range []string{"", "garbage", "[]", "{}", `{"status":1,"metadata":[]}`, `{"status":{"conditions":[1,{"type":2}]},"metadata":{"annotations":{"holdfast.dev/held":1}}}`} {
		for _, old := range []string{"", "{}", `{"metadata":{"annotations":{"holdfast.dev/held":"x"}},"status":{"conditions":{}}}`, `{"metadata":{"annotations":{"holdfast.dev/failed":"x"}}}`} {
			req := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
				Operation: admissionv1.Update,
				Object:    runtime.RawExtension{Raw: []byte(object)}, OldObject: runtime.RawExtension{Raw: []byte(old)},
			}}
			if resp := statusHandler().Handle(context.Background(), req); !resp.Allowed {
				t.Errorf("%s onto %s is refused: %v", object, old, resp.Result)
			}
		}
	}
}

// TestTheWebhookConfigurationKnowsTheWordsOfAVerdict: its match conditions cannot
// refer to the constant.
func TestTheWebhookConfigurationKnowsTheWordsOfAVerdict(t *testing.T) {
	manifest, err := os.ReadFile("../../manifests/base/webhook.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"startsWith('" + v1alpha1.RejectionMessagePrefix + "')", "'" + v1alpha1.FailedAnnotation + "'"} {
		if !strings.Contains(string(manifest), word) {
			t.Errorf("manifests/base/webhook.yaml has no %s", word)
		}
	}
}

// TestAStatusOfACopyIsTheControllers: what was held or failed at another Deployment
// keeps nobody waiting here.
func TestAStatusOfACopyIsTheControllers(t *testing.T) {
	h := statusHandler()
	for name, copied := range map[string]string{
		"of one on which an update was held": strings.Replace(heldWeb, "sealed", `'{"run":"web-x","uid":"elsewhere"}', a: b`, 1),
		"of one on which an update failed":   strings.Replace(failedWeb, `"hash":"abc"`, `"hash":"abc","uid":"elsewhere"`, 1),
	} {
		copied = strings.Replace(copied, "generation: 5", "generation: 5, uid: here", 1)
		copied = strings.Replace(copied, "  generation: 5, uid: here\n", "  generation: 5\n  uid: here\n", 1)
		sent := strings.Replace(copied, "observedGeneration: 4", "observedGeneration: 5", 1)
		got, err := json.Marshal(written(t, h, copied, sent)["status"])
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(got), "canary run") || strings.Contains(sent, "updatedReplicas") && !strings.Contains(string(got), "updatedReplicas") {
			t.Errorf("the status of a copy %s is %s", name, got)
		}
	}
	if got := testutil.ToFloat64(h.Metrics.writes.WithLabelValues(string(rewrite.Own))); got != 2 {
		t.Errorf("%v writes are counted as the controllers' own, want 2", got)
	}
}
