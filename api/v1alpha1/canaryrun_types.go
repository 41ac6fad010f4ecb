package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
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

// CanaryRunSpec is what is tried and how. Only paused, decision, approvedSteps
// and attempt may be changed: they are for people.
//
// +kubebuilder:validation:XValidation:rule="has(self.hold) == has(oldSelf.hold) && has(self.templateHash) == has(oldSelf.templateHash) && has(self.plan) == has(oldSelf.plan) && has(self.planSource) == has(oldSelf.planSource) && has(self.planRef) == has(oldSelf.planRef) && has(self.containers) == has(oldSelf.containers) && has(self.template) == has(oldSelf.template) && has(self.policies) == has(oldSelf.policies) && has(self.startAt) == has(oldSelf.startAt)",message="a run cannot be changed but for paused, decision, approvedSteps and attempt; apply another update to the Deployment, or make another run, instead"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.decision) || has(self.decision) && self.decision == oldSelf.decision",message="the decision stands; it cannot be changed or taken back"
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

	// decision is a person's verdict. Promote: the update is released, whatever
	// was measured. Abort: it is reverted. Once given it stands; one that comes
	// after the run has ended does nothing.
	// +optional
	Decision Decision `json:"decision,omitempty"`

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

// Decision is a person's verdict on a run.
//
// +kubebuilder:validation:Enum=Promote;Abort
type Decision string

// The decisions.
const (
	DecisionPromote Decision = "Promote"
	DecisionAbort   Decision = "Abort"
)

// CanaryRunStatus is how far a run has come and what was measured. All that a
// restarted evaluator needs to go on stands here.
type CanaryRunStatus struct {
	// phase is where the run stands.
	// +optional
	Phase Phase `json:"phase,omitempty"`

	// reason is one word for why the run is in its phase.
	// +optional
	Reason string `json:"reason,omitempty"`

	// message says for people why the run is in its phase.
	// +optional
	Message string `json:"message,omitempty"`

	// verdict is what the analysis came to: Pass, Fail or Inconclusive. Once
	// written it stands until a retry, and release or revert follow from it
	// unless a person decides.
	// +optional
	Verdict Verdict `json:"verdict,omitempty"`

	// replicas is the number of canary pods asked for.
	// +optional
	Replicas int32 `json:"replicas,omitempty"`

	// attempt is which attempt of the run this is, from 1.
	// +optional
	Attempt int32 `json:"attempt,omitempty"`

	// plan is the copy of the plan that spec.planRef names.
	// +optional
	Plan *CanaryPlanSpec `json:"plan,omitempty"`

	// step is the step of the plan that is under way, or was last.
	// +optional
	Step *StepStatus `json:"step,omitempty"`

	// createdAt is when the canary ReplicaSet was made; deadline counts from here.
	// +optional
	CreatedAt *metav1.Time `json:"createdAt,omitempty"`

	// readyAt is when all canary pods were first Ready; the deadline of a manual
	// verdict counts from here.
	// +optional
	ReadyAt *metav1.Time `json:"readyAt,omitempty"`

	// finishedAt is when the run ended.
	// +optional
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`

	// canary and baseline are the run's ReplicaSets in this attempt, with the pods
	// that were found to be their own: these alone count and are measured.
	// +optional
	Canary *OwnSet `json:"canary,omitempty"`
	// +optional
	Baseline *OwnSet `json:"baseline,omitempty"`

	// measured is how many rounds of measurements have been taken. A round
	// measures every metric once, at step.readyAt + initialDelay + n × interval
	// or at step.readyAt + period; rounds that were missed are not made up for.
	// +optional
	Measured int32 `json:"measured,omitempty"`

	// overtime is how many rounds of this step were taken after its period,
	// because at its end not every metric was good.
	// +optional
	Overtime int32 `json:"overtime,omitempty"`

	// metrics is what was measured, by metric. The metric "pods" is the health
	// of the canary pods, which every run is judged by, "baseline" that of the
	// baseline pods.
	// +optional
	// +listType=map
	// +listMapKey=name
	Metrics []MetricStatus `json:"metrics,omitempty"`

	// service, scale, traffic, validation and duration are for people who list
	// runs: where traffic comes from, pods ready of pods wanted, share of
	// traffic, good measurements of those taken, and time measured of the time
	// that all steps take together.
	// +optional
	Service string `json:"service,omitempty"`
	// +optional
	Scale string `json:"scale,omitempty"`
	// +optional
	Traffic string `json:"traffic,omitempty"`
	// +optional
	Validation string `json:"validation,omitempty"`
	// +optional
	Duration string `json:"duration,omitempty"`

	// conditions say separately whether the canary is ready, whether the
	// analysis has come to a verdict, and whether the Deployment has rolled out.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// OwnSet is a ReplicaSet of a run as Holdfast made it, and its pods.
type OwnSet struct {
	// name is that of the ReplicaSet.
	// +optional
	Name string `json:"name,omitempty"`
	// uid is that of the ReplicaSet.
	// +optional
	UID types.UID `json:"uid,omitempty"`
	// print is a hash of what it makes pods by. It is another one when that was changed.
	// +optional
	Print string `json:"print,omitempty"`
	// pods are those of its pods that it made and whose spec is that of its template,
	// those that are gone by now too: 200 at most, the newest last.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=200
	Pods []OwnPod `json:"pods,omitempty"`
}

// OwnPod is a pod that a ReplicaSet of a run made.
type OwnPod struct {
	// name is that of the pod.
	Name string `json:"name"`
	// uid is that of the pod.
	UID types.UID `json:"uid"`
	// print is a hash of its images.
	Print string `json:"print"`
}

// StepStatus is how far a step of a plan has come.
type StepStatus struct {
	// number is which step it is, from 1.
	Number int32 `json:"number"`
	// startedAt is when its pods were asked for, or the run went on after a
	// pause; readyDeadline counts from here.
	StartedAt metav1.Time `json:"startedAt"`
	// readyAt is when all its pods were Ready; initialDelay, interval and period
	// count from here.
	// +optional
	ReadyAt *metav1.Time `json:"readyAt,omitempty"`
	// measured is how many rounds of measurements were taken of it. A pass needs
	// half of those that are due in its period.
	// +optional
	Measured int32 `json:"measured,omitempty"`
}

// Verdict is what an analysis came to.
//
// +kubebuilder:validation:Enum=Pass;Fail;Inconclusive
type Verdict string

// The verdicts. An error while measuring is never a Fail.
const (
	VerdictPass         Verdict = "Pass"
	VerdictFail         Verdict = "Fail"
	VerdictInconclusive Verdict = "Inconclusive"
)

// MetricStatus is what was measured of one metric.
type MetricStatus struct {
	// name is the metric's name in the plan.
	Name string `json:"name"`
	// passed, failed, errors and noData count the measurements by outcome.
	// +optional
	Passed int32 `json:"passed,omitempty"`
	// +optional
	Failed int32 `json:"failed,omitempty"`
	// +optional
	Errors int32 `json:"errors,omitempty"`
	// +optional
	NoData int32 `json:"noData,omitempty"`
	// streak is how many of the latest measurements in a row had the outcome
	// of the last one.
	// +optional
	Streak int32 `json:"streak,omitempty"`
	// consecutiveFailures, consecutiveErrors and consecutiveNoData are what the
	// limits of the plan are on. Failures are counted since the last measurement
	// that passed: errors and missing data between them neither add to the
	// count nor end it. Errors and missing data are counted since the last
	// measurement that gave a value, good or bad.
	// +optional
	ConsecutiveFailures int32 `json:"consecutiveFailures,omitempty"`
	// +optional
	ConsecutiveErrors int32 `json:"consecutiveErrors,omitempty"`
	// +optional
	ConsecutiveNoData int32 `json:"consecutiveNoData,omitempty"`
	// first and previous are what a deviation is measured from, for metrics
	// that are judged by one: of each series the first value, and the newest
	// good one.
	// +optional
	// +listType=atomic
	First []SeriesValue `json:"first,omitempty"`
	// +optional
	// +listType=atomic
	Previous []SeriesValue `json:"previous,omitempty"`
	// compared is what a comparison of counts remembers.
	// +optional
	Compared *Compared `json:"compared,omitempty"`
	// last are the latest measurements, newest last, ten at most.
	// +optional
	// +listType=atomic
	Last []Measurement `json:"last,omitempty"`
}

// SeriesValue is a value of one series.
type SeriesValue struct {
	// labels are those of the series, as PromQL writes them; a scalar has none.
	// +optional
	Labels string `json:"labels,omitempty"`
	// value is a finite number.
	Value float64 `json:"value"`
}

// Measurement is one value of one metric and what was made of it.
type Measurement struct {
	// time is the evaluation time that was asked of Prometheus.
	Time metav1.Time `json:"time"`
	// outcome is Passed, Failed, NoData or Error.
	Outcome Outcome `json:"outcome"`
	// value is the value as text (it may be NaN or +Inf), of the worst series
	// where there were several.
	// +optional
	Value string `json:"value,omitempty"`
	// range is what the value had to lie in, for example "[0, 0.05]", or the
	// rule it had to keep, for example "P99 < 310ms".
	// +optional
	Range string `json:"range,omitempty"`
	// reason is one word for the outcome.
	// +optional
	Reason string `json:"reason,omitempty"`
	// message says for people what was found.
	// +optional
	Message string `json:"message,omitempty"`
	// query is the query as it was sent; it stands on the newest measurement only.
	// +optional
	Query string `json:"query,omitempty"`
}

// Outcome is what was made of one measurement.
//
// +kubebuilder:validation:Enum=Passed;Failed;NoData;Error
type Outcome string

// The outcomes of a measurement.
const (
	OutcomePassed Outcome = "Passed"
	OutcomeFailed Outcome = "Failed"
	OutcomeNoData Outcome = "NoData"
	OutcomeError  Outcome = "Error"
)
