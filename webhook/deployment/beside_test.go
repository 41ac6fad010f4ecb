package deployment

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/casetest"
)

// planNaming is an API server with one plan, or an error.
type planNaming struct {
	client.Reader
	annotations []string
	err         error
}

func (p planNaming) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	if key.Name != "default" {
		return errors.New("another plan was asked for")
	}
	object.(*v1alpha1.CanaryPlan).Spec.HeldAnnotations = p.annotations
	return p.err
}

// TestAnnotationsThatAPlanNames are held as the change-cause is; all others pass.
func TestAnnotationsThatAPlanNames(t *testing.T) {
	before := map[string]any{"metadata": map[string]any{"annotations": map[string]any{"ci/build": "1", "team": "a"}}}
	update := map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{"ci/build": "2", "team": "b", hold.ChangeCause: "web 2"}},
		"spec":     specOf("holdfast.test/app:v2"),
	}
	for name, tc := range map[string]struct {
		plan planNaming
		held map[string]string
		on   map[string]any // the object, of these three
		says string
	}{
		"none":                {planNaming{}, map[string]string{hold.ChangeCause: "web 2"}, map[string]any{"ci/build": "2", "team": "b"}, "update held"},
		"one":                 {planNaming{annotations: []string{"ci/build"}}, map[string]string{hold.ChangeCause: "web 2", "ci/build": "2"}, map[string]any{"ci/build": "1", "team": "b"}, "update held"},
		"one of Holdfast":     {planNaming{annotations: []string{v1alpha1.StableAnnotation}}, map[string]string{hold.ChangeCause: "web 2"}, map[string]any{"ci/build": "2", "team": "b"}, "update held"},
		"it is not known":     {planNaming{err: errors.New("no answer")}, map[string]string{hold.ChangeCause: "web 2"}, map[string]any{"ci/build": "2", "team": "b"}, "the plan could not be asked"},
		"one that nobody has": {planNaming{annotations: []string{"other"}}, map[string]string{hold.ChangeCause: "web 2"}, map[string]any{"ci/build": "2", "team": "b"}, "update held"},
	} {
		t.Run(name, func(t *testing.T) {
			handler, req := setUp(t, casetest.Case{Stable: before, Request: casetest.Submission{Manager: "kubectl-edit", Patch: update}})
			handler.Plans = tc.plan
			stored := must(casetest.Stored(t.Context(), handler, req))
			annotations := stored["metadata"].(map[string]any)["annotations"].(map[string]any)
			record := must(testKey.Open(annotations[v1alpha1.HeldAnnotation].(string), testUID))
			delete(annotations, v1alpha1.HeldAnnotation)
			if diff := cmp.Diff(tc.on, annotations); diff != "" {
				t.Errorf("on the object (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.held, record.Beside.Annotations); diff != "" {
				t.Errorf("held (-want +got):\n%s", diff)
			}
			if said := strings.Join(handler.Handle(t.Context(), req).Warnings, "\n"); !strings.Contains(said, tc.says) {
				t.Errorf("said %q", said)
			}
		})
	}
}

// TestWhatAPlanNamesLater joins what a hold holds already.
func TestWhatAPlanNamesLater(t *testing.T) {
	handler, req := setUp(t, casetest.Case{
		Stable:          map[string]any{"metadata": map[string]any{"annotations": map[string]any{"ci/build": "1"}}},
		Held:            map[string]any{"spec": specOf("holdfast.test/app:v2")["template"].(map[string]any)["spec"]},
		HeldChangeCause: "web 2",
		Request: casetest.Submission{Manager: "kubectl-edit", Patch: map[string]any{
			"metadata": map[string]any{"annotations": map[string]any{"ci/build": "3"}}, "spec": specOf("holdfast.test/app:v3"),
		}},
	})
	handler.Plans = planNaming{annotations: []string{"ci/build"}}
	stored := must(casetest.Stored(t.Context(), handler, req))
	annotations := stored["metadata"].(map[string]any)["annotations"].(map[string]any)
	record := must(testKey.Open(annotations[v1alpha1.HeldAnnotation].(string), testUID))
	if diff := cmp.Diff(map[string]string{hold.ChangeCause: "web 2", "ci/build": "3"}, record.Beside.Annotations); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
	if annotations["ci/build"] != "1" || annotations[hold.ChangeCause] != nil {
		t.Errorf("on the object: %v", annotations)
	}
}

func specOf(image string) map[string]any {
	return map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "app", "image": image}}}}}
}

// TestWhatAPlanNamesOfARejectedTemplate is left out, as a change-cause is.
func TestWhatAPlanNamesOfARejectedTemplate(t *testing.T) {
	handler, req := setUp(t, casetest.Case{
		Stable:  map[string]any{"metadata": map[string]any{"annotations": map[string]any{"ci/build": "1", v1alpha1.FailedAnnotation: "some-hash"}}},
		Request: casetest.Submission{Manager: "kubectl-annotate", Patch: map[string]any{"metadata": map[string]any{"annotations": map[string]any{"ci/build": "2", "team": "b"}}}},
	})
	handler.Plans = planNaming{annotations: []string{"ci/build"}}
	stored := must(casetest.Stored(t.Context(), handler, req))
	annotations := stored["metadata"].(map[string]any)["annotations"].(map[string]any)
	if annotations["ci/build"] != "1" || annotations["team"] != "b" {
		t.Errorf("on the object: %v", annotations)
	}
}
