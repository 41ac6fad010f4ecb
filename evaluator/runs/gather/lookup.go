package gather

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/objects"
)

// Subject is the run as it is measured: by the names of its pods, which are known.
func (o Observed) Subject() measure.Subject {
	s := measure.SubjectOf(o.Snapshot)
	s.UID = o.CanaryRun.UID
	s.PodNames = map[string][]string{
		o.CanaryName():   namesOf(o.ownCanary, o.Pods),
		o.BaselineName(): namesOf(o.ownBaseline, o.BaselinePods),
	}
	return s
}

// lookup finds out for the measuring of a run what stands in the cluster.
type lookup struct {
	g    *Gatherer
	seen Observed
}

// Lookup is where the measuring of a run looks things up.
func (g *Gatherer) Lookup(seen Observed) measure.Lookup { return lookup{g, seen} }

// Endpoint is asked as policies demand now: what they put on queries is for runs
// under way too.
func (l lookup) Endpoint(ctx context.Context, name string) (measure.Endpoint, error) {
	demands, err := l.g.Objects.DemandsIn(ctx, l.seen.CanaryRun.Namespace)
	if err != nil {
		return measure.Endpoint{}, err
	}
	return l.g.Endpoints(l.seen.CanaryRun.Namespace, name, demands.MatcherTexts())
}

func (l lookup) Probes(context.Context) (measure.Endpoint, error) {
	return l.g.Probes.Endpoint(client.ObjectKeyFromObject(l.seen.CanaryRun))
}

func (l lookup) Stable(ctx context.Context) (map[string][]string, error) {
	return l.g.Stable.Pods(ctx, l.seen.CanaryRun, l.seen.DeploymentObject)
}

func (l lookup) Service(ctx context.Context) (string, error) {
	built, err := l.g.canaryAsBuilt(ctx, l.seen)
	if err != nil || built == nil {
		return "", err
	}
	return l.g.Objects.ServiceFor(ctx, built)
}

func (l lookup) DeploymentLabels(ctx context.Context) (map[string]string, error) {
	d := l.seen.DeploymentObject
	if d.Unstructured == nil {
		return map[string]string{}, nil
	}
	return l.g.Objects.Labels(ctx, d.GroupVersionKind(), d)
}

func (l lookup) PodLabels(ctx context.Context, pod analysis.Pod) (map[string]string, error) {
	cached := metav1.ObjectMeta{Namespace: l.seen.CanaryRun.Namespace, Name: pod.Name, Labels: pod.Labels}
	return l.g.Objects.Labels(ctx, objects.PodKind, &metav1.PartialObjectMetadata{ObjectMeta: cached})
}
