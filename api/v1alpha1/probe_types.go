package v1alpha1

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Probe has a sidecar in the pods of a canary and of its baseline measure the requests that come to them. It
// stands in front of the application's ports; capture says how requests come to it. probe: {} is enough,
// and is meant where a metric has source: Probe.
type Probe struct {
	// capture is how requests come to the sidecar. Name: it takes over the names of the ports, so Services whose
	// targetPort is a name send their requests through it, and those whose targetPort is a number send them past
	// it; nothing else is needed.
	// Redirect: rules of nftables in the pod bring it every connection to the ports, whatever the targetPort,
	// with names or without. An init container that has the capability NET_ADMIN, and runs as root, writes them:
	// a CanaryPolicy must allow that (limits.probeCapture), and so must the namespace's Pod Security Standard. A
	// pod all of whose ports can be measured by their names needs no more than Name.
	// +optional
	// +kubebuilder:default=Name
	Capture ProbeCapture `json:"capture,omitempty"`

	// ports are those that are measured: TCP ports that have a name in the pod template. Without any, all of
	// them are, of all containers but init containers, up to 8. Left out are then those whose names have a word
	// for metrics or health (such as http-metrics, health), or for a protocol in which the server speaks first
	// (such as mysql, smtp, tcp-x). With capture Redirect ports without a name are measured too, and go by their
	// numbers.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	Ports []ProbePort `json:"ports,omitempty"`

	// resources are those of the sidecar, requests and limits of cpu and memory. What is not said is
	// 10m of CPU and 32Mi of memory that are requested, and 128Mi of memory at most. Where each container of the
	// pod has a limit of its CPU it has one too, for quotas ask for that: 500m, if it is not said. In a pod all
	// of whose containers request what they are limited to it does so too, and leaves the pod its class.
	// +optional
	Resources ProbeResources `json:"resources,omitempty,omitzero"`
}

// ProbePort is a port of an application that is measured.
type ProbePort struct {
	// name is that of the port in the pod template. With capture Redirect it may be a number, such as "8080": of
	// a port that has no name, or that no container says it has.
	// +required
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`

	// protocol is how what comes at it is read. Auto: HTTP/1.1, HTTP/2 in clear text and gRPC are read as
	// requests; of what begins otherwise, such as TLS, connections are counted. TCP: connections are counted, of
	// every protocol; it is for those in which the server speaks first.
	// +optional
	// +kubebuilder:default=Auto
	Protocol ProbeProtocol `json:"protocol,omitempty"`
}

// ProbeCapture is how requests come to the sidecar that measures them.
//
// +kubebuilder:validation:Enum=Name;Redirect
type ProbeCapture string

// How requests come to the sidecar that measures them.
const (
	ProbeByName     ProbeCapture = "Name"
	ProbeByRedirect ProbeCapture = "Redirect"
)

// ProbeProtocol is how what comes at a port is read.
//
// +kubebuilder:validation:Enum=Auto;TCP
type ProbeProtocol string

// How what comes at a port can be read.
const (
	ProbeAuto ProbeProtocol = "Auto"
	ProbeTCP  ProbeProtocol = "TCP"
)

// ProbeResources are those of the sidecar that measures requests.
type ProbeResources struct {
	// requests are what it requests.
	// +optional
	Requests ProbeAmounts `json:"requests,omitempty,omitzero"`

	// limits are what it has at most.
	// +optional
	Limits ProbeAmounts `json:"limits,omitempty,omitzero"`
}

// ProbeAmounts are amounts of what the sidecar that measures requests needs.
type ProbeAmounts struct {
	// cpu is how much CPU, such as 10m.
	// +optional
	CPU *resource.Quantity `json:"cpu,omitempty"`

	// memory is how much memory, such as 32Mi.
	// +optional
	Memory *resource.Quantity `json:"memory,omitempty"`
}

// setProbeDefaults fills in what a probe does not say. What follows from another field has no default in the
// CustomResourceDefinition; a run has it in its copy of the plan.
func (s *CanaryPlanSpec) setProbeDefaults() {
	if s.Probe != nil {
		s.Probe.SetDefaults()
	}
}

// ImplyProbe gives a plan that says nothing of a probe the one that its metrics ask: there is no other way to
// answer these. It is no default of the plan, for a policy may take the probe off.
func (s *CanaryPlanSpec) ImplyProbe() {
	asks := func(m Metric) bool {
		return m.Source == SourceProbe || m.Source == "" && m.Expect != "" && s.Analysis.Source == SourceProbe
	}
	if s.Probe == nil && slices.ContainsFunc(s.AllMetrics(), asks) {
		s.Probe = &Probe{}
		s.Probe.SetDefaults()
	}
}

// SetDefaults fills in what a probe does not say.
func (p *Probe) SetDefaults() {
	setDefaultText(&p.Capture, ProbeByName)
	for i := range p.Ports {
		setDefaultText(&p.Ports[i].Protocol, ProbeAuto)
	}
	requests, limits := &p.Resources.Requests, &p.Resources.Limits
	setRequest(&requests.CPU, "10m", limits.CPU)
	setRequest(&requests.Memory, "32Mi", limits.Memory)
	if limits.Memory == nil {
		limits.Memory = larger(resource.MustParse("128Mi"), *requests.Memory)
	}
}

// setRequest sets an amount that is requested, which is never more than the limit.
func setRequest(request **resource.Quantity, amount string, limit *resource.Quantity) {
	if *request != nil {
		return
	}
	value := resource.MustParse(amount)
	if limit != nil && limit.Cmp(value) < 0 {
		value = limit.DeepCopy()
	}
	*request = &value
}

func larger(a, b resource.Quantity) *resource.Quantity {
	if a.Cmp(b) < 0 {
		a = b.DeepCopy()
	}
	return &a
}
