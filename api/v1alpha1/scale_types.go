package v1alpha1

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// Scale is what scales a canary while it is tried.
type Scale struct {
	// hpa has a HorizontalPodAutoscaler of the canary's own scale it by the load of its own pods: that kind's
	// spec, without scaleTargetRef. hpa: {} keeps 1 to 10 pods at 80 % of the CPU that they request. A step then
	// begins with its replicas, or with minReplicas if these are more, and the autoscaler never goes below them.
	// It is for canaries that are behind none of the Deployment's Services (traffic.source Weighted,
	// CanaryService or None): there each pod more would take requests from the stable ones. It has no baseline.
	// An administrator must have given Holdfast the right to make HorizontalPodAutoscalers.
	// +optional
	HPA *CanaryHPA `json:"hpa,omitempty"`
}

// CanaryHPA is the spec of a canary's HorizontalPodAutoscaler (autoscaling/v2), whose target is the canary's
// ReplicaSet.
//
// +kubebuilder:validation:XValidation:rule="!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",message="minReplicas must not be more than maxReplicas"
type CanaryHPA struct {
	// minReplicas is the fewest pods that the canary has in any step.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MinReplicas *int32 `json:"minReplicas,omitempty"`

	// maxReplicas is the most pods that the canary has. A CanaryPolicy may allow fewer.
	// +optional
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MaxReplicas *int32 `json:"maxReplicas,omitempty"`

	// metrics are what the canary is scaled by; without any, 80 % of the CPU that its pods request. A
	// Utilization is of what containers request, so each of them needs a request.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Metrics []autoscalingv2.MetricSpec `json:"metrics,omitempty"`

	// behavior is how fast the canary is scaled up and down, as in the spec of a HorizontalPodAutoscaler.
	// +optional
	Behavior *autoscalingv2.HorizontalPodAutoscalerBehavior `json:"behavior,omitempty"`
}

// HPA is what the canary's own HorizontalPodAutoscaler goes by, nil where it has none.
func (s *CanaryPlanSpec) HPA() *CanaryHPA {
	if s.Scale == nil {
		return nil
	}
	return s.Scale.HPA
}

// setScaleDefaults fills in what an autoscaler of a canary does not say.
func (s *CanaryPlanSpec) setScaleDefaults() {
	hpa := s.HPA()
	if hpa == nil {
		return
	}
	setDefault(&hpa.MinReplicas, 1)
	setDefault(&hpa.MaxReplicas, 10)
}

// AutoscalerStatus is the HorizontalPodAutoscaler of a canary.
type AutoscalerStatus struct {
	// name is what it is called.
	Name string `json:"name"`
	// minReplicas and maxReplicas are between how many pods it scales the canary.
	MinReplicas int32 `json:"minReplicas"`
	// maxReplicas is the most pods.
	MaxReplicas int32 `json:"maxReplicas"`
}
