package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
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

	// replicas is the number of canary pods asked for; where an autoscaler scales the canary, the fewest that it
	// has.
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

	// stable are the Deployment's own pods that were seen beside the canary, where
	// metrics are of them: {{stable}} names those that are gone too. 500 at most, of
	// those that are gone the newest.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=500
	Stable []StableSet `json:"stable,omitempty"`

	// measured is how many rounds of measurements have been taken. A round
	// measures every metric once, at step.readyAt + initialDelay + n × interval
	// or at step.readyAt + period. Rounds that were missed are not made up for, but for those of the
	// last quarter of an hour before another evaluator takes over (see asOf).
	// +optional
	Measured int32 `json:"measured,omitempty"`

	// overtime is how many rounds of this step were taken after its period,
	// because at its end not every metric was good.
	// +optional
	Overtime int32 `json:"overtime,omitempty"`

	// asOf is when this status was written last while the canary is measured. What people and programs act on is
	// written when it happens; rounds in which all was good as before are counted at once too and stand here
	// from the next writing on: soon where few canaries are measured, after ten minutes at most.
	// +optional
	AsOf *metav1.Time `json:"asOf,omitempty"`

	// metrics is what was measured, by metric. The metric "pods" is the health
	// of the canary pods, which every run is judged by, "baseline" that of the
	// baseline pods.
	// +optional
	// +listType=map
	// +listMapKey=name
	Metrics []MetricStatus `json:"metrics,omitempty"`

	// hooks are those that were asked, but for hooks of type Rollout, which are among the metrics.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Hooks []HookStatus `json:"hooks,omitempty"`

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

	// transitions are what has happened to the run and is told by events.
	// +optional
	Transitions *TransitionLog `json:"transitions,omitempty"`

	// autoscaler is the canary's own HorizontalPodAutoscaler, for as long as it is there.
	// +optional
	Autoscaler *AutoscalerStatus `json:"autoscaler,omitempty"`

	// weight is the share of requests that routes give the canary.
	// +optional
	Weight *WeightStatus `json:"weight,omitempty"`

	// alert is the first firing alert about the run that Alertmanager sent to Holdfast while the canary of
	// this attempt was tried. It fails the canary.
	// +optional
	Alert *ReceivedAlert `json:"alert,omitempty"`

	// conditions say separately whether the canary is ready, whether the
	// analysis has come to a verdict, and whether the Deployment has rolled out.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// ReceivedAlert is an alert that Alertmanager sent to Holdfast.
type ReceivedAlert struct {
	// name is that of its rule, the label alertname.
	Name string `json:"name"`
	// startsAt is since when it fires, as Alertmanager says.
	// +optional
	StartsAt *metav1.Time `json:"startsAt,omitempty"`
	// receivedAt is when it came.
	ReceivedAt metav1.Time `json:"receivedAt"`
	// message says for people what it is about.
	// +optional
	Message string `json:"message,omitempty"`
}

// TransitionLog counts what happened to a run, and keeps of it what may not have been told: each is told at
// least once, in order, whoever evaluates.
type TransitionLog struct {
	// count is how many there have been.
	Count int64 `json:"count"`
	// untold are the newest of them, as long as it is not known here that they were told. Who hears of one twice
	// knows it by the UID of the run and the number.
	// +optional
	// +listType=map
	// +listMapKey=number
	// +kubebuilder:validation:MaxItems=250
	Untold []LoggedTransition `json:"untold,omitempty"`
}

// LoggedTransition is something that happened to a run and that people want to hear of.
type LoggedTransition struct {
	// number is which one of the run's it is, from 1.
	Number int64 `json:"number"`
	// time is when it was written, kind its word: the reason of its event.
	Time metav1.Time `json:"time"`
	Kind string      `json:"kind"`
	// reason is one word for why, message says it for people.
	// +optional
	Reason string `json:"reason,omitempty"`
	// +optional
	Message string `json:"message,omitempty"`
	// subject is what it happened to, where that is a part of the run: a pod, or an autoscaler beside it.
	// +optional
	Subject string `json:"subject,omitempty"`
	// metric is the one whose newest measurement it is about.
	// +optional
	Metric string `json:"metric,omitempty"`
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
	// print is a hash of its images and of what it reads of its labels and annotations.
	Print string `json:"print"`
}

// StableSet is a ReplicaSet of the Deployment's present revision.
type StableSet struct {
	// name is that of the ReplicaSet.
	Name string `json:"name"`
	// pods are the names of its pods.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=500
	Pods []string `json:"pods,omitempty"`
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
	// podsMadeBy is the creation time of the newest of its pods when all were
	// Ready. Pods that are made later take the place of others.
	// +optional
	PodsMadeBy *metav1.Time `json:"podsMadeBy,omitempty"`
	// begunAnew is how often this step and those before it were begun anew because
	// too many of their pods were deleted, evicted or drained.
	// +optional
	BegunAnew int32 `json:"begunAnew,omitempty"`
	// fewestPods is how many pods the smallest step has had until now, since the
	// last gate. As many, but for one in five, live as long as all steps take
	// before the run passes.
	// +optional
	FewestPods int32 `json:"fewestPods,omitempty"`
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
