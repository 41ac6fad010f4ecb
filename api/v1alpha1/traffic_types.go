package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Traffic is which requests a canary gets.
//
// +kubebuilder:validation:XValidation:rule="self.source == 'Weighted' || !has(self.weight) && !has(self.drain)",message="weight and drain are for source Weighted; take them off, or set that"
type Traffic struct {
	// source is where the canary's requests come from. Service: from the Deployment's
	// Services; each canary pod gets the share that its number gives it. Weighted: from
	// routes (HTTPRoute and GRPCRoute of the namespace) that send requests to a Service of the
	// Deployment. While the run has traffic they carry a weight for the canary, laid over what
	// their user asked for; its pods are behind a Service of their own, and
	// behind none of the Deployment's.
	// +optional
	// +kubebuilder:default=Service
	Source TrafficSource `json:"source,omitempty"`

	// weight is the share of requests in percent that the canary gets, in a plan
	// without steps and in steps that say none. It is of the requests that a route sends to the
	// Deployment's Service; what it sends to others stays as it is.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Weight *int32 `json:"weight,omitempty"`

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
// +kubebuilder:validation:Enum=Service;Weighted
type TrafficSource string

// The sources of traffic.
const (
	TrafficService  TrafficSource = "Service"
	TrafficWeighted TrafficSource = "Weighted"
)

// Weighted says whether routes give the canary its share of the requests.
func (s *CanaryPlanSpec) Weighted() bool {
	return s.Traffic != nil && s.Traffic.Source == TrafficWeighted
}

// WeightStatus is the share of requests that routes give a canary.
type WeightStatus struct {
	// percent is the share.
	Percent int32 `json:"percent"`
	// since is when it was laid over the routes, or taken off them.
	Since metav1.Time `json:"since"`
	// routes are those that carry it, as kind/name.
	// +optional
	// +listType=set
	Routes []string `json:"routes,omitempty"`
}
