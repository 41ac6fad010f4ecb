package measure

import (
	"context"
	"errors"

	"holdfast.dev/holdfast/evaluator/analysis"
)

// Past is the Lookup of a rollout of the past, of which a Prometheus knows.
type Past struct {
	Endpoints EndpointFunc
	Namespace string
	// StablePods are the names of the pods of the ReplicaSets that had some before.
	StablePods map[string][]string
}

var errNotRecorded = errors.New("labels of objects are not recorded")

// Endpoint finds the endpoint of a plan; no policy demanded anything.
func (p Past) Endpoint(_ context.Context, name string) (Endpoint, error) {
	return p.Endpoints(p.Namespace, name, nil)
}

// Probes is the default endpoint: of the past only a Prometheus can tell that scraped them.
func (p Past) Probes(context.Context) (Endpoint, error) { return p.Endpoints(p.Namespace, "", nil) }

// Stable is StablePods.
func (p Past) Stable(context.Context) (map[string][]string, error) { return p.StablePods, nil }

// Service is none beside the one in the status.
func (p Past) Service(context.Context) (string, error) { return "", nil }

// DeploymentLabels is an error: nobody has recorded them.
func (p Past) DeploymentLabels(context.Context) (map[string]string, error) {
	return nil, errNotRecorded
}

// PodLabels is an error: nobody has recorded them.
func (p Past) PodLabels(context.Context, analysis.Pod) (map[string]string, error) {
	return nil, errNotRecorded
}
