package evaluator

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/objects"
)

// subject is the run as it is measured: by the names of its pods, which are known.
func (o observed) subject() measure.Subject {
	s := measure.SubjectOf(o.Snapshot)
	s.UID = o.run.UID
	s.PodNames = map[string][]string{
		o.canaryName():   namesOf(o.ownCanary, o.Pods),
		o.baselineName(): namesOf(o.ownBaseline, o.BaselinePods),
	}
	return s
}

// lookup finds out for the measuring of a run what stands in the cluster.
type lookup struct {
	g    *gatherer
	seen observed
}

func (g *gatherer) lookup(seen observed) measure.Lookup { return lookup{g, seen} }

// Endpoint is asked as policies demand now: what they put on queries is for runs
// under way too.
func (l lookup) Endpoint(ctx context.Context, name string) (measure.Endpoint, error) {
	ns, err := l.g.objects.Namespace(ctx, l.seen.run.Namespace)
	if err != nil {
		return measure.Endpoint{}, err
	}
	demands, err := l.g.objects.Demands(ctx, ns.Labels)
	if err != nil {
		return measure.Endpoint{}, err
	}
	return l.g.endpoints(l.seen.run.Namespace, name, demands.MatcherTexts())
}

func (l lookup) Stable(ctx context.Context) (map[string][]string, error) {
	return l.g.stable.pods(ctx, l.seen.run, l.seen.deployment)
}

func (l lookup) Service(ctx context.Context) (string, error) {
	if l.seen.canary == nil {
		return "", nil
	}
	return l.g.objects.ServiceFor(ctx, l.seen.canary)
}

func (l lookup) DeploymentLabels(ctx context.Context) (map[string]string, error) {
	d := l.seen.deployment
	if d.Unstructured == nil {
		return map[string]string{}, nil
	}
	return l.g.objects.Labels(ctx, d.GroupVersionKind(), d)
}

func (l lookup) PodLabels(ctx context.Context, pod analysis.Pod) (map[string]string, error) {
	cached := metav1.ObjectMeta{Namespace: l.seen.run.Namespace, Name: pod.Name, Labels: pod.Labels}
	return l.g.objects.Labels(ctx, objects.PodKind, &metav1.PartialObjectMetadata{ObjectMeta: cached})
}
