package planqueries

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/objects"
)

// lookup is what queries need beside the pods.
type lookup struct {
	r          *Reconciler
	namespace  string
	deployment objects.Deployment
	pods       map[string][]string
}

// Endpoint is asked with what policies demand now.
func (l lookup) Endpoint(ctx context.Context, name string) (measure.Endpoint, error) {
	demands, err := l.r.Objects.DemandsIn(ctx, l.namespace)
	if err != nil {
		return measure.Endpoint{}, err
	}
	return l.r.Endpoints(l.namespace, name, demands.MatcherTexts())
}

// Probes are not read for a plan.
func (l lookup) Probes(context.Context) (measure.Endpoint, error) {
	return measure.Endpoint{}, errors.New("probes are read when a run begins")
}

// Stable are the same pods.
func (l lookup) Stable(context.Context) (map[string][]string, error) { return l.pods, nil }

// Service is the one that sends requests to the pods of the Deployment, as it would to a canary's.
func (l lookup) Service(ctx context.Context) (string, error) {
	if l.deployment.Unstructured == nil {
		return nobody, nil
	}
	template, err := l.r.Objects.StableTemplate(ctx, l.deployment)
	if err != nil {
		return "", err
	}
	set := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"template": template}}}
	set.SetNamespace(l.namespace)
	return l.r.Objects.ServiceFor(ctx, set)
}

// DeploymentLabels are not asked for by queries.
func (l lookup) DeploymentLabels(context.Context) (map[string]string, error) {
	return map[string]string{}, nil
}

// PodLabels neither.
func (l lookup) PodLabels(context.Context, analysis.Pod) (map[string]string, error) {
	return map[string]string{}, nil
}
