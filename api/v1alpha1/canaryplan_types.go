package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// CanaryPlan says how a held update is tried: how many canary pods, for how
// long, judged by what, and what to do with a bad one. Deployments name it by
// the annotation holdfast.dev/plan; a plan called "default" serves every
// Deployment of its namespace that names none.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=cplan,categories=holdfast
// +kubebuilder:printcolumn:name="Replicas",type=string,JSONPath=`.spec.replicas`
// +kubebuilder:printcolumn:name="Interval",type=string,JSONPath=`.spec.analysis.interval`
// +kubebuilder:printcolumn:name="Period",type=string,JSONPath=`.spec.analysis.period`
// +kubebuilder:printcolumn:name="Metrics",type=string,JSONPath=`.spec.analysis.metrics[*].name`
// +kubebuilder:printcolumn:name="Answered",type=string,JSONPath=`.status.conditions[?(@.type=="QueriesAnswered")].status`
// +kubebuilder:printcolumn:name="On failure",type=string,JSONPath=`.spec.onFailure`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type CanaryPlan struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the plan. Runs take a copy when they begin, so an edit changes
	// the runs that come after it and none that is under way.
	// +required
	Spec CanaryPlanSpec `json:"spec"`

	// status says how the queries of the plan are answered.
	// +optional
	Status CanaryPlanStatus `json:"status,omitempty,omitzero"`
}

// CanaryPlanStatus says how the queries of a plan are answered, before an update is tried by it.
type CanaryPlanStatus struct {
	// observedGeneration is the generation of the plan that this is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions has QueriesAnswered: whether the endpoint of the plan answers all of its queries.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// queries are the answers, by metric. They were asked of the pods of a Deployment of the namespace that has
	// this plan, as if these were a canary's.
	// +optional
	// +listType=map
	// +listMapKey=metric
	// +kubebuilder:validation:MaxItems=64
	Queries []QueryAnswer `json:"queries,omitempty"`
}

// QueryAnswer is how the query of a metric was answered.
type QueryAnswer struct {
	// metric is the name of the metric.
	Metric string `json:"metric"`
	// series is how many series it gave. None need not be wrong: there may have been no requests, or no
	// failures.
	Series int32 `json:"series"`
	// type is what the server says that its answer is: vector, scalar or matrix.
	// +optional
	Type string `json:"type,omitempty"`
	// example is one of them, with its value.
	// +optional
	Example string `json:"example,omitempty"`
	// error is why there is no answer, in the words of the server where it has some.
	// +optional
	Error string `json:"error,omitempty"`
}

// ConditionQueriesAnswered says of a CanaryPlan whether its endpoint answers all of its queries.
const ConditionQueriesAnswered = "QueriesAnswered"

// Reasons of QueriesAnswered.
const (
	// ReasonAnswered: all are answered.
	ReasonAnswered = "Answered"
	// ReasonNoQueries: none was asked, for the plan has none, or none but such as look back far.
	ReasonNoQueries = "NoQueries"
	// ReasonNotAnswered: some are not; the message says which, and why.
	ReasonNotAnswered = "NotAnswered"
)

// CanaryPlanList is a list of CanaryPlans.
//
// +kubebuilder:object:root=true
type CanaryPlanList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []CanaryPlan `json:"items"`
}

// CanaryPlanSpec is how a held update is tried.
//
// +kubebuilder:validation:XValidation:rule="(has(self.traffic) && self.traffic.source in ['Weighted', 'Mirror']) || !has(self.steps) || self.steps.all(s, !has(s.weight) && !has(s.match))",message="steps have a weight or a match where traffic.source is Weighted, and a weight where it is Mirror; set it, or have replicas or podShare in the steps"
// +kubebuilder:validation:XValidation:rule="!has(self.traffic) || self.traffic.source != 'Mirror' || !has(self.steps) || self.steps.all(s, !has(s.match))",message="steps have a match where traffic.source is Weighted; take it off, and have a weight"
// +kubebuilder:validation:XValidation:rule="!has(self.traffic) || self.traffic.source != 'Weighted' || has(self.traffic.weight) || has(self.traffic.match) || has(self.traffic.increment) || has(self.steps) && size(self.steps) > 0 && self.steps.all(s, has(s.weight) || has(s.match))",message="traffic.source Weighted needs a weight or a match: in traffic, or in each step"
// +kubebuilder:validation:XValidation:rule="!has(self.traffic) || !has(self.traffic.increment) || !has(self.steps) || size(self.steps) == 0",message="traffic.increment is short for steps; take it off, or the steps"
// +kubebuilder:validation:XValidation:rule="!has(self.identity) || !has(self.identity.hostname) || (!has(self.replicas) || self.replicas == 1) && (!has(self.steps) || self.steps.all(s, !has(s.podShare) && (!has(s.replicas) || s.replicas == 1)))",message="identity.hostname is for a canary of one pod, and two would have the same; take it off, or have replicas: 1 in the plan and in each step"
// +kubebuilder:validation:XValidation:rule="!has(self.scale) || !has(self.scale.hpa) || has(self.traffic) && has(self.traffic.source) && self.traffic.source != 'Service' && self.traffic.source != 'Both'",message="scale.hpa is for a canary behind none of the Deployment's Services, where more pods would take more requests, and the Deployment's own autoscaler would stop; take it off, or set traffic.source to Weighted, Mirror, CanaryService or None"
// +kubebuilder:validation:XValidation:rule="!has(self.scale) || !has(self.scale.hpa) || !has(self.baseline)",message="a baseline is as large as its canary, and scale.hpa changes how large that is; take one of them off"
// +kubebuilder:validation:XValidation:rule="!has(self.scale) || !has(self.scale.hpa) || !has(self.identity) || !has(self.identity.hostname)",message="identity.hostname is for a canary of one pod, and scale.hpa may have more; take one of them off"
type CanaryPlanSpec struct {
	// replicas is the number of canary pods, or a share of the Deployment's
	// replicas such as "10%" (rounded up, at least 1). Steps have their own.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=4
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 1 && self <= 1000 : self.matches('^([1-9][0-9]?|100)%$')",message="must be a number from 1 to 1000, or a share from \"1%\" to \"100%\""
	Replicas *intstr.IntOrString `json:"replicas,omitempty"`

	// scale is what scales the canary while it is tried. Without it, it has as many pods as
	// replicas say, or its steps.
	// +optional
	Scale *Scale `json:"scale,omitempty"`

	// readyDeadline is how long the canary pods may take from their creation
	// until all of them are Ready; a canary that takes longer is reverted. The
	// minReadySeconds of the Deployment, for which they then have to stay so,
	// count on top.
	// +optional
	// +kubebuilder:default="10m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be at least 1s"
	ReadyDeadline *metav1.Duration `json:"readyDeadline,omitempty"`

	// restartLimit is how many container restarts are borne, counted over all
	// canary pods; one more and the update is reverted.
	// +optional
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	RestartLimit *int32 `json:"restartLimit,omitempty"`

	// analysis is how the canary is judged once it is Ready.
	// +optional
	// +kubebuilder:default={}
	Analysis Analysis `json:"analysis,omitempty,omitzero"`

	// onFailure is what happens to an update whose canary failed. Revert: it is
	// rejected and the canary goes. Freeze: it stays held with its canary
	// running, for people to look at, until a user applies something else.
	// +optional
	// +kubebuilder:default=Revert
	OnFailure FailureAction `json:"onFailure,omitempty"`

	// quarantine is whether canary pods that are kept leave the application.
	// Automatic: pods of a canary that failed, and pods that are not Ready for
	// longer than readyDeadline while a person decides, lose the labels of the
	// pod template, by which Services, PodDisruptionBudgets and autoscalers select
	// them. They run on to be looked at (kubectl get pods -l holdfast.dev/run=RUN).
	// Never: they keep their labels, and with onFailure: Freeze their share of the
	// requests. A PodDisruptionBudget then counts them too, and one that is not
	// Ready can keep nodes from being drained.
	// +optional
	// +kubebuilder:default=Automatic
	Quarantine QuarantineMode `json:"quarantine,omitempty"`

	// onInconclusive is what happens to an update on which no verdict could be
	// reached (errors, missing data, a sick baseline). Pause: it stays held with
	// its canary running until a person promotes, aborts or retries, or the
	// deadline is over. Revert: it is rejected and the canary goes.
	// +optional
	// +kubebuilder:default=Pause
	OnInconclusive InconclusiveAction `json:"onInconclusive,omitempty"`

	// deadline is how long a run may take from the making of its canary to its
	// verdict, pauses included. A run that takes longer is reverted, never
	// released. Default 24h, or twice the periods of all steps if that is longer.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be at least 1s"
	Deadline *metav1.Duration `json:"deadline,omitempty"`

	// dryRun: an update that passes is not released. Its run ends Passed, and the
	// template is remembered, so that it is not tried again until a retry.
	// +optional
	DryRun bool `json:"dryRun,omitempty"`

	// traffic is which requests the canary gets. Without it, its pods are behind the
	// Deployment's Services, as any of the Deployment's are.
	// +optional
	Traffic *Traffic `json:"traffic,omitempty"`

	// probe has the requests to the canary's pods, and to those of its baseline, measured by a sidecar in them,
	// where the application measures none: probe: {}. Criteria ask for it by source: Probe.
	// +optional
	Probe *Probe `json:"probe,omitempty"`

	// steps are the stages of the canary, one after the other. Without any there
	// is one, of replicas pods for analysis.period.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Steps []Step `json:"steps,omitempty"`

	// hooks are servers that the run asks at moments of its course: gates that hold it until they say yes, and
	// checks that can fail it. Those who come from Flagger know them as webhooks.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Hooks []Hook `json:"hooks,omitempty"`

	// manual asks for the verdict of a person beside that of the analysis.
	// +optional
	Manual *Manual `json:"manual,omitempty"`

	// baseline asks for fresh pods of the stable template beside the canary's.
	// +optional
	Baseline *Baseline `json:"baseline,omitempty"`

	// freezeWindows are times in which nothing is released. A run that passes in
	// one waits, Releasing, for its end.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	FreezeWindows []FreezeWindow `json:"freezeWindows,omitempty"`

	// identity is what tells the canary pods from those of the Deployment, for the
	// programs in them. The label canary: "true" and the variable CANARY_ENABLED=1
	// are there without it.
	// +optional
	Identity *Identity `json:"identity,omitempty"`

	// newUpdates is what becomes of the run under way when a newer update comes. Supersede: it
	// ends, and the newer one is tried. Wait: it is finished first, and its verdict is acted
	// on; then the newest update that came meanwhile is tried, and those between never are.
	// So something gets out where updates come faster than a canary takes. A run that has
	// no canary yet, and one that waits for a person with its verdict, is superseded all the
	// same; the stable template, a rollback and an update that skips its canary never wait.
	// +optional
	// +kubebuilder:default=Supersede
	NewUpdates NewUpdates `json:"newUpdates,omitempty"`

	// restartMarks are keys of annotations of pod templates whose change is a restart
	// and no update, beside those of kubectl, Rancher, Reloader and others that are known:
	// for tools of your own, and for noise such as a timestamp that is another one at each
	// sync. An update that changes nothing else passes without a canary; one that changes
	// more is tried, and is the same update whatever these say. A template whose
	// pods read such an annotation gets no exception. Where a CanaryPolicy guards the
	// namespace, only what policies and Holdfast's administrator name counts.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=317
	// +kubebuilder:validation:items:Pattern=`^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`
	RestartMarks []string `json:"restartMarks,omitempty"`

	// heldAnnotations are annotations of the Deployment that tell of its template, as
	// kubernetes.io/change-cause does, which is always one: they are held with it and
	// come with its release. Annotations that the deployment controller, kubectl, Helm
	// or Holdfast keep there cannot be held.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$'))",message="must be keys of annotations"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.matches('^(([a-z0-9.-]+[.])?holdfast[.]dev|kubectl[.]kubernetes[.]io|deployment[.]kubernetes[.]io|meta[.]helm[.]sh)(/|$)'))",message="must be no annotations of the deployment controller, kubectl, Helm or Holdfast"
	HeldAnnotations []string `json:"heldAnnotations,omitempty"`

	// besideRecreate lets the canary run beside the pods of a Deployment whose
	// strategy is Recreate, which has no pod of another template beside its own.
	// Without it, and without the annotation holdfast.dev/beside-recreate on the
	// Deployment, there is no canary of such a Deployment: an update of it passes
	// without one, or is refused where canaries are required.
	// +optional
	BesideRecreate bool `json:"besideRecreate,omitempty"`

	// protect is what Holdfast keeps from going that the stable template names. None:
	// nothing. ConfigMaps: while an update is held, and after it was rejected, a
	// finalizer (holdfast.dev/stable-template) keeps the ConfigMaps usable that are
	// deleted meanwhile, as tools do that prune what the newer version no longer
	// needs; it is taken off when the stable pods need them no more. It goes by what
	// the plan says now, also for a run under way, and an administrator must have
	// given Holdfast the right to it.
	// +optional
	// +kubebuilder:default=None
	Protect Protection `json:"protect,omitempty"`

	// maxRuns is how many runs of the namespace may have a canary at once; more
	// wait for their turn, the oldest first. Without it there is no limit but
	// that of the cluster (--max-runs).
	// +optional
	// +kubebuilder:validation:Minimum=1
	MaxRuns *int32 `json:"maxRuns,omitempty"`
}

// Protection is what is kept from going that the stable template names.
//
// +kubebuilder:validation:Enum=None;ConfigMaps
type Protection string

// What can be kept from going that the stable template names.
const (
	ProtectNone       Protection = "None"
	ProtectConfigMaps Protection = "ConfigMaps"
)

// Identity is what tells canary pods apart beside their labels.
type Identity struct {
	// hostname is that of the canary's only pod. Without it each pod has its own
	// name, as those of the Deployment do; the pod of a run that is made by hand is
	// called canary. A template that sets a hostname keeps it.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Hostname string `json:"hostname,omitempty"`
}

// NewUpdates is what becomes of the run under way when a newer update comes.
//
// +kubebuilder:validation:Enum=Supersede;Wait
type NewUpdates string

// What can become of the run under way.
const (
	NewUpdatesSupersede NewUpdates = "Supersede"
	NewUpdatesWait      NewUpdates = "Wait"
)

// FailureAction is what happens to an update whose canary failed.
//
// +kubebuilder:validation:Enum=Revert;Freeze
type FailureAction string

// What can happen to an update whose canary failed.
const (
	FailureRevert FailureAction = "Revert"
	FailureFreeze FailureAction = "Freeze"
)

// QuarantineMode is whether canary pods that are kept leave the application.
//
// +kubebuilder:validation:Enum=Automatic;Never
type QuarantineMode string

// Whether canary pods that are kept leave the application.
const (
	QuarantineAutomatic QuarantineMode = "Automatic"
	QuarantineNever     QuarantineMode = "Never"
)

// Analysis is how a canary is judged. Pod health is always part of it.
//
// +kubebuilder:validation:XValidation:rule="!has(self.initialDelay) || !has(self.period) || duration(self.initialDelay) < duration(self.period)",message="initialDelay must be shorter than period, or nothing would be measured"
// +kubebuilder:validation:XValidation:rule="!has(self.interval) || !has(self.period) || duration(self.interval) <= duration(self.period)",message="interval must not be longer than period, or nothing would be measured"
// +kubebuilder:validation:XValidation:rule="!has(self.endEarly) || !self.endEarly || has(self.metrics) && size(self.metrics) > 0 && self.metrics.all(m, has(m.compare))",message="endEarly needs metrics that all compare: what others look for may come at the end of the period"
type Analysis struct {
	// initialDelay is how long after the canary is Ready the first measurement is taken.
	// +optional
	// +kubebuilder:default="0s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s')",message="must not be negative"
	InitialDelay *metav1.Duration `json:"initialDelay,omitempty"`

	// interval is the time between measurements.
	// +optional
	// +kubebuilder:default="30s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be at least 1s"
	Interval *metav1.Duration `json:"interval,omitempty"`

	// period is how long the canary must stay good, counted from when it is Ready.
	// +optional
	// +kubebuilder:default="15m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be at least 1s"
	// +kubebuilder:validation:XValidation:rule="duration(self) <= duration('8760h')",message="must be 8760h (a year) at most"
	Period *metav1.Duration `json:"period,omitempty"`

	// failureLimit is how many failed measurements of one metric in a row are
	// borne; one more and the canary has failed.
	// +optional
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=0
	FailureLimit *int32 `json:"failureLimit,omitempty"`

	// errorLimit is how many measurements of one metric in a row may end in an
	// error (Prometheus down, query refused); one more and the run is
	// inconclusive, which never releases.
	// +optional
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=0
	ErrorLimit *int32 `json:"errorLimit,omitempty"`

	// noDataLimit is how many measurements of one metric in a row may find no
	// series; one more and the run is inconclusive, which never releases.
	// +optional
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=0
	NoDataLimit *int32 `json:"noDataLimit,omitempty"`

	// falseAlarms is the probability that a canary which is within the tolerances
	// is found worse by a comparison, over a whole run. It is split over the metrics
	// that compare.
	// +optional
	// +kubebuilder:default="1%"
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:Pattern=`^([0-9]+\.?[0-9]*|\.[0-9]+)%$`
	FalseAlarms string `json:"falseAlarms,omitempty"`

	// endEarly lets the period end as soon as all metrics are shown not to be
	// worse. All of them must be comparisons, and the plan without steps.
	// +optional
	EndEarly bool `json:"endEarly,omitempty"`

	// endpoint names the Prometheus that the queries are for, one of those that
	// the administrator of Holdfast has defined; "default" if it is empty.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Endpoint string `json:"endpoint,omitempty"`

	// source is what measures requests, for metrics that expect something of them.
	// +optional
	// +kubebuilder:default=PrometheusClient
	Source Source `json:"source,omitempty"`

	// metrics are what the canary is judged by besides the health of its pods.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Metrics []Metric `json:"metrics,omitempty"`
}
