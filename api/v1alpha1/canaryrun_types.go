package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CanaryRun is one trial of one held pod template. Holdfast makes it when it
// holds an update, and keeps the last ten that ended as history.
//
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
type CanaryRun struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is tried and how. It does not change.
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

// CanaryRunSpec is what is tried and how.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a run cannot be changed; apply another update to the Deployment instead"
type CanaryRunSpec struct {
	// deployment is the name of the Deployment whose update is tried, in the
	// namespace of the run.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Deployment string `json:"deployment"`

	// hold is the ID of the hold that the run is for; it ends with that hold.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Hold string `json:"hold"`

	// templateHash is the hash of the held pod template.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	TemplateHash string `json:"templateHash"`

	// plan is a copy of the plan as it stood when the run began.
	// +required
	Plan CanaryPlanSpec `json:"plan"`

	// planSource says where the plan came from: "CanaryPlan <name>",
	// "annotations of the Deployment" or "built-in".
	// +optional
	// +kubebuilder:validation:MaxLength=300
	PlanSource string `json:"planSource,omitempty"`
}

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
	// written it does not change, and release or revert follow from it.
	// +optional
	Verdict Verdict `json:"verdict,omitempty"`

	// replicas is the number of canary pods asked for.
	// +optional
	Replicas int32 `json:"replicas,omitempty"`

	// createdAt is when the canary ReplicaSet was made.
	// +optional
	CreatedAt *metav1.Time `json:"createdAt,omitempty"`

	// readyAt is when all canary pods were first Ready; period and
	// initialDelay count from here.
	// +optional
	ReadyAt *metav1.Time `json:"readyAt,omitempty"`

	// finishedAt is when the run ended.
	// +optional
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`

	// measured is how many rounds of measurements have been taken. A round
	// measures every metric once, at readyAt + initialDelay + n × interval or
	// at readyAt + period; rounds that were missed are not made up for.
	// +optional
	Measured int32 `json:"measured,omitempty"`

	// overtime is how many of those rounds were taken after readyAt + period,
	// because at its end not every metric was good.
	// +optional
	Overtime int32 `json:"overtime,omitempty"`

	// metrics is what was measured, by metric. The metric "pods" is the health
	// of the canary pods, which every run is judged by.
	// +optional
	// +listType=map
	// +listMapKey=name
	Metrics []MetricStatus `json:"metrics,omitempty"`

	// service, scale, traffic, validation and duration are for people who list
	// runs: where traffic comes from, pods ready of pods wanted, share of
	// traffic, good measurements of those taken, and time since Ready of the period.
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
