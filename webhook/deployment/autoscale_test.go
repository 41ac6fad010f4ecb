package deployment

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Who applies a template of which an autoscaler of the canary can tell nothing is told with the answer; the
// update is held.
func TestWhatAnAutoscalerCannotTellIsToldAtTheHold(t *testing.T) {
	for name, tc := range map[string]struct {
		scale *v1alpha1.Scale
		says  bool
	}{
		"an autoscaler by CPU": {&v1alpha1.Scale{HPA: &v1alpha1.CanaryHPA{}}, true},
		"none":                 {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			handler, req := setUp(t, newTemplate())
			scheme := runtime.NewScheme()
			if err := v1alpha1.AddToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			handler.Plans = fake.NewClientBuilder().WithScheme(scheme).WithObjects(&v1alpha1.CanaryPlan{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "default"},
				Spec:       v1alpha1.CanaryPlanSpec{Traffic: &v1alpha1.Traffic{Source: v1alpha1.TrafficNone}, Scale: tc.scale},
			}).Build()
			resp := handler.Handle(t.Context(), req)
			said := strings.Join(resp.Warnings, "\n")
			if !strings.Contains(said, "update held") || strings.Contains(said, "the canary will not be scaled: spec.template.spec.containers[0].resources.requests") != tc.says {
				t.Errorf("says:\n%s", said)
			}
		})
	}
}
