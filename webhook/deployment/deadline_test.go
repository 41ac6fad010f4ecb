package deployment

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestADeadlineThatMinReadySecondsExceedIsToldAtTheHold, with both fields, and not by a revert of pods that
// are Ready.
func TestADeadlineThatMinReadySecondsExceedIsToldAtTheHold(t *testing.T) {
	for name, tc := range map[string]struct {
		minReady int
		says     bool
	}{
		"longer than it leaves": {600, true},
		"shorter":               {60, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newTemplate()
			c.Stable = map[string]any{"spec": map[string]any{"minReadySeconds": tc.minReady}}
			handler, req := setUp(t, c)
			scheme := runtime.NewScheme()
			if err := v1alpha1.AddToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			handler.Plans = fake.NewClientBuilder().WithScheme(scheme).WithObjects(&v1alpha1.CanaryPlan{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "default"},
				Spec: v1alpha1.CanaryPlanSpec{
					Deadline: &metav1.Duration{Duration: 10 * time.Minute}, Analysis: v1alpha1.Analysis{Period: &metav1.Duration{Duration: 5 * time.Minute}},
				},
			}).Build()
			said := strings.Join(handler.Handle(t.Context(), req).Warnings, "\n")
			if !strings.Contains(said, "update held") || strings.Contains(said, "spec.deadline: 10m0s") != tc.says || strings.Contains(said, "spec.minReadySeconds") != tc.says {
				t.Errorf("says:\n%s", said)
			}
		})
	}
}
