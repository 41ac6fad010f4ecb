package deployment

import (
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/demand/demandtest"
)

// TestAPlanThatTheNamespaceNamesSinceAMomentIsFound: the annotation of the namespace may come in the same
// file as the update, and the cache have the namespace as it was.
func TestAPlanThatTheNamespaceNamesSinceAMomentIsFound(t *testing.T) {
	handler := Handler{
		Plans:    plansOf{specs: map[string]v1alpha1.CanaryPlanSpec{"default": {}, "strict": {}}},
		Policies: demand.Policies{Live: demandtest.Cache{Annotations: map[string]string{v1alpha1.PlanAnnotation: "strict"}}},
	}
	before := demand.Demands{NamespaceAnnotations: map[string]string{v1alpha1.PlanAnnotation: "default"}}
	found, err := handler.findPlan(t.Context(), "shop", before, workload.Deployment{Object: map[string]any{}})
	if err != nil || found.Source != "CanaryPlan strict" {
		t.Errorf("found is %s (%v)", found.Source, err)
	}
}
