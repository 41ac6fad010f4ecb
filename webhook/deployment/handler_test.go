package deployment

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/listing/listingtest"
	"holdfast.dev/holdfast/webhook/deployment/casetest"
	"holdfast.dev/holdfast/webhook/deployment/decide"
	"holdfast.dev/holdfast/webhook/deployment/history"
)

// silent is an API server that cannot be asked.
type silent struct{ client.Reader }

func (silent) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("connection refused")
}

// none is an API server that must not be asked.
type none struct {
	client.Reader
	t *testing.T
}

func (n none) List(context.Context, client.ObjectList, ...client.ListOption) error {
	n.t.Error("the API server was asked")
	return nil
}

// Get is asked for the run of what is held already, and nothing else.
func (n none) Get(_ context.Context, key client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	if _, run := o.(*v1alpha1.CanaryRun); !run {
		n.t.Error("the API server was asked")
	}
	return apierrors.NewNotFound(schema.GroupResource{Resource: "canaryruns"}, key.Name)
}

func newTemplate() casetest.Case {
	return casetest.Case{Request: casetest.Submission{Patch: map[string]any{
		"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{"labels": map[string]any{"v": "2"}}}},
	}}}
}

func TestWhatCannotBeDecidedPassesOrNotAsTheNamespaceSays(t *testing.T) {
	handler, req := setUp(t, newTemplate())
	handler.History = history.Server{Reader: listingtest.APIServer{Reader: silent{}}}
	if resp := handler.Handle(context.Background(), req); !resp.Allowed || len(resp.Patches) > 0 || len(resp.Warnings) != 1 {
		t.Errorf("failing open: %+v", resp)
	}
	handler.FailClosed = true
	if resp := handler.Handle(context.Background(), req); resp.Allowed || !strings.Contains(resp.Result.Message, "connection refused") {
		t.Errorf("failing closed: %+v", resp)
	}
}

// patient is an API server that answers only those who still wait.
type patient struct{ client.Reader }

func (patient) List(ctx context.Context, _ client.ObjectList, _ ...client.ListOption) error {
	return ctx.Err()
}

func (patient) Get(ctx context.Context, key client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return apierrors.NewNotFound(schema.GroupResource{Resource: "canaryruns"}, key.Name)
}

func TestARequestThatIsBeingAnsweredIsAnsweredAlsoWhenTheServerIsToldToStop(t *testing.T) {
	handler, req := setUp(t, newTemplate())
	handler.History, handler.FailClosed = history.Server{Reader: listingtest.APIServer{Reader: patient{}}}, true
	handler.Check.Updater = updater(func(*unstructured.Unstructured, client.UpdateOptions) error { return nil })
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if resp := handler.Handle(stopped, req); !resp.Allowed || len(resp.Patches) == 0 {
		t.Errorf("the update was not held: %+v", resp)
	}
}

// slow is an API server that answers when nobody waits any more, whatever it is told of that.
type slow struct{ client.Reader }

func (s slow) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	time.Sleep(answerTimeout + time.Second)
	return s.Reader.List(context.WithoutCancel(ctx), list, options...)
}

// busy is an API server that takes four seconds for each list.
type busy struct{ client.Reader }

func (b busy) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	select {
	case <-time.After(4 * time.Second):
		return b.Reader.List(ctx, list, options...)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestTheAnswerArrivesInTime: where much of the time is gone, the template is held unchecked, and nobody is
// told of Services, before nobody waits for the answer any more.
func TestTheAnswerArrivesInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler, req := setUp(t, newTemplate())
		handler.History = history.Server{Reader: listingtest.APIServer{Reader: busy{handler.History.Reader}}}
		handler.Check = Check{Updater: stuck{}, User: handler.Check.User, Timeout: CheckTimeout}
		start := time.Now()
		resp := handler.Handle(t.Context(), req)
		if took := time.Since(start); took > answerTimeout-leeway || len(resp.Patches) == 0 || !strings.Contains(strings.Join(resp.Warnings, " "), "could not be asked beforehand") {
			t.Errorf("after %s: %+v", took, resp)
		}
	})
}

func TestNothingMoreIsDoneForARequestThatNobodyWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler, req := setUp(t, newTemplate())
		handler.History, handler.FailClosed = history.Server{Reader: listingtest.APIServer{Reader: slow{handler.History.Reader}}}, true
		start := time.Now()
		handler.Check.Updater = updater(func(*unstructured.Unstructured, client.UpdateOptions) error {
			if time.Since(start) > 0 { // it was asked for at once
				t.Error("a template was checked")
			}
			return nil
		})
		if resp := handler.Handle(t.Context(), req); resp.Allowed || !strings.Contains(resp.Result.Message, "deadline exceeded") {
			t.Errorf("answer: %+v", resp)
		}
	})
}

func TestARequestThatCannotBeReadIsNoPanic(t *testing.T) {
	handler, req := setUp(t, newTemplate())
	for _, object := range []string{"", "garbage", "[]", "{}", `{"spec":1,"metadata":[]}`, `{"metadata":{"annotations":{"holdfast.dev/held":1}}}`} {
		for _, old := range []string{"", "{}", `{"spec":[],"metadata":{"annotations":"x","managedFields":[1]}}`} {
			req.Object, req.OldObject = runtime.RawExtension{Raw: []byte(object)}, runtime.RawExtension{Raw: []byte(old)}
			handler.Handle(context.Background(), req)
		}
	}
}

// TestOnlyANewTemplateAsksTheAPIServer: everything else is decided from the request alone.
func TestOnlyANewTemplateAsksTheAPIServer(t *testing.T) {
	v2 := map[string]any{"metadata": map[string]any{"labels": map[string]any{"v": "2"}}}
	for name, c := range map[string]casetest.Case{
		"scale during a hold":       {Held: v2, Request: casetest.Submission{Patch: map[string]any{"spec": map[string]any{"replicas": 3}}}},
		"the held template again":   {Held: v2, Request: casetest.Submission{Patch: map[string]any{"spec": map[string]any{"template": v2}}}},
		"a release":                 {Held: v2, Request: casetest.Submission{User: "evaluator", Patch: map[string]any{"metadata": map[string]any{"annotations": map[string]any{"holdfast.dev/release": "old-hold"}}}}},
		"an annotation of Holdfast": {Request: casetest.Submission{Patch: map[string]any{"metadata": map[string]any{"annotations": map[string]any{"holdfast.dev/period": "10m"}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			handler, req := setUp(t, c)
			handler.History = history.Server{Reader: listingtest.APIServer{Reader: none{t: t}}}
			handler.Check.Updater = updater(func(*unstructured.Unstructured, client.UpdateOptions) error {
				t.Error("a template was checked")
				return nil
			})
			if resp := handler.Handle(context.Background(), req); !resp.Allowed {
				t.Errorf("refused: %v", resp.Result)
			}
		})
	}
}

func TestDryRunsGetTheSameAnswerAndDoNotCount(t *testing.T) {
	handler, req := setUp(t, newTemplate())
	real := handler.Handle(context.Background(), req)
	yes := true
	req.DryRun = &yes
	dry := handler.Handle(context.Background(), req)
	a, _ := json.Marshal(real.Patches)
	b, _ := json.Marshal(dry.Patches)
	if string(a) != string(b) || strings.Join(real.Warnings, "") != strings.Join(dry.Warnings, "") {
		t.Errorf("a dry run is answered with %s, the request with %s", b, a)
	}
	held := handler.Metrics.decisions.WithLabelValues(string(decide.Hold), string(decide.ReasonNewTemplate))
	if n := testutil.ToFloat64(held); n != 1 {
		t.Errorf("counted %v holds, want 1", n)
	}
}

func TestARecordThatDoesNotFitIsRefused(t *testing.T) {
	c := newTemplate()
	c.Stable = map[string]any{"metadata": map[string]any{"annotations": map[string]any{"example.com/large": strings.Repeat("x", maxAnnotations-200)}}}
	handler, req := setUp(t, c)
	resp := handler.Handle(context.Background(), req)
	if resp.Allowed || !strings.Contains(resp.Result.Message, "does not fit") || !strings.Contains(resp.Result.Message, "ConfigMap") {
		t.Errorf("answer: %+v", resp)
	}
}

// TestMetricsAreThereFromTheStart, each with all its labels, so that a rate
// over the first event sees it.
func TestMetricsAreThereFromTheStart(t *testing.T) {
	registry := prometheus.NewRegistry()
	NewMetrics(registry)
	want := `
# HELP holdfast_admission_decisions_total Requests that reached the webhook, by what became of the pod template and why. Dry runs do not count.
# TYPE holdfast_admission_decisions_total counter
holdfast_admission_decisions_total{effect="Drop",reason="Rejected"} 0
holdfast_admission_decisions_total{effect="Drop",reason="Withdrawn"} 0
holdfast_admission_decisions_total{effect="Error",reason="Internal"} 0
holdfast_admission_decisions_total{effect="Hold",reason="NewTemplate"} 0
holdfast_admission_decisions_total{effect="Hold",reason="Superseding"} 0
holdfast_admission_decisions_total{effect="Keep",reason="AlreadyHeld"} 0
holdfast_admission_decisions_total{effect="Pass",reason="Created"} 0
holdfast_admission_decisions_total{effect="Pass",reason="NoneReady"} 0
holdfast_admission_decisions_total{effect="Pass",reason="OptedOut"} 0
holdfast_admission_decisions_total{effect="Pass",reason="Own"} 0
holdfast_admission_decisions_total{effect="Pass",reason="Recreate"} 0
holdfast_admission_decisions_total{effect="Pass",reason="Rollback"} 0
holdfast_admission_decisions_total{effect="Pass",reason="ScaledToZero"} 0
holdfast_admission_decisions_total{effect="Pass",reason="Skipped"} 0
holdfast_admission_decisions_total{effect="Pass",reason="Unchanged"} 0
holdfast_admission_decisions_total{effect="Refuse",reason="Invalid"} 0
holdfast_admission_decisions_total{effect="Refuse",reason="Recreate"} 0
holdfast_admission_decisions_total{effect="Release",reason="Verdict"} 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "holdfast_admission_decisions_total"); err != nil {
		t.Error(err)
	}
}
