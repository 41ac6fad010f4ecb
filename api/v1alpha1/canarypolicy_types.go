package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// CanaryPolicy is what an administrator demands of the canaries of some
// namespaces, whoever owns them. Where several select a namespace, the strictest
// of each demand counts.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=cpolicy,categories=holdfast
// +kubebuilder:printcolumn:name="Guard",type=string,JSONPath=`.spec.guard`
// +kubebuilder:printcolumn:name="Min period",type=string,JSONPath=`.spec.limits.minPeriod`
// +kubebuilder:printcolumn:name="Max replicas",type=string,JSONPath=`.spec.limits.maxReplicas`
// +kubebuilder:printcolumn:name="Metrics",type=string,JSONPath=`.spec.metrics[*].name`
// +kubebuilder:printcolumn:name="Namespaces",type=integer,JSONPath=`.status.namespaceCount`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type CanaryPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is demanded, and where.
	// +required
	Spec CanaryPolicySpec `json:"spec"`

	// status is which namespaces the policy selects.
	// +optional
	Status CanaryPolicyStatus `json:"status,omitempty,omitzero"`
}

// CanaryPolicyList is a list of CanaryPolicies.
//
// +kubebuilder:object:root=true
type CanaryPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []CanaryPolicy `json:"items"`
}

// CanaryPolicySpec is what is demanded, and where.
type CanaryPolicySpec struct {
	// namespaceSelector selects namespaces by their labels; {} selects all but
	// kube-system and that of Holdfast. Who owns a namespace cannot take it out:
	// labels that would are refused.
	// +required
	// +kubebuilder:validation:XValidation:rule="!has(self.matchExpressions) || self.matchExpressions.all(e, e.operator in ['In', 'NotIn'] ? has(e.values) && size(e.values) > 0 : e.operator in ['Exists', 'DoesNotExist'] && (!has(e.values) || size(e.values) == 0))",message="operators are In and NotIn, with values, and Exists and DoesNotExist, without"
	NamespaceSelector metav1.LabelSelector `json:"namespaceSelector"`

	// guard says that the namespaces are guarded, whatever their annotation and
	// those of their Deployments say: enabled (updates pass while Holdfast is
	// down) or required (they are refused then). Without it the policy sets
	// bounds where people opted in by themselves.
	// +optional
	Guard Guard `json:"guard,omitempty"`

	// limits are the bounds of every plan. A plan beyond one is brought within it
	// when a run begins.
	// +optional
	Limits PolicyLimits `json:"limits,omitempty,omitzero"`

	// metrics are added to every plan. What a plan says of a metric of the same
	// name counts for nothing, and so does the source that it names: an expect
	// without one is that of PrometheusClient. They are asked of the endpoint that
	// the plan names; prometheus.endpoints says which it may.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Metrics []Metric `json:"metrics,omitempty"`

	// plans are offered to all namespaces, to be named as their own are. One
	// called "default" serves those that have none of that name.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Plans []OfferedPlan `json:"plans,omitempty"`

	// freezeWindows are added to those of every plan.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	FreezeWindows []FreezeWindow `json:"freezeWindows,omitempty"`

	// allow narrows down who may do what of those that RBAC lets.
	// +optional
	Allow PolicyAllow `json:"allow,omitempty,omitzero"`

	// restartMarks are what tells a restart, which passes without a canary, from an
	// update, in the place of what is known (kubectl, Rancher, Reloader and others) and of
	// what Holdfast's administrator and plans name: keys of annotations of pod templates,
	// and STAKATER_* for the variables by which Reloader restarts. What is not said leaves
	// those that are known and the administrator's, and where no policy guards those of
	// plans; an empty list leaves kubectl rollout restart. Of several policies what is on
	// all lists counts; one that guards and has none leaves what is known.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=317
	// +kubebuilder:validation:items:Pattern=`^(STAKATER_\*|([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)$`
	RestartMarks []string `json:"restartMarks,omitempty"`

	// prometheus says what the queries of the namespaces may ask.
	// +optional
	Prometheus PolicyPrometheus `json:"prometheus,omitempty,omitzero"`

	// hooks says which servers the plans of the namespaces may have asked.
	// +optional
	Hooks PolicyHooks `json:"hooks,omitempty,omitzero"`
}

// Guard is how a namespace is guarded.
//
// +kubebuilder:validation:Enum=enabled;required
type Guard string

// How a namespace can be guarded.
const (
	GuardEnabled  Guard = CanaryEnabled
	GuardRequired Guard = CanaryRequired
)

// PolicyLimits are the bounds of every plan.
//
// +kubebuilder:validation:XValidation:rule="!has(self.minPeriod) || !has(self.maxDeadline) || duration(self.minPeriod) < duration(self.maxDeadline)",message="minPeriod must be shorter than maxDeadline, or no run could pass"
type PolicyLimits struct {
	// minPeriod is the shortest time that all steps of a plan take together. The
	// last step of a shorter plan is made longer. Nothing ends early then.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be at least 1s"
	// +kubebuilder:validation:XValidation:rule="duration(self) <= duration('8760h')",message="must be 8760h (a year) at most"
	MinPeriod *metav1.Duration `json:"minPeriod,omitempty"`

	// maxInterval is the longest time between measurements, and from Ready to the
	// first one.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be at least 1s"
	MaxInterval *metav1.Duration `json:"maxInterval,omitempty"`

	// maxReplicas is the largest canary: a number of pods, or a share of the
	// Deployment's replicas such as "10%" (rounded up, at least 1).
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=4
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 1 && self <= 1000 : self.matches('^([1-9][0-9]?|100)%$')",message="must be a number from 1 to 1000, or a share from \"1%\" to \"100%\""
	MaxReplicas *intstr.IntOrString `json:"maxReplicas,omitempty"`

	// maxDeadline is the longest time from the making of a canary to its verdict,
	// pauses included. A plan that freezes what failed reverts it instead.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be at least 1s"
	MaxDeadline *metav1.Duration `json:"maxDeadline,omitempty"`

	// maxRuns is how many runs of each namespace may have a canary at once.
	// +optional
	// +kubebuilder:validation:Minimum=1
	MaxRuns *int32 `json:"maxRuns,omitempty"`

	// recreateDelay is how long after its deletion a Deployment of a guarded
	// namespace cannot be made anew with another pod template: that would be an
	// update without a canary. 1h where it is not said and the policy has guard; 0s
	// lets everybody.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	RecreateDelay *metav1.Duration `json:"recreateDelay,omitempty"`

	// maxFailureLimit is the greatest failureLimit of an analysis and of its metrics.
	// +optional
	// +kubebuilder:validation:Minimum=0
	MaxFailureLimit *int32 `json:"maxFailureLimit,omitempty"`

	// maxRestartLimit is the greatest restartLimit.
	// +optional
	// +kubebuilder:validation:Minimum=0
	MaxRestartLimit *int32 `json:"maxRestartLimit,omitempty"`

	// maxWeight is the largest share of the requests, in percent, that routes give a
	// canary in any step.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	MaxWeight *int32 `json:"maxWeight,omitempty"`

	// requestMatch says by what plans may have requests go to the canary beside its weight (match). maxWeight
	// does not bound these: a match may be of all requests there are. Any: by all that a match can say. Exact:
	// by headers of one value; no regular expressions and no cookies. None: by nothing. Where a plan says more
	// it is taken off, and a step without a weight has a weight of 1. What is not said is Any.
	// +optional
	RequestMatch RequestMatchLimit `json:"requestMatch,omitempty"`

	// trafficSources are those that plans may have (traffic.source). A plan with
	// another has Service instead: its pods are behind the Deployment's Services, and no route
	// is changed. What is not said leaves all; so Service is on every list.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:XValidation:rule="'Service' in self",message="must have Service, which is what a plan with another source becomes"
	TrafficSources []TrafficSource `json:"trafficSources,omitempty"`

	// probe is whether plans may have a sidecar measure requests (probe). Allowed: they may. None: they may not;
	// it is taken off a plan that has one, and what is asked of it has no data then. What is not said is
	// Allowed.
	// +optional
	Probe ProbeLimit `json:"probe,omitempty"`

	// probeCapture is how the requests of plans may come to such a sidecar (probe.capture).
	// Name: by the names of ports.
	// Redirect: by rules of the pod's network too, for which the pods of canaries and baselines get an init
	// container with the capability NET_ADMIN that runs as root.
	// Where no policy says it, it is Name. A plan that asks for more is refused.
	// +optional
	ProbeCapture ProbeCapture `json:"probeCapture,omitempty"`

	// maxProbeResources are the most CPU and memory that such a sidecar may request, and be limited to. Where
	// CPU is said, it has a limit of that.
	// +optional
	MaxProbeResources ProbeAmounts `json:"maxProbeResources,omitempty,omitzero"`
}

// ProbeLimit is whether plans may have a sidecar measure requests.
//
// +kubebuilder:validation:Enum=Allowed;None
type ProbeLimit string

// Whether plans may have a sidecar measure requests.
const (
	ProbeAllowed ProbeLimit = "Allowed"
	ProbeNone    ProbeLimit = "None"
)

// RequestMatchLimit is by what plans may have requests go to the canary beside its weight.
//
// +kubebuilder:validation:Enum=Any;Exact;None
type RequestMatchLimit string

// By what plans may have requests go to the canary beside its weight.
const (
	RequestMatchAny   RequestMatchLimit = "Any"
	RequestMatchExact RequestMatchLimit = "Exact"
	RequestMatchNone  RequestMatchLimit = "None"
)

// Allows says whether a plan may have a match.
func (l RequestMatchLimit) Allows(match *RequestMatch) bool {
	switch {
	case match == nil:
		return true
	case l == RequestMatchExact:
		return match.IsPortable()
	}
	return l != RequestMatchNone
}

// OfferedPlan is a plan that all namespaces of a policy may name.
type OfferedPlan struct {
	// name is what it is named by.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`
	// spec is the plan.
	// +required
	Spec CanaryPlanSpec `json:"spec"`
}

// PolicyAllow narrows down who may do what. What is not said is left to RBAC; an
// empty list is nobody.
type PolicyAllow struct {
	// skip is who may update without a canary, of those who may bypass canaryruns.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Skip []Subject `json:"skip,omitempty"`
	// promote is who may promote runs and approve steps, of those who may update canaryruns.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Promote []Subject `json:"promote,omitempty"`
	// abort is who may abort runs, of those who may update canaryruns.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Abort []Subject `json:"abort,omitempty"`
}

// Subject is a user, a group or a ServiceAccount.
//
// +kubebuilder:validation:XValidation:rule="has(self.namespace) == (self.kind == 'ServiceAccount')",message="namespace is for a ServiceAccount, and needed there"
type Subject struct {
	// kind is what it is.
	// +required
	Kind SubjectKind `json:"kind"`
	// name is its name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// namespace is that of a ServiceAccount.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
}

// SubjectKind is what a subject is.
//
// +kubebuilder:validation:Enum=User;Group;ServiceAccount
type SubjectKind string

// What a subject can be.
const (
	SubjectUser           SubjectKind = "User"
	SubjectGroup          SubjectKind = "Group"
	SubjectServiceAccount SubjectKind = "ServiceAccount"
)

// PolicyPrometheus says what the queries of the namespaces may ask.
type PolicyPrometheus struct {
	// endpoints are those that plans may name, of the ones that are defined for
	// Holdfast; "default" is the one of plans that name none. What is not said
	// leaves all; an empty list leaves none.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Endpoints []string `json:"endpoints,omitempty"`

	// matchers of PromQL, such as namespace="{{namespace}}", are put on every
	// selector of every query, beside those of the endpoint's own tenancy.
	// {{namespace}} in a value stands for the namespace of the run. A query on
	// which they cannot be put is refused.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=3
	// +kubebuilder:validation:items:MaxLength=256
	Matchers []string `json:"matchers,omitempty"`
}

// CanaryPolicyStatus is which namespaces a policy selects.
type CanaryPolicyStatus struct {
	// observedGeneration is the generation of the spec that the rest is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// namespaceCount is how many namespaces the policy selects.
	// +optional
	NamespaceCount int32 `json:"namespaceCount"`
	// namespaces are their names, in order, a hundred at most.
	// +optional
	// +listType=atomic
	Namespaces []string `json:"namespaces,omitempty"`
	// conditions say whether the policy is followed (Ready), and why not.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// The condition of a policy and its reasons.
const (
	// ConditionReady of a policy: it can be followed.
	ConditionReady = "Ready"
	// ReasonFollowed: the policy is right.
	ReasonFollowed = "Followed"
	// ReasonPolicyInvalid: a part of it cannot be followed.
	ReasonPolicyInvalid = "Invalid"
)
