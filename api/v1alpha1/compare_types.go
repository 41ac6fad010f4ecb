package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Comparison judges the canary by other pods that run at the same time: either
// by counting what goes wrong on both sides, or by values of both.
//
// +kubebuilder:validation:XValidation:rule="!has(self.count) || !has(self.worse)",message="worse is for comparisons of a query; of what goes wrong, more is worse"
// +kubebuilder:validation:XValidation:rule="has(self.count) || !has(self.burst)",message="burst is for count"
// +kubebuilder:validation:XValidation:rule="has(self.count) || !has(self.minimum) || !has(self.minimum.total)",message="minimum.total is for count; of values there are points only"
type Comparison struct {
	// to is what the canary is compared with. Baseline: fresh pods of the stable
	// template, as many, started together with the canary. Stable: the pods of the
	// Deployment itself, which are warm; that is the weaker comparison.
	// +optional
	// +kubebuilder:default=Baseline
	To CompareTo `json:"to,omitempty"`

	// count compares how often something bad happens among all that happens, by
	// counters. Without it, query gives the values that are compared.
	// +optional
	Count *Counted `json:"count,omitempty"`

	// worse is which values of a query are worse: Higher, as of latencies, or
	// Lower. Higher if it is not said.
	// +optional
	Worse Worse `json:"worse,omitempty"`

	// tolerance is how much worse the canary may be, as a share.
	// +optional
	// +kubebuilder:default="20%"
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:Pattern=`^([0-9]+\.?[0-9]*|\.[0-9]+)%$`
	Tolerance string `json:"tolerance,omitempty"`

	// slack is how much worse it may be besides: of counts a share of all that
	// happens, such as "0.1%"; of values a number in their unit, such as "0.005".
	// +optional
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:Pattern=`^([0-9]+\.?[0-9]*|\.[0-9]+)%?$`
	Slack string `json:"slack,omitempty"`

	// catch is the regression worth catching, as a factor. A canary is said not
	// to be worse only when one as bad as that is ruled out.
	// +optional
	// +kubebuilder:default=2
	// +kubebuilder:validation:XValidation:rule="self > 1.0",message="must be more than 1: it is a factor, 2 for twice as bad"
	Catch *float64 `json:"catch,omitempty"`

	// burst is the largest number of bad ones that have one cause; 1 if it is not said.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Burst *int32 `json:"burst,omitempty"`

	// unit follows the numbers of a query in sentences, " s" for example. Of counts
	// it is what was counted; requests if it is not said.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	Unit string `json:"unit,omitempty"`

	// minimum is how much must have been seen before any pass.
	// +optional
	// +kubebuilder:default={}
	Minimum Minimum `json:"minimum,omitempty,omitzero"`

	// require: NotWorse passes a canary only when a regression worth catching is
	// ruled out. Without it, it is enough that none was shown by the end.
	// +optional
	Require Required `json:"require,omitempty"`
}

// CompareTo is what a canary is compared with.
//
// +kubebuilder:validation:Enum=Baseline;Stable
type CompareTo string

// What a canary can be compared with.
const (
	CompareToBaseline CompareTo = "Baseline"
	CompareToStable   CompareTo = "Stable"
)

// Worse is which values are worse.
//
// +kubebuilder:validation:Enum=Higher;Lower
type Worse string

// Which values can be worse.
const (
	WorseHigher Worse = "Higher"
	WorseLower  Worse = "Lower"
)

// Required is what a comparison must have shown for a pass.
//
// +kubebuilder:validation:Enum=NotWorse
type Required string

// RequireNotWorse asks that a regression worth catching is ruled out.
const RequireNotWorse Required = "NotWorse"

// Counted are counters, selected with {{pods}} between the braces, without
// rate() or increase(): increments are taken from the samples themselves.
//
// +kubebuilder:validation:XValidation:rule="has(self.bad) != has(self.good)",message="needs exactly one of bad and good"
type Counted struct {
	// bad selects what counts what went wrong.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Bad string `json:"bad,omitempty"`
	// good selects what counts what did not; the rest of total went wrong. A bucket
	// of a histogram counts requests that were fast enough.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Good string `json:"good,omitempty"`
	// total selects what counts all.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Total string `json:"total"`
}

// Minimum is how much must have been seen on each side before any pass.
type Minimum struct {
	// total is how much must have been counted; 500 if it is not said.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Total *int64 `json:"total,omitempty"`
	// points is in how many intervals or windows.
	// +optional
	// +kubebuilder:default=6
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	Points *int32 `json:"points,omitempty"`
}

// Compared is what a comparison of counts remembers between measurements.
type Compared struct {
	// until is the time that was counted to, of the newest samples of both sides.
	Until metav1.MicroTime `json:"until"`
	// tally is what was counted, and its evidence.
	Tally Tally `json:"tally"`
}

// Tally is the evidence of all intervals that were counted. The numbers are
// logarithms of likelihoods, for a scale of ratios between the two sides.
type Tally struct {
	// sum is what was counted.
	Sum Counts `json:"sum"`
	// points is how many intervals were used, idle how many were not, for want of
	// traffic on one of the sides.
	// +optional
	Points int32 `json:"points,omitempty"`
	// +optional
	Idle int32 `json:"idle,omitempty"`
	// log is that of all that was counted; worse and notWorse are the evidence for
	// ratios beyond the tolerance, and below the regression worth catching.
	// +optional
	// +listType=atomic
	Log []float64 `json:"log,omitempty"`
	// +optional
	// +listType=atomic
	Worse []float64 `json:"worse,omitempty"`
	// +optional
	// +listType=atomic
	NotWorse []float64 `json:"notWorse,omitempty"`
}

// Counts are what was counted on both sides.
type Counts struct {
	CanaryBad     float64 `json:"canaryBad"`
	CanaryTotal   float64 `json:"canaryTotal"`
	BaselineBad   float64 `json:"baselineBad"`
	BaselineTotal float64 `json:"baselineTotal"`
}
