package webhook

import (
	"bytes"
	"context"
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

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/listing/listingtest"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/casetest"
	"holdfast.dev/holdfast/webhook/serving"
)

// noPanic is a context whose logger fails the test at a panic: the handlers
// recover from one, log it and answer.
func noPanic(t *testing.T) context.Context {
	return logr.NewContext(context.Background(), funcr.New(func(_, text string) {
		if strings.Contains(text, "panic:") {
			t.Error(text)
		}
	}, funcr.Options{}))
}

// hostileHandler cannot ask the API server for a history, and takes any template for right.
func hostileHandler(m *Metrics) *Handler {
	return &Handler{
		Key: testKey, History: History{Reader: listingtest.Reader{Reader: silent{}}}, Check: Check{Updater: accepting{}, Timeout: time.Minute}, Access: Access{access("unknown")},
		Now: fixedNow, NewID: fixedID, Metrics: m, Endpoints: sharedEndpoint{},
	}
}

// plain fails for text that is not fit to be shown.
func plain(t *testing.T, resp admission.Response) {
	t.Helper()
	texts := resp.Warnings
	if resp.Result != nil {
		texts = append(texts, resp.Result.Message)
	}
	for _, text := range texts {
		if plaintext.Block(text, len(text)+1) != text {
			t.Errorf("not fit to be shown: %q", text)
		}
	}
}

func FuzzHandle(f *testing.F) {
	f.Add(`{"metadata":{"annotations":{"holdfast.dev/period":"1m"}},"spec":{"template":{"spec":{"containers":[{"name":"a","image":"b"}]}}}}`, `{"spec":{"template":{}}}`)
	f.Add(`{"metadata":{"managedFields":[{"manager":"x","fieldsV1":{"f:spec":{"f:template":{"k:{}":{}}}}}]},"spec":{"template":{"a":[{}]},"replicas":"x"}}`, `{"status":{"readyReplicas":1}}`)
	f.Add(`{"metadata":{"annotations":{"holdfast.dev/skip":"\u001b[2J\n","metric.holdfast.dev/\u202e":"up in [0, 1]","holdfast.dev/plan":"\u0000"}},"spec":{"template":{}}}`, `{"spec":{"template":{"a":1}}}`)
	counted := NewMetrics(prometheus.NewRegistry())
	f.Fuzz(func(t *testing.T, object, old string) {
		req := admissionRequest(casetest.Case{Request: casetest.Request{Manager: "x"}}, nil, nil)
		req.Object, req.OldObject = runtime.RawExtension{Raw: []byte(object)}, runtime.RawExtension{Raw: []byte(old)}
		plain(t, hostileHandler(counted).Handle(noPanic(t), req))
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
	counted := NewMetrics(prometheus.NewRegistry())
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
			ID: "id", Run: "web-1", Hash: hash, UID: testUID, HeldAt: fixedNow(), Source: hold.SourceTemplate, Manager: "kubectl", Operation: "Apply",
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
		req := admissionRequest(casetest.Case{Request: casetest.Request{Manager: manager}}, object(s, nil), object(n, entries))
		plain(t, hostileHandler(counted).Handle(noPanic(t), req))
		status := &StatusHandler{Rewrite: true, Now: fixedNow, Metrics: counted}
		plain(t, status.Handle(noPanic(t), req))
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
	status := &StatusHandler{Rewrite: true, Now: func() time.Time { panic("forced") }, Metrics: handler.Metrics}
	for name, answered := range map[string]admission.Handler{"an update": handler, "a status": status} {
		stored := workload.Deployment{Object: storedBy(t, answered, req)}
		u := must(decodeUpdate(req.AdmissionRequest))
		for _, key := range v1alpha1.OwnAnnotations {
			if got, want := stored.Annotation(key), u.old.Annotation(key); got != want {
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

// FuzzPlan decodes, checks and warns of whatever is sent as a plan.
func FuzzPlan(f *testing.F) {
	f.Add(`{"spec":{"replicas":"10%","analysis":{"interval":"5s","period":"30s","metrics":[{"name":"a","query":"sum(up{ {{canary}} })","range":{"max":1}}]}}}`)
	f.Add(`{"spec":{"analysis":{"endpoint":"x","metrics":[{"name":"a","expect":"P99 < 1s","source":"istio"},{"name":"b","compare":{"count":{"bad":"x{ {{pods}} }","total":"y{ {{pods}} }"}}}]},"steps":[{"replicas":-1,"metrics":[{"query":"info(up)"}]}]}}`)
	f.Add(`{"spec":{"deadline":"-1h","freezeWindows":[{"days":["Mon"],"from":"25:00"}],"baseline":{},"analysis":{"metrics":[{"alerts":{"matchers":["a=\"\\u001b\""]}},{"labels":{"selector":{"matchExpressions":[{"key":"a","operator":"x"}]}}}]}}}`)
	f.Fuzz(func(t *testing.T, object string) {
		h := &PlanHandler{Endpoints: sharedEndpoint{}}
		plain(t, h.Handle(noPanic(t), admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
			Namespace: "shop", Name: "default", Operation: admissionv1.Create, Object: runtime.RawExtension{Raw: []byte(object)},
		}}))
	})
}

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
				req := admissionRequest(casetest.Case{Request: casetest.Request{Manager: "kubectl"}}, nil, nil)
				req.Object = runtime.RawExtension{Raw: []byte(object)}
				req.OldObject = runtime.RawExtension{Raw: []byte(`{"metadata":{"uid":"u"},"spec":{"template":{"spec":{"a":1}}},"status":{"readyReplicas":1}}`)}
				resp := hostileHandler(counted).Handle(noPanic(t), req)
				if !resp.Allowed {
					t.Errorf("refused where it fails open: %+v", resp.Result)
				}
				plain(t, resp)
			})
		}
	}
}

// TestARequestThatIsTooLargeIsNotRead: the server reads 7 MiB of a request and no
// more, says so, and answers the next one.
func TestARequestThatIsTooLargeIsNotRead(t *testing.T) {
	server := httptest.NewServer(serving.Bounded(&admission.Webhook{Handler: hostileHandler(NewMetrics(prometheus.NewRegistry()))}))
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
		if code != http.StatusRequestEntityTooLarge || !strings.Contains(body, "too large to be looked at") {
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
	req := admissionRequest(casetest.Case{Request: casetest.Request{Manager: "kubectl"}}, old, object)
	handler, _ := setUp(t, newTemplate())
	before := allocatedBytes()
	resp := handler.Handle(noPanic(t), req)
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
		handler, req := setUp(t, casetest.Case{Request: casetest.Request{Patch: map[string]any{"metadata": map[string]any{"annotations": annotations}}}})
		before := allocatedBytes()
		resp := handler.Handle(noPanic(t), req)
		grown := allocatedBytes() - before
		t.Logf("%d operators: %d MiB allocated", operators, grown>>20)
		if resp.Allowed != allowed || !allowed && !strings.Contains(resp.Result.Message, "more than 500 operators") {
			t.Errorf("%d operators: %+v", operators, resp.Result)
		}
		checkAllocated(t, grown, 150<<20) // without the limits it is 40 GB
	}
}
