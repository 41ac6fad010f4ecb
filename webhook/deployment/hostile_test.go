package deployment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/listing/listingtest"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/bypass"
	"holdfast.dev/holdfast/webhook/bypass/bypasstest"
	"holdfast.dev/holdfast/webhook/decode"
	"holdfast.dev/holdfast/webhook/deployment/casetest"
	"holdfast.dev/holdfast/webhook/deployment/history"
	"holdfast.dev/holdfast/webhook/hostiletest"
	"holdfast.dev/holdfast/webhook/serving"
	"holdfast.dev/holdfast/webhook/status"
)

// hostileHandler cannot ask the API server for a history, and takes any template for right.
func hostileHandler(m *Metrics) *Handler {
	return &Handler{
		Key: testKey, History: history.Server{Reader: listingtest.APIServer{Reader: silent{}}}, Check: Check{Updater: accepting{}, Timeout: time.Minute}, Access: bypass.Access{Creator: bypasstest.Reviewer("unknown")},
		Now: fixedNow, NewID: fixedID, Metrics: m, Endpoints: sharedEndpoint{},
	}
}

func FuzzHandle(f *testing.F) {
	f.Add(`{"metadata":{"annotations":{"holdfast.dev/period":"1m"}},"spec":{"template":{"spec":{"containers":[{"name":"a","image":"b"}]}}}}`, `{"spec":{"template":{}}}`)
	f.Add(`{"metadata":{"managedFields":[{"manager":"x","fieldsV1":{"f:spec":{"f:template":{"k:{}":{}}}}}]},"spec":{"template":{"a":[{}]},"replicas":"x"}}`, `{"status":{"readyReplicas":1}}`)
	f.Add(`{"metadata":{"annotations":{"holdfast.dev/skip":"\u001b[2J\n","metric.holdfast.dev/\u202e":"up in [0, 1]","holdfast.dev/plan":"\u0000"}},"spec":{"template":{}}}`, `{"spec":{"template":{"a":1}}}`)
	counted := NewMetrics(prometheus.NewRegistry())
	f.Fuzz(func(t *testing.T, object, old string) {
		req := admissionRequest(casetest.Case{Request: casetest.Submission{Manager: "x"}}, nil, nil)
		req.Object, req.OldObject = runtime.RawExtension{Raw: []byte(object)}, runtime.RawExtension{Raw: []byte(old)}
		hostiletest.Plain(t, hostileHandler(counted).Handle(hostiletest.NoPanic(t), req))
	})
}

// FuzzHandleHeld sends requests at a Deployment that has a record: S, H and N are
// its stable template, the held one and that of the request, owners the
// managedFields of the request, applied its last-applied-configuration.
func FuzzHandleHeld(f *testing.F) {
	f.Add(`{"spec":{"containers":[{"name":"a","image":"1"}]}}`, `{"spec":{"containers":[{"name":"a","image":"2"}]}}`, `{"spec":{"containers":[{"name":"a","image":"3"}]}}`,
		`[{"manager":"kubectl","operation":"Apply","apiVersion":"apps/v1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{"f:image":{}}}}}}}}]`, `{"spec":{"template":{}}}`, "kubectl")
	f.Add(`{}`, `{"spec":[]}`, `{"spec":{"containers":{}}}`, `[{"fieldsV1":{"f:spec":{"f:template":[]}}},7]`, `[`, "helm")
	f.Add(`{"a":1}`, `{"a":2}`, `{"a":1}`, `[]`, `{"metadata":{"annotations":{"x":{}}},"spec":{}}`, "kubectl-edit")
	counted, statuses := NewMetrics(prometheus.NewRegistry()), status.NewMetrics(prometheus.NewRegistry())
	f.Fuzz(func(t *testing.T, stable, held, asked, owners, applied, manager string) {
		var s, h, n hold.Template
		var entries []any
		for into, text := range map[any]string{&s: stable, &h: held, &n: asked, &entries: owners} {
			_ = json.Unmarshal([]byte(text), into) // what is none of it is absent
		}
		hash, err := hold.HashOf(h)
		if err != nil {
			return
		}
		sealed, err := testKey.Seal(hold.Record{
			ID: "id", Run: "web-1", Hash: hash, UID: testUID, HeldAt: fixedNow(), Origin: hold.OriginTemplate, Manager: "kubectl", Operation: "Apply",
			Template: h, LastApplied: s, Owners: []hold.Owner{{Manager: "kubectl", Operation: "Apply", APIVersion: "apps/v1", Fields: map[string]any{}}},
		})
		if err != nil {
			return
		}
		object := func(template hold.Template, entries []any) map[string]any {
			d := map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{
				"annotations":   map[string]any{v1alpha1.HeldAnnotation: sealed, lastAppliedKey: applied},
				"managedFields": entries,
			}, "spec": map[string]any{"template": template, "replicas": int64(2)}, "status": map[string]any{"readyReplicas": int64(2)}}
			identify(d)
			return d
		}
		req := admissionRequest(casetest.Case{Request: casetest.Submission{Manager: manager}}, object(s, nil), object(n, entries))
		hostiletest.Plain(t, hostileHandler(counted).Handle(hostiletest.NoPanic(t), req))
		waiting := &status.Handler{Rewrite: true, Now: fixedNow, Metrics: statuses}
		hostiletest.Plain(t, waiting.Handle(hostiletest.NoPanic(t), req))
	})
}

// TestAPanicLetsNoAnnotationOfHoldfastsIn: what passes because of a panic has
// Holdfast's own annotations as they were in the cluster, not as they were sent.
func TestAPanicLetsNoAnnotationOfHoldfastsIn(t *testing.T) {
	c := newTemplate()
	c.Held = map[string]any{"metadata": map[string]any{"labels": map[string]any{"v": "1.5"}}}
	c.Request.Patch["metadata"] = map[string]any{"annotations": map[string]any{
		v1alpha1.HeldAnnotation: "forged", v1alpha1.StableAnnotation: "forged", v1alpha1.ReleaseAnnotation: "old-hold",
	}}
	handler, req := setUp(t, c)
	handler.NewID = func() string { panic("forced") }
	waiting := &status.Handler{Rewrite: true, Now: func() time.Time { panic("forced") }, Metrics: status.NewMetrics(prometheus.NewRegistry())}
	for name, answered := range map[string]admission.Handler{"an update": handler, "a status": waiting} {
		stored := workload.Deployment{Object: must(casetest.Stored(t.Context(), answered, req))}
		u := must(decode.Request(req.AdmissionRequest))
		for _, key := range v1alpha1.OwnAnnotations {
			if got, want := stored.Annotation(key), u.Old.Annotation(key); got != want {
				t.Errorf("%s with a panic stores %s as %q, want %q as before", name, key, got, want)
			}
		}
	}
	handler.FailClosed = true
	if resp := handler.Handle(t.Context(), req); resp.Allowed {
		t.Error("passed where canaries are required")
	}
}

const lastAppliedKey = "kubectl.kubernetes.io/last-applied-configuration"

// nested is a JSON object so many levels deep.
func nested(depth int) string {
	return strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth)
}

// TestNoDepthIsTooDeep: objects within objects, in a template, in its owners and in
// what was applied, are answered or not decided, and end nothing.
func TestNoDepthIsTooDeep(t *testing.T) {
	counted := NewMetrics(prometheus.NewRegistry())
	for _, depth := range []int{100, 9_000, 11_000, 300_000} {
		for name, object := range map[string]string{
			"template":     fmt.Sprintf(`{"metadata":{},"spec":{"template":%s}}`, nested(depth)),
			"owners":       fmt.Sprintf(`{"metadata":{"managedFields":[{"manager":"m","fieldsV1":%s}]},"spec":{"template":{"spec":{}}}}`, nested(depth)),
			"last applied": fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}},"spec":{"template":{"spec":{}}}}`, lastAppliedKey, nested(depth)),
		} {
			t.Run(fmt.Sprint(name, " of depth ", depth), func(t *testing.T) {
				req := admissionRequest(casetest.Case{Request: casetest.Submission{Manager: "kubectl"}}, nil, nil)
				req.Object = runtime.RawExtension{Raw: []byte(object)}
				req.OldObject = runtime.RawExtension{Raw: []byte(`{"metadata":{"uid":"u"},"spec":{"template":{"spec":{"a":1}}},"status":{"readyReplicas":1}}`)}
				resp := hostileHandler(counted).Handle(hostiletest.NoPanic(t), req)
				if !resp.Allowed {
					t.Errorf("refused where it fails open: %+v", resp.Result)
				}
				hostiletest.Plain(t, resp)
			})
		}
	}
}

// TestARequestThatIsTooLargeIsNotRead: the server reads 7 MiB of a request and no
// more, refuses it where it fails open too, and answers the next one.
func TestARequestThatIsTooLargeIsNotRead(t *testing.T) {
	server := httptest.NewServer(serving.NewLimiter("evaluator", serving.NewMetrics(prometheus.NewRegistry())).Serve(
		&admission.Webhook{Handler: hostileHandler(NewMetrics(prometheus.NewRegistry()))}))
	t.Cleanup(server.Close)
	send := func(review string) (string, int) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(review))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body), resp.StatusCode
	}
	review := func(object string) string {
		return `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"UPDATE","namespace":"shop","name":"web",` +
			`"object":` + object + `,"oldObject":{"spec":{"template":{}}}}}`
	}
	small := review(`{"spec":{"template":{}}}`)
	allocated := allocatedBytes()
	for range 4 {
		body, code := send(review(`{"a":"` + strings.Repeat("x", 32<<20) + `"}`))
		if code != http.StatusOK || !strings.Contains(body, "too large to be looked at") || !strings.Contains(body, `"uid":"1","allowed":false`) {
			t.Errorf("a request of 32 MiB: %s", body[:min(len(body), 300)])
		}
		if body, code := send(small); code != http.StatusOK || !strings.Contains(body, `"allowed":true`) {
			t.Errorf("the request after it: %d %s", code, body)
		}
	}
	// The client's own 32 MiB are about four times that, read by whatever buffers.
	checkAllocated(t, allocatedBytes()-allocated, 4*(5*32<<20))
}

// checkAllocated fails where more than most bytes were allocated. With the race
// detector it is some six times as much, for sync.Pool then drops part of what
// is put back (of encoding/json and of the parser of PromQL).
func checkAllocated(t *testing.T, bytes, most uint64) {
	t.Helper()
	info, ok := debug.ReadBuildInfo()
	if ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		most *= 10
	}
	if bytes > most {
		t.Errorf("%d MiB were allocated, %d may be", bytes>>20, most>>20)
	}
}

// allocatedBytes is all that was ever allocated.
func allocatedBytes() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// TestALargeTemplateIsAnsweredInBoundedMemory: 1.5 MiB, which is what etcd takes,
// in characters that JSON escapes.
func TestALargeTemplateIsAnsweredInBoundedMemory(t *testing.T) {
	object := map[string]any{"metadata": map[string]any{}, "spec": map[string]any{"replicas": int64(1), "template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "a", "image": strings.Repeat("<", 1<<20)}},
	}}}, "status": map[string]any{"readyReplicas": int64(1)}}
	identify(object)
	old := (&unstructured.Unstructured{Object: object}).DeepCopy().Object
	if err := unstructured.SetNestedField(old, "b", "spec", "template", "spec", "hostname"); err != nil {
		t.Fatal(err)
	}
	req := admissionRequest(casetest.Case{Request: casetest.Submission{Manager: "kubectl"}}, old, object)
	handler, _ := setUp(t, newTemplate())
	before := allocatedBytes()
	resp := handler.Handle(hostiletest.NoPanic(t), req)
	grown := allocatedBytes() - before
	if resp.Result != nil && bytes.Contains([]byte(resp.Result.Message), []byte("<<<<")) {
		t.Error("the refusal repeats the template")
	}
	t.Logf("%d MiB allocated, allowed: %t", grown>>20, resp.Allowed)
	checkAllocated(t, grown, 256<<20) // the request is 12 MiB
}

// TestManyDeepQueriesTakeLittle: thirty, as long and deep as may be, in the
// annotations of one Deployment; those that are deeper are refused before they
// are parsed.
func TestManyDeepQueriesTakeLittle(t *testing.T) {
	for operators, allowed := range map[int]bool{450: true, 4000: false} {
		annotations := map[string]any{v1alpha1.PeriodAnnotation: "1m"}
		for i := range 30 {
			annotations[fmt.Sprint(v1alpha1.MetricAnnotationPrefix, "m", i)] = "up{ {{canary}} }" + strings.Repeat("+a", operators) + " in [0, 1]"
		}
		handler, req := setUp(t, casetest.Case{Request: casetest.Submission{Patch: map[string]any{"metadata": map[string]any{"annotations": annotations}}}})
		before := allocatedBytes()
		resp := handler.Handle(hostiletest.NoPanic(t), req)
		grown := allocatedBytes() - before
		t.Logf("%d operators: %d MiB allocated", operators, grown>>20)
		if resp.Allowed != allowed || !allowed && !strings.Contains(resp.Result.Message, "more than 500 operators") {
			t.Errorf("%d operators: %+v", operators, resp.Result)
		}
		checkAllocated(t, grown, 150<<20) // without the limits it is 40 GB
	}
}
