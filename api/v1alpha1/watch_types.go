package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LabelWatch fails a canary when a label appears.
type LabelWatch struct {
	// of is whose labels are watched: those of the canary's pods, any of which
	// counts, or of the Deployment. (It is not called "on", which is how YAML
	// writes true.)
	// +optional
	// +kubebuilder:default=Pods
	Of LabelsOf `json:"of,omitempty"`
	// selector is what must not match.
	// +required
	// +kubebuilder:validation:XValidation:rule="has(self.matchLabels) && size(self.matchLabels) > 0 || has(self.matchExpressions) && size(self.matchExpressions) > 0",message="matches everything; name a label that means the canary is bad"
	Selector metav1.LabelSelector `json:"selector"`
}

// LabelsOf is whose labels are watched.
//
// +kubebuilder:validation:Enum=Pods;Deployment
type LabelsOf string

// Whose labels can be watched.
const (
	LabelsOfPods       LabelsOf = "Pods"
	LabelsOfDeployment LabelsOf = "Deployment"
)

// AlertWatch fails a canary when an alert fires. It asks Prometheus for the
// series ALERTS{alertstate="firing"}.
//
// +kubebuilder:validation:XValidation:rule="!has(self.about) || self.about == 'Pods' || has(self.matchers)",message="about: Any needs matchers, or every alert there is would fail the canary"
type AlertWatch struct {
	// about is which alerts count. Pods: those that carry the labels of a
	// canary pod. Any: every alert that the matchers select.
	// +optional
	// +kubebuilder:default=Pods
	About AlertsAbout `json:"about,omitempty"`
	// matchers are label matchers of PromQL that an alert must have besides,
	// such as severity="critical". Placeholders are filled in as in query.
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +listType=atomic
	Matchers []string `json:"matchers,omitempty"`
}

// AlertsAbout is which alerts count.
//
// +kubebuilder:validation:Enum=Pods;Any
type AlertsAbout string

// Which alerts can count.
const (
	AlertsAboutPods AlertsAbout = "Pods"
	AlertsAboutAny  AlertsAbout = "Any"
)
