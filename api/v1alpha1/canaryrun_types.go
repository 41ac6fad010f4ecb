package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// CanaryRun is one trial of one pod template. Holdfast makes it when it holds an
// update, and keeps the last ten that ended as history. Users may make runs too,
// of a template of their own beside a Deployment; those never change it.
//
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 57",message="the name of a run has at most 57 characters, for its pods are named after it"
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=crun,categories=holdfast
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Deployment",type=string,JSONPath=`.spec.deployment`
// +kubebuilder:printcolumn:name="Service",type=string,JSONPath=`.status.service`
// +kubebuilder:printcolumn:name="Scale",type=string,JSONPath=`.status.scale`
// +kubebuilder:printcolumn:name="Traffic",type=string,JSONPath=`.status.traffic`
// +kubebuilder:printcolumn:name="Validation",type=string,JSONPath=`.status.validation`
// +kubebuilder:printcolumn:name="Duration",type=string,JSONPath=`.status.duration`
// +kubebuilder:printcolumn:name="As Of",type=date,JSONPath=`.status.asOf`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`,priority=1
// +kubebuilder:printcolumn:name="Policies",type=string,JSONPath=`.spec.policies[*].policy`,priority=1
type CanaryRun struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is tried and how, and what people have decided since.
	// +required
	Spec CanaryRunSpec `json:"spec"`

	// status is how far the run has come and what was measured.
	// +optional
	Status CanaryRunStatus `json:"status,omitempty,omitzero"`
}

// CanaryRunList is a list of CanaryRuns.
//
// +kubebuilder:object:root=true
type CanaryRunList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []CanaryRun `json:"items"`
}

// CanaryRunSpec is what is tried and how. Only paused, decision (with who decided and
// why), approvedSteps and attempt may be changed: they are for people, and for
// programs that decide.
//
// +kubebuilder:validation:XValidation:rule="has(self.hold) == has(oldSelf.hold) && has(self.templateHash) == has(oldSelf.templateHash) && has(self.plan) == has(oldSelf.plan) && has(self.planSource) == has(oldSelf.planSource) && has(self.planRef) == has(oldSelf.planRef) && has(self.containers) == has(oldSelf.containers) && has(self.template) == has(oldSelf.template) && has(self.policies) == has(oldSelf.policies) && has(self.startAt) == has(oldSelf.startAt)",message="a run cannot be changed but for paused, decision, approvedSteps and attempt; apply another update to the Deployment, or make another run, instead"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.decision) || has(self.decision) && self.decision == oldSelf.decision",message="the decision stands; it cannot be changed or taken back"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.decision) || has(self.decidedBy) == has(oldSelf.decidedBy) && (!has(self.decidedBy) || self.decidedBy == oldSelf.decidedBy) && has(self.decisionReason) == has(oldSelf.decisionReason) && (!has(self.decisionReason) || self.decisionReason == oldSelf.decisionReason)",message="decidedBy and decisionReason stand with the decision; they cannot be changed later"
// +kubebuilder:validation:XValidation:rule="has(self.decision) || !has(self.decidedBy) && !has(self.decisionReason)",message="decidedBy and decisionReason go with a decision; set decision to Promote or Abort too"
// +kubebuilder:validation:XValidation:rule="self.?attempt.orValue(1) >= oldSelf.?attempt.orValue(1)",message="attempt can only be raised"
// +kubebuilder:validation:XValidation:rule="self.?approvedSteps.orValue(0) >= oldSelf.?approvedSteps.orValue(0)",message="approvedSteps can only be raised"
// +kubebuilder:validation:XValidation:rule="has(self.hold) ? has(self.templateHash) && has(self.plan) && !has(self.containers) && !has(self.template) && !has(self.planRef) : has(self.containers) != has(self.template)",message="needs containers or template, and not both (runs of held updates, which have hold, are made by Holdfast and have neither)"
// +kubebuilder:validation:XValidation:rule="!has(self.planRef) || !has(self.plan)",message="takes planRef or plan, not both"
type CanaryRunSpec struct {
	// deployment is the name of the Deployment beside which the canary runs, in
	// the namespace of the run.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a run cannot be changed but for paused, decision, approvedSteps and attempt"
	Deployment string `json:"deployment"`

	// hold is the ID of the hold that the run is for; it ends with that hold.
	// Runs that users make have none.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a run cannot be changed but for paused, decision, approvedSteps and attempt"
	Hold string `json:"hold,omitempty"`

	// templateHash is the hash of the held pod template.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a run cannot be changed but for paused, decision, approvedSteps and attempt"
	TemplateHash string `json:"templateHash,omitempty"`

	// containers are the images to try in the pod template that the Deployment
	// has when the canary is made. For runs that users make.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a run cannot be changed but for paused, decision, approvedSteps and attempt"
	Containers []ContainerImage `json:"containers,omitempty"`

	// template is a whole pod template to try, as in a Deployment. For runs that
	// users make.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a run cannot be changed but for paused, decision, approvedSteps and attempt"
	Template *runtime.RawExtension `json:"template,omitempty"`

	// plan is how the template is tried. Runs of held updates have a copy of the
	// plan as it stood when they began. A run that has neither plan nor planRef
	// is judged by nothing, and its canary lives until the run is deleted.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a run cannot be changed but for paused, decision, approvedSteps and attempt"
	Plan *CanaryPlanSpec `json:"plan,omitempty"`

	// planRef is the name of a CanaryPlan in the namespace, of which the run
	// takes a copy when its canary is made. For runs that users make.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a run cannot be changed but for paused, decision, approvedSteps and attempt"
	PlanRef string `json:"planRef,omitempty"`

	// planSource says where the plan came from: "CanaryPlan <name>",
	// "annotations of the Deployment" or "built-in".
	// +optional
	// +kubebuilder:validation:MaxLength=300
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a run cannot be changed but for paused, decision, approvedSteps and attempt"
	PlanSource string `json:"planSource,omitempty"`

	// policies are what the CanaryPolicies of the namespace changed in the plan
	// when the run began.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a run cannot be changed but for paused, decision, approvedSteps and attempt"
	Policies []PolicyChange `json:"policies,omitempty"`

	// startAt is when the canary may be made, as RFC 3339; until then the run is
	// Scheduled. A time more than five minutes before the run is made is a mistake.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a run cannot be changed but for paused, decision, approvedSteps and attempt"
	StartAt *metav1.Time `json:"startAt,omitempty"`

	// paused stops the run: nothing is measured while it is true. When it is
	// false again the step under way is measured from its beginning.
	// +optional
	Paused bool `json:"paused,omitempty"`

	// decision is the verdict of a person, or of a program. Promote: the update is
	// released, whatever was measured. Abort: it is reverted. Once given it stands;
	// one that comes after the run has ended does nothing.
	// +optional
	Decision Decision `json:"decision,omitempty"`

	// decidedBy is who or what decided, as they call themselves, such as "load
	// test 812". It is shown, and not checked: who wrote it the API server's audit
	// log knows. "a person" if empty.
	// +optional
	// +kubebuilder:validation:MaxLength=100
	DecidedBy string `json:"decidedBy,omitempty"`

	// decisionReason is why, in a sentence for those who read the run later.
	// +optional
	// +kubebuilder:validation:MaxLength=500
	DecisionReason string `json:"decisionReason,omitempty"`

	// approvedSteps is how many of the plan's steps a person has approved to be
	// left, of those with approval: true.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ApprovedSteps int32 `json:"approvedSteps,omitempty"`

	// attempt, when it is raised, has the run begin anew with fresh pods:
	// waiting, starting, running, paused or frozen. The first is 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Attempt int32 `json:"attempt,omitempty"`
}

// ByHand says whether a user made the run, and not Holdfast for a held update.
func (s *CanaryRunSpec) ByHand() bool { return s.Hold == "" }

// PolicyChange is one change that a policy made to a plan.
type PolicyChange struct {
	// policy is the name of the CanaryPolicy.
	// +kubebuilder:validation:MaxLength=253
	Policy string `json:"policy"`
	// field is what it changed, by its path in the spec of a plan.
	// +kubebuilder:validation:MaxLength=128
	Field string `json:"field"`
	// from is what the plan says, empty where it says nothing.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	From string `json:"from,omitempty"`
	// to is what counts instead.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	To string `json:"to,omitempty"`
}

// ContainerImage is the image to try in one container.
type ContainerImage struct {
	// name is the container's name in the pod template.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
	// image is the image to try.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1000
	Image string `json:"image"`
}

// Decision is the verdict of a person or a program on a run.
//
// +kubebuilder:validation:Enum=Promote;Abort
type Decision string

// The decisions.
const (
	DecisionPromote Decision = "Promote"
	DecisionAbort   Decision = "Abort"
)
