package objects

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Every round of every run lists the run's ReplicaSets and pods, every change of a Deployment its runs, and
// every end of a run those that wait for its place. Without an index the cache looks at all there are in the
// namespace each time, which grows with the square of the runs.

// Index is by what the cache finds objects of a kind; tests give it to theirs.
type Index struct {
	Object client.Object
	Field  string
	Of     client.IndexerFunc
}

const (
	ofRun        = "of-run"
	ofDeployment = "of-deployment"
	onDeployment = "on-deployment"
	inQueue      = "in-queue"
)

// Indexes are those that the evaluator's cache must have.
func Indexes() []Index {
	run, deployment := labelled(v1alpha1.RunLabel), labelled(v1alpha1.DeploymentLabel)
	return []Index{
		{&corev1.Pod{}, ofRun, run}, {&appsv1.ReplicaSet{}, ofRun, run},
		{&v1alpha1.CanaryRun{}, ofDeployment, deployment}, {&v1alpha1.CanaryRun{}, onDeployment, deploymentOf},
		{&v1alpha1.CanaryRun{}, inQueue, queued},
	}
}

// AddIndexes gives a cache its indexes, before it starts.
func AddIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	for _, i := range Indexes() {
		if err := indexer.IndexField(ctx, i.Object, i.Field, i.Of); err != nil {
			return fmt.Errorf("index of %T by %s: %w", i.Object, i.Field, err)
		}
	}
	return nil
}

func labelled(label string) client.IndexerFunc {
	return func(o client.Object) []string {
		if value, ok := o.GetLabels()[label]; ok {
			return []string{value}
		}
		return nil
	}
}

func deploymentOf(o client.Object) []string {
	if run, ok := o.(*v1alpha1.CanaryRun); ok {
		return []string{run.Spec.Deployment}
	}
	return nil
}

// queued says of a run that waits for a place that it does.
func queued(o client.Object) []string {
	run, ok := o.(*v1alpha1.CanaryRun)
	if ok && (run.Status.Reason == v1alpha1.ReasonQueued || run.Status.Reason == v1alpha1.ReasonQueuedInCluster) {
		return []string{"yes"}
	}
	return nil
}

// InQueue selects the runs in the cache that wait for a place, in all namespaces.
func InQueue() client.ListOption { return client.MatchingFields{inQueue: "yes"} }

// OfRun selects the ReplicaSets and pods in the cache that bear the label of a run.
func OfRun(namespace, name string) client.ListOption {
	return inNamespace{namespace, client.MatchingFields{ofRun: v1alpha1.LabelValue(name)}}
}

// OfDeployment selects the runs in the cache that bear the label of a Deployment.
func OfDeployment(namespace, name string) client.ListOption {
	return inNamespace{namespace, client.MatchingFields{ofDeployment: v1alpha1.LabelValue(name)}}
}

// OnDeployment selects the runs in the cache that name a Deployment, those too that users made without its
// label.
func OnDeployment(namespace, name string) client.ListOption {
	return inNamespace{namespace, client.MatchingFields{onDeployment: name}}
}

// inNamespace is a selection by an index in one namespace.
type inNamespace struct {
	namespace string
	by        client.MatchingFields
}

// ApplyToList implements client.ListOption.
func (s inNamespace) ApplyToList(o *client.ListOptions) {
	client.InNamespace(s.namespace).ApplyToList(o)
	s.by.ApplyToList(o)
}
