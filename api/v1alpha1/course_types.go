package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Step is one stage of a canary: how large it is, how long it must stay good,
// and by what. The canary passes when its last step has.
//
// +kubebuilder:validation:XValidation:rule="has(self.replicas) != has(self.podShare) || (has(self.weight) || has(self.match)) && !has(self.replicas)",message="needs replicas or podShare, and not both"
type Step struct {
	// replicas is the number of canary pods, or a share of the Deployment's
	// replicas such as "10%" (rounded up, at least 1).
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=4
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 1 && self <= 1000 : self.matches('^([1-9][0-9]?|100)%$')",message="must be a number from 1 to 1000, or a share from \"1%\" to \"100%\""
	Replicas *intstr.IntOrString `json:"replicas,omitempty"`

	// podShare is the share of all pods in percent that are the canary's: so many
	// are started that it is at least this. All are the canary's, the Deployment's
	// and the baseline's; as that is as large as the canary, podShare must be less
	// than 50 where there is one. The Deployment's replicas are read when the step
	// begins: pods that come with a scaling in the middle of it would have to
	// get Ready and warm up before anything is measured again.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=99
	PodShare *int32 `json:"podShare,omitempty"`

	// weight is the share of requests in percent that the canary gets in this step,
	// where traffic.source is Weighted; default traffic.weight. A step that says it and
	// no size has replicas pods, those of the plan. The step begins to be
	// measured when its pods are Ready and routes carry the weight.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Weight *int32 `json:"weight,omitempty"`

	// match says which requests the canary gets in this step whatever its weight, where traffic.source is
	// Weighted; default traffic.match. With a match and no weight, here or in traffic, it gets those alone.
	// +optional
	Match *RequestMatch `json:"match,omitempty"`

	// period is how long the canary must stay good in this step, counted from
	// when all of its pods are Ready; default analysis.period. initialDelay
	// counts from there too, in every step.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be at least 1s"
	// +kubebuilder:validation:XValidation:rule="duration(self) <= duration('8760h')",message="must be 8760h (a year) at most"
	Period *metav1.Duration `json:"period,omitempty"`

	// approval: at the end of the step a person must approve that it is left
	// (spec.approvedSteps of the run); until then the run is Paused.
	// +optional
	Approval bool `json:"approval,omitempty"`

	// metrics are more values that must stay in range, in this step only. No two
	// metrics of a plan have one name.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	Metrics []Metric `json:"metrics,omitempty"`
}

// InconclusiveAction is what happens to an update on which no verdict could be reached.
//
// +kubebuilder:validation:Enum=Pause;Revert
type InconclusiveAction string

// What can happen to an update on which no verdict could be reached.
const (
	InconclusivePause  InconclusiveAction = "Pause"
	InconclusiveRevert InconclusiveAction = "Revert"
)

// Manual is the verdict of a person, wanted beside that of the analysis.
type Manual struct {
	// deadline is how long after the canary is Ready the person may take.
	// +optional
	// +kubebuilder:default="1h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be at least 1s"
	Deadline *metav1.Duration `json:"deadline,omitempty"`

	// assume is what counts after the deadline if nobody has decided. Pass: the
	// analysis alone decides. Fail: the canary has failed. None: the run is
	// inconclusive.
	// +optional
	// +kubebuilder:default=None
	Assume Assumption `json:"assume,omitempty"`
}

// Assumption is the verdict of a person who has not given one in time.
//
// +kubebuilder:validation:Enum=Pass;Fail;None
type Assumption string

// What can be assumed of a person who has not decided in time.
const (
	AssumePass Assumption = "Pass"
	AssumeFail Assumption = "Fail"
	AssumeNone Assumption = "None"
)

// Baseline asks for fresh pods of the stable template, as many as the canary
// has and started together with it: what they and the canary have in common,
// such as cold caches, is then no fault of the update. Queries select them by
// {{baseline}}.
type Baseline struct{}

// FreezeWindow is a time in which nothing is released: every week from start to
// end, or once from one date to another.
//
// +kubebuilder:validation:XValidation:rule="has(self.start) == has(self.end) && has(self.from) == has(self.to) && has(self.start) != has(self.from)",message="needs start and end (every week), or from and to (dates)"
// +kubebuilder:validation:XValidation:rule="!has(self.from) || !has(self.to) || timestamp(self.from) < timestamp(self.to)",message="from must come before to"
// +kubebuilder:validation:XValidation:rule="!has(self.start) || !has(self.end) || self.start != self.end",message="start and end must differ"
type FreezeWindow struct {
	// start is when the window opens every week, such as "Fri 16:00".
	// +optional
	// +kubebuilder:validation:MaxLength=9
	// +kubebuilder:validation:Pattern=`^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([01][0-9]|2[0-3]):[0-5][0-9]$`
	Start string `json:"start,omitempty"`

	// end is when it closes again, such as "Mon 08:00".
	// +optional
	// +kubebuilder:validation:MaxLength=9
	// +kubebuilder:validation:Pattern=`^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([01][0-9]|2[0-3]):[0-5][0-9]$`
	End string `json:"end,omitempty"`

	// timeZone is that of start and end, by its name in the IANA database, such
	// as "Europe/Berlin".
	// +optional
	// +kubebuilder:default="UTC"
	// +kubebuilder:validation:MaxLength=64
	TimeZone string `json:"timeZone,omitempty"`

	// from is the date and time at which the window opens, as RFC 3339.
	// +optional
	From *metav1.Time `json:"from,omitempty"`

	// to is the date and time at which it closes.
	// +optional
	To *metav1.Time `json:"to,omitempty"`
}
