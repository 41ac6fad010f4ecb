package endpoint

import (
	"path"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/internal/outbound"
)

// Default is the name of the endpoint of plans that name none.
const Default = "default"

// Definition is a Prometheus server, or what speaks its HTTP API.
type Definition struct {
	// Name is what plans call it by.
	Name string `json:"name"`
	// Target is where it is, and who Holdfast is there. The URL is what stands before /api/v1/query.
	outbound.Target `json:",inline"`
	// Namespaces are the namespaces whose plans may name it: names, or patterns
	// such as team-*. Without any, those of all namespaces may.
	Namespaces []string `json:"namespaces,omitempty"`
	// Labels are those by which series name a pod.
	Labels PodLabels `json:"labels,omitempty,omitzero"`
	// Tenancy keeps the queries of each namespace to series of its own.
	Tenancy Tenancy `json:"tenancy,omitempty,omitzero"`
	// ScrapeInterval is how often it takes samples of pods; 15s.
	ScrapeInterval metav1.Duration `json:"scrapeInterval,omitempty,omitzero"`
	// Delay is how long after it was taken a sample can be asked for at the latest. All rounds are asked for as
	// long ago, and what they look back over lies before that.
	Delay metav1.Duration `json:"delay,omitempty,omitzero"`
	// Arguments are sent with every query beside its own, for example latency_offset for VictoriaMetrics.
	Arguments map[string]string `json:"arguments,omitempty"`
	// Limits are on what is asked of it and taken from it.
	Limits Limits `json:"limits,omitempty,omitzero"`
}

// PodLabels are the labels of series that name a pod's namespace and the pod.
type PodLabels struct {
	Namespace string `json:"namespace,omitempty"`
	Pod       string `json:"pod,omitempty"`
}

// Limits keep one server from taking more than its share of Holdfast, and
// Holdfast from taking more than its share of a server.
type Limits struct {
	// Timeout is for one query, waiting for a turn included.
	Timeout metav1.Duration `json:"timeout,omitempty,omitzero"`
	// Concurrency is how many queries are asked at once.
	Concurrency int `json:"concurrency,omitempty"`
	// MaxResponse is the largest answer that is read, unpacked.
	MaxResponse resource.Quantity `json:"maxResponse,omitempty,omitzero"`
}

// Defaults of an endpoint.
const (
	DefaultScrapeInterval = 15 * time.Second
	DefaultTimeout        = 10 * time.Second
	DefaultConcurrency    = 8
	DefaultMaxResponse    = 4 << 20 // bytes
)

// SetDefaults fills in what is not said; labels come from the flags.
func (e *Definition) SetDefaults(labels PodLabels) {
	if e.Labels.Namespace == "" {
		e.Labels.Namespace = labels.Namespace
	}
	if e.Labels.Pod == "" {
		e.Labels.Pod = labels.Pod
	}
	if e.ScrapeInterval.Duration == 0 {
		e.ScrapeInterval.Duration = DefaultScrapeInterval
	}
	if e.Limits.Timeout.Duration == 0 {
		e.Limits.Timeout.Duration = DefaultTimeout
	}
	if e.Limits.Concurrency == 0 {
		e.Limits.Concurrency = DefaultConcurrency
	}
	if e.Limits.MaxResponse.IsZero() {
		e.Limits.MaxResponse = *resource.NewQuantity(DefaultMaxResponse, resource.BinarySI)
	}
}

// Serves says whether the plans of a namespace may name the endpoint.
func (e *Definition) Serves(namespace string) bool {
	if len(e.Namespaces) == 0 {
		return true
	}
	for _, pattern := range e.Namespaces {
		if ok, err := path.Match(pattern, namespace); ok && err == nil {
			return true
		}
	}
	return false
}
