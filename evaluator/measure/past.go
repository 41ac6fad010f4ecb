package measure

import (
	"context"
	"errors"

	"holdfast.dev/holdfast/evaluator/analysis"
)

// PastLookup is the Lookup of a rollout of the past, of which a Prometheus knows.
type PastLookup struct {
	Endpoints EndpointFunc
	Namespace string
	// StablePods are the names of the pods of the ReplicaSets that had some before.
	StablePods map[string][]string
}

var errNotRecorded = errors.New("labels of objects are not recorded")

// Endpoint finds the endpoint of a plan; no policy demanded anything.
func (p PastLookup) Endpoint(_ context.Context, name string) (Endpoint, error) {
	return p.Endpoints(p.Namespace, name, nil)
}

// Probes is the default endpoint: of the past only a Prometheus can tell that scraped them.
func (p PastLookup) Probes(context.Context) (Endpoint, error) {
	return p.Endpoints(p.Namespace, "", nil)
}

// Stable is StablePods.
func (p PastLookup) Stable(context.Context) (map[string][]string, error) { return p.StablePods, nil }

// Service is none beside the one in the status.
func (p PastLookup) Service(context.Context) (string, error) { return "", nil }

// DeploymentLabels is an error: nobody has recorded them.
func (p PastLookup) DeploymentLabels(context.Context) (map[string]string, error) {
	return nil, errNotRecorded
}

// PodLabels is an error: nobody has recorded them.
func (p PastLookup) PodLabels(context.Context, analysis.Pod) (map[string]string, error) {
	return nil, errNotRecorded
}
