package v1alpha1

// Metric is one PromQL query and the range its value must stay in.
type Metric struct {
	// name tells the metric from the others of its plan, in events and status.
	// "pods" is the health of the canary pods, which every run is judged by.
	// +required
	// +kubebuilder:validation:XValidation:rule="self != 'pods'",message="is the health of the canary pods, which every run is judged by; choose another name"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`

	// query is a PromQL instant query that gives a scalar or a vector. These
	// are filled in before it is sent: {{canary}} and {{stable}} with the label
	// matchers that select those pods, {{namespace}}, {{deployment}},
	// {{service}} and {{interval}} with what they say. Every series it gives
	// must be in range.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=8192
	Query string `json:"query"`

	// range is what every value must lie in, ends included.
	// +required
	Range Range `json:"range"`
}

// Range is a closed interval. NaN and the infinities lie in no range.
//
// +kubebuilder:validation:XValidation:rule="has(self.min) || has(self.max)",message="needs min, max or both"
// +kubebuilder:validation:XValidation:rule="!has(self.min) || !has(self.max) || self.min <= self.max",message="min must not be greater than max"
type Range struct {
	// min is the smallest good value; without it there is none.
	// +optional
	Min *float64 `json:"min,omitempty"`
	// max is the greatest good value; without it there is none.
	// +optional
	Max *float64 `json:"max,omitempty"`
}
