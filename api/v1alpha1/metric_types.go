package v1alpha1

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Metric is one criterion: what is looked at, and what it must be.
//
// Exactly one of query, expect, labels, alerts and compare.count says what is
// looked at. What a query finds is judged by exactly one of range, deviation,
// list and compare; the others know by themselves what is good.
//
// +kubebuilder:validation:XValidation:rule="[has(self.query), has(self.expect), has(self.labels), has(self.alerts), has(self.compare) && has(self.compare.count)].exists_one(given, given)",message="needs exactly one of query, expect, labels, alerts and compare.count"
// +kubebuilder:validation:XValidation:rule="!has(self.query) || [has(self.range), has(self.deviation), has(self.list), has(self.compare)].exists_one(given, given)",message="query needs exactly one of range, deviation, list and compare, to be judged by"
// +kubebuilder:validation:XValidation:rule="!has(self.compare) || has(self.query) || has(self.compare.count)",message="compare needs a query whose values are compared, or count"
// +kubebuilder:validation:XValidation:rule="!has(self.compare) || !has(self.over) && !has(self.per)",message="over and per are not for compare, which asks for all windows since Ready, of all pods together"
// +kubebuilder:validation:XValidation:rule="has(self.query) || !has(self.range) && !has(self.deviation) && !has(self.list)",message="range, deviation and list judge a query; take them off, or write a query"
// +kubebuilder:validation:XValidation:rule="has(self.expect) || !has(self.source) || self.source == 'Probe' && (has(self.query) || has(self.compare))",message="source is for expect, and Probe for query and compare too; any other query names its metrics itself"
// +kubebuilder:validation:XValidation:rule="has(self.expect) || !has(self.statusLabel)",message="statusLabel is for expect; a query names its labels itself"
// +kubebuilder:validation:XValidation:rule="has(self.query) || has(self.expect) || !has(self.over) && !has(self.per) && !has(self.window)",message="over, per and window are for query and expect"
// +kubebuilder:validation:XValidation:rule="has(self.over) || !has(self.samples)",message="samples needs over: an instant query has one sample of each series"
// +kubebuilder:validation:XValidation:rule="has(self.per) || !has(self.podLabel)",message="podLabel needs per: Pod"
// +kubebuilder:validation:XValidation:rule="!has(self.deviation) || self.deviation.from == 'One' || !has(self.over)",message="deviation from First or Previous takes the value of an instant query; leave over out, and put avg_over_time(…) or max_over_time(…) around the query instead"
type Metric struct {
	// name tells the metric from the others of its plan, in events and status.
	// "pods" is the health of the canary pods, which every run is judged by.
	// +required
	// +kubebuilder:validation:XValidation:rule="self != 'pods'",message="is the health of the canary pods, which every run is judged by; choose another name"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`

	// query is PromQL that gives a scalar or a vector. These are filled in
	// before it is sent: {{canary}} and {{stable}} with the label matchers that
	// select those pods, {{namespace}}, {{deployment}}, {{service}},
	// {{interval}} and {{window}} with what they say. Every series it gives must be good.
	// A query that compare judges has {{pods}} instead, and is asked once of each side.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=8192
	Query string `json:"query,omitempty"`

	// expect is a built-in criterion on the canary's requests, whose query is
	// made for the source: "success >= 99%" or "P99 < 310ms".
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Expect string `json:"expect,omitempty"`

	// labels fails the canary when a label appears, on a canary pod or on the Deployment.
	// +optional
	Labels *LabelWatch `json:"labels,omitempty"`

	// alerts fails the canary when an alert of Prometheus fires.
	// +optional
	Alerts *AlertWatch `json:"alerts,omitempty"`

	// source is what measures the requests that expect is about; that of the
	// analysis if it is not said. A query or a comparison may say Probe: then it is
	// asked about what Holdfast's probes measure, and not of a Prometheus, unless
	// analysis.endpoint names one.
	// +optional
	Source Source `json:"source,omitempty"`

	// statusLabel is the label by which success tells how a request ended, for the
	// source PrometheusClient; "code" if it is not said. Its values are a status of
	// HTTP ("503", "5xx", "503 Service Unavailable") or of gRPC ("Unavailable"; by
	// number where the label has grpc in its name). Where requests have no such
	// label, or none of such a form, the measurement is an error and no success.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-zA-Z_][-a-zA-Z0-9_./]*$`
	StatusLabel string `json:"statusLabel,omitempty"`

	// window is what {{window}} stands for, and what built-in queries look
	// back over; 2m or the interval of the analysis, whichever is longer. It
	// never reaches back before the canary was Ready.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be at least 1s"
	Window *metav1.Duration `json:"window,omitempty"`

	// over makes it a range query, whose samples are judged one by one.
	// +optional
	Over *Over `json:"over,omitempty"`

	// samples is which samples of each series must be good: All, Last, or a
	// share such as "90%". It needs over; without it, All.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	// +kubebuilder:validation:Pattern=`^(All|Last|([1-9][0-9]?|100)%)$`
	Samples string `json:"samples,omitempty"`

	// per: Pod judges each canary pod by its own series. Every pod must have
	// one: a pod without is missing data, whatever the others say. Series of
	// other pods are left alone.
	// +optional
	Per Per `json:"per,omitempty"`

	// podLabel is the label of the series that names the pod; that by which
	// Holdfast knows pods (a flag, usually "pod") if it is not said.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-zA-Z_][-a-zA-Z0-9_./]*$`
	PodLabel string `json:"podLabel,omitempty"`

	// range is what every value must lie in, ends included.
	// +optional
	Range Range `json:"range,omitempty,omitzero"`

	// deviation is how far a value may lie from 1, from the first value or from
	// the one before.
	// +optional
	Deviation *Deviation `json:"deviation,omitempty"`

	// list judges values by a label: what share of them is not on a list of
	// good ones, or is on a list of bad ones.
	// +optional
	List *List `json:"list,omitempty"`

	// compare judges the canary by other pods at the same time, most of all by
	// those of the baseline.
	// +optional
	Compare *Comparison `json:"compare,omitempty"`

	// failureLimit is how many failed measurements of this metric in a row are
	// borne. If it is not said it is 0 for labels and alerts, which somebody has
	// judged already, and for compare, which is sure when it fails; and that of the
	// analysis for all others.
	// +optional
	// +kubebuilder:validation:Minimum=0
	FailureLimit *int32 `json:"failureLimit,omitempty"`
}

// Source is what measures the requests of a pod: which Prometheus metrics there
// are, and under what names and labels. Probe is the sidecar that Holdfast puts into
// pods. The evaluator reads it from the pods itself, so that no Prometheus is needed,
// unless analysis.endpoint names one that does.
//
// +kubebuilder:validation:Enum=PrometheusClient;Istio;Linkerd;Probe;NGINXIngress;EnvoyGateway;Traefik
type Source string

// The sources that built-in queries exist for. Those of the second group
// measure in front of the Service: they cannot tell its pods apart.
const (
	SourcePrometheusClient Source = "PrometheusClient"
	SourceIstio            Source = "Istio"
	SourceLinkerd          Source = "Linkerd"
	SourceProbe            Source = "Probe"

	SourceNGINXIngress Source = "NGINXIngress"
	SourceEnvoyGateway Source = "EnvoyGateway"
	SourceTraefik      Source = "Traefik"
)

// ReadsProbes says whether a metric is measured by reading probes, and not by asking
// a Prometheus: one that the plan names has what it scraped of them.
func (a *Analysis) ReadsProbes(m Metric) bool {
	return m.Source == SourceProbe && a.Endpoint == ""
}

// ReadsAnyProbes says whether any of its metrics is.
func (a *Analysis) ReadsAnyProbes() bool { return slices.ContainsFunc(a.Metrics, a.ReadsProbes) }

// OnlyReadsProbes says whether a plan has metrics that read probes, and none for which a
// Prometheus is asked.
func (s *CanaryPlanSpec) OnlyReadsProbes() bool {
	reads := false
	for _, m := range s.AllMetrics() {
		switch {
		case s.Analysis.ReadsProbes(m):
			reads = true
		case m.Labels == nil:
			return false
		}
	}
	return reads
}

// Per says what is judged by series of its own.
//
// +kubebuilder:validation:Enum=Pod
type Per string

// PerPod judges each canary pod by its own series.
const PerPod Per = "Pod"

// Values of samples besides a share.
const (
	SamplesAll  = "All"
	SamplesLast = "Last"
)

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

// IsZero says whether there is no range at all: one without ends is none.
func (r Range) IsZero() bool { return r.Min == nil && r.Max == nil }

// Over is the time that a range query looks back over.
//
// +kubebuilder:validation:XValidation:rule="!has(self.step) || duration(self.step) <= duration(self.duration)",message="step must not be longer than duration"
type Over struct {
	// duration is how far back the query looks. It never reaches back before
	// the canary was Ready.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be at least 1s"
	Duration metav1.Duration `json:"duration"`
	// step is the time between two samples.
	// +optional
	// +kubebuilder:default="15s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be at least 1s"
	Step *metav1.Duration `json:"step,omitempty"`
}
