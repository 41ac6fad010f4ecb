package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Traffic is which requests a canary gets.
//
// +kubebuilder:validation:XValidation:rule="self.source in ['Weighted', 'Mirror'] || !has(self.weight) && !has(self.drain) && !has(self.match) && !has(self.increment) && !has(self.maximum)",message="weight, match, increment, maximum and drain are for source Weighted, and all but match for Mirror; take them off, or set that"
// +kubebuilder:validation:XValidation:rule="self.source != 'Mirror' || !has(self.match)",message="match is for source Weighted: all requests of a route are mirrored, or a percentage of them (weight); take it off"
// +kubebuilder:validation:XValidation:rule="has(self.increment) == has(self.maximum)",message="increment and maximum go together: the weight of the first step, and that of the last"
// +kubebuilder:validation:XValidation:rule="!has(self.increment) || !has(self.weight)",message="increment says the weight of each step; take weight off, or increment and maximum"
// +kubebuilder:validation:XValidation:rule="!has(self.increment) || !has(self.maximum) || self.increment <= self.maximum && self.maximum <= 16 * self.increment",message="maximum must be from increment to 16 times increment: a plan has 16 steps at most"
type Traffic struct {
	// source is where the canary's requests come from.
	// Service: from the Deployment's Services; each canary pod gets the share that its number gives it.
	// Weighted: from routes (HTTPRoute, GRPCRoute and Istio's VirtualService of the namespace) that send
	// requests to a Service of the Deployment. While the run has traffic they carry a weight for the canary,
	// laid over what their user asked for.
	// Mirror: from the same routes, as copies of requests whose answers nobody sees; who sends them is answered
	// by production. Only where the gateway lists that it can.
	// CanaryService: from whoever sends them to a Service of the canary's own, named like the Deployment's with
	// -canary behind it; none of production.
	// Both: from the Deployment's Services, and from that one.
	// None: from nowhere, as for what works on a queue.
	// With Weighted, Mirror, CanaryService and None the canary's pods are behind none of the Deployment's
	// Services.
	// +optional
	// +kubebuilder:default=Service
	Source TrafficSource `json:"source,omitempty"`

	// weight is the share of requests in percent that the canary gets, in a plan
	// without steps and in steps that say none. It is of the requests that a route sends to the
	// Deployment's Service; what it sends to others stays as it is. With Mirror it is the percentage of requests
	// that is copied, of each rule that sends any to the Deployment's Service; default 100.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Weight *int32 `json:"weight,omitempty"`

	// match says which requests the canary gets whatever its weight, in a plan without steps and in steps
	// that say none: for each rule that sends requests to the Deployment's Service the routes have one more,
	// with these headers in each of its matches, that sends them to the canary. With a match and no weight the
	// canary gets those alone.
	// +optional
	Match *RequestMatch `json:"match,omitempty"`

	// increment and maximum are short for steps: of weight increment, twice increment, and so on, and maximum in
	// the last. Each has the size of the plan (replicas) and takes analysis.period. A plan with them has no
	// steps of its own.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Increment *int32 `json:"increment,omitempty"`

	// maximum is the weight of the last step, where increment says that of the first.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Maximum *int32 `json:"maximum,omitempty"`

	// drain is how long canary pods stay after routes send them nothing any more, for
	// gateways to hear of it and for requests to be answered. Default 5s.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('10m')",message="must be from 0s to 10m"
	Drain *metav1.Duration `json:"drain,omitempty"`
}

// TrafficSource is where a canary's requests come from.
//
// +kubebuilder:validation:Enum=Service;Weighted;Mirror;CanaryService;Both;None
type TrafficSource string

// The sources of traffic.
const (
	TrafficService       TrafficSource = "Service"
	TrafficWeighted      TrafficSource = "Weighted"
	TrafficMirror        TrafficSource = "Mirror"
	TrafficCanaryService TrafficSource = "CanaryService"
	TrafficBoth          TrafficSource = "Both"
	TrafficNone          TrafficSource = "None"
)

// TrafficSources are all of them.
var TrafficSources = []TrafficSource{TrafficService, TrafficWeighted, TrafficMirror, TrafficCanaryService, TrafficBoth, TrafficNone}

// TrafficSource is where the canary's requests come from.
func (s *CanaryPlanSpec) TrafficSource() TrafficSource {
	if s.Traffic == nil || s.Traffic.Source == "" {
		return TrafficService
	}
	return s.Traffic.Source
}

// Apart says whether the canary's pods are behind none of the Deployment's Services.
func (s *CanaryPlanSpec) Apart() bool {
	source := s.TrafficSource()
	return source.ByRoutes() || source == TrafficCanaryService || source == TrafficNone
}

// Served says whether the canary has Services of its own.
func (s *CanaryPlanSpec) Served() bool {
	source := s.TrafficSource()
	return source.ByRoutes() || source == TrafficCanaryService || source == TrafficBoth
}

// ByRoutes says whether routes give a canary its requests: a share of them, or copies.
func (s TrafficSource) ByRoutes() bool { return s == TrafficWeighted || s == TrafficMirror }

// ByRoutes says whether routes give the canary its requests.
func (s *CanaryPlanSpec) ByRoutes() bool { return s.TrafficSource().ByRoutes() }

// Mirrored says whether the requests of the canary are copies.
func (s *CanaryPlanSpec) Mirrored() bool { return s.TrafficSource() == TrafficMirror }

// WeightStatus is the share of requests that routes give a canary.
type WeightStatus struct {
	// percent is the share.
	Percent int32 `json:"percent"`
	// match says which requests it gets beside that.
	// +optional
	Match *RequestMatch `json:"match,omitempty"`
	// since is when it was laid over the routes, or taken off them.
	Since metav1.Time `json:"since"`
	// routes are those that carry it, as kind/name; while a share comes off, those that were seen to carry one
	// still.
	// +optional
	// +listType=set
	Routes []string `json:"routes,omitempty"`
}

// IsSomething says whether routes give the canary any requests.
func (w *WeightStatus) IsSomething() bool { return w != nil && (w.Percent > 0 || w.Match != nil) }
