package deployment

import (
	"context"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/webhook/deployment/casetest"
)

// surrounded is an API server with a Service, and without any ConfigMap. It has a run of which the evaluator
// says what it has found.
type surrounded struct {
	listing.Lister
	found []metav1.Condition
}

func (s surrounded) Each(ctx context.Context, q listing.Query, visit func([]byte) error) error {
	if q.Kind.Kind != "Service" {
		return s.Lister.Each(ctx, q, visit)
	}
	return visit([]byte(`{"metadata":{"name":"shop","creationTimestamp":"2026-02-01T12:00:00Z","managedFields":[{"manager":"kubectl","operation":"Update",
		"time":"2026-03-01T11:59:59Z","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:selector":{}}}}]},"spec":{"selector":{"app":"web","v":"2"}}}`))
}

func (s surrounded) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if run, is := o.(*v1alpha1.CanaryRun); is {
		run.Status.Conditions = s.found
		return nil
	}
	if o.GetObjectKind().GroupVersionKind().Kind == "ConfigMap" {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, key.Name)
	}
	return s.Lister.Get(ctx, key, o, opts...)
}

// TestWhoAppliesIsToldOfWhatStandsBeside the Deployment.
func TestWhoAppliesIsToldOfWhatStandsBeside(t *testing.T) {
	app := func(image string) map[string]any {
		return map[string]any{"spec": map[string]any{"containers": []any{map[string]any{
			"name": "app", "image": image, "envFrom": []any{map[string]any{"configMapRef": map[string]any{"name": "settings-1"}}},
		}}}}
	}
	held := app("holdfast.test/app:v2")
	held["metadata"] = map[string]any{"labels": map[string]any{"v": "2"}}
	c := casetest.Case{
		Stable:  map[string]any{"spec": map[string]any{"template": app("holdfast.test/app:v1")}},
		Request: casetest.Submission{Patch: map[string]any{"spec": map[string]any{"template": held}}},
	}
	handler, req := setUp(t, c)
	handler.History.Reader = surrounded{Lister: handler.History.Reader}
	said := strings.Join(handler.Handle(t.Context(), req).Warnings, "\n")
	for _, want := range []string{"update held", "Service shop sends requests to pods of the held template", "ConfigMap settings-1 is gone"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not told: %s", want, said)
		}
	}

	c.Held = held
	handler, req = setUp(t, c)
	handler.History.Reader = surrounded{handler.History.Reader, []metav1.Condition{
		{Type: v1alpha1.ConditionStableComplete, Status: metav1.ConditionFalse, Message: "ConfigMap settings-1 is gone"},
		{Type: v1alpha1.ConditionStableServed, Status: metav1.ConditionTrue, Message: "all is well"},
	}}
	said = strings.Join(handler.Handle(t.Context(), req).Warnings, "\n")
	if !strings.Contains(said, "ConfigMap settings-1 is gone") || strings.Contains(said, "all is well") || !strings.Contains(said, "held already") {
		t.Errorf("of what is held already is told: %s", said)
	}
}
