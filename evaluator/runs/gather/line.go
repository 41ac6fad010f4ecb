package gather

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/listing"
)

// gatherLine reads what the place of a run in its queue depends on, from the cache.
func (g *Gatherer) gatherLine(ctx context.Context, seen *Observed) error {
	return g.readLine(ctx, g.eachCachedRun, seen)
}

// GatherLineNow reads the same from the API server itself.
func (g *Gatherer) GatherLineNow(ctx context.Context, seen *Observed) error {
	if err := g.readLine(ctx, g.eachLiveRun, seen); err != nil {
		return err
	}
	seen.Line.Live = true
	return nil
}

// eachRun visits the runs of a namespace, "" being all, which visit must not change.
type eachRun func(ctx context.Context, namespace string, visit func(*v1alpha1.CanaryRun)) error

func (g *Gatherer) eachCachedRun(ctx context.Context, namespace string, visit func(*v1alpha1.CanaryRun)) error {
	var runs v1alpha1.CanaryRunList
	if err := g.Objects.Cached.List(ctx, &runs, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	for i := range runs.Items {
		visit(&runs.Items[i])
	}
	return nil
}

// eachLiveRun asks the API server itself, however many there are: a place is not to be
// given twice because somebody has many runs.
func (g *Gatherer) eachLiveRun(ctx context.Context, namespace string, visit func(*v1alpha1.CanaryRun)) error {
	return g.Objects.Live.Each(ctx, listing.Query{
		Kind: v1alpha1.GroupVersion.WithKind("CanaryRun"), Namespace: namespace, Most: listing.NoLimit,
	}, func(object []byte) error {
		run, err := listing.Decode[v1alpha1.CanaryRun](object)
		if err == nil {
			visit(&run)
		}
		return err
	})
}

// readLine reads the other runs: those of the namespace, or of the cluster where
// that has a limit.
func (g *Gatherer) readLine(ctx context.Context, each eachRun, seen *Observed) error {
	if !lifecycle.NeedsLine(seen.Snapshot, g.MaxRuns) {
		return nil
	}
	where := metav1.NamespaceAll
	if g.MaxRuns == 0 {
		where = seen.CanaryRun.Namespace
	}
	// A canary made in a step that was cut short stands in no status.
	var sets appsv1.ReplicaSetList
	if err := g.Objects.Cached.List(ctx, &sets, client.InNamespace(where), client.HasLabels{v1alpha1.RunLabel}, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list ReplicaSets of runs: %w", err)
	}
	canaries := map[types.NamespacedName]bool{}
	for i := range sets.Items {
		canaries[types.NamespacedName{Namespace: sets.Items[i].Namespace, Name: sets.Items[i].Labels[v1alpha1.RunLabel]}] = true
	}
	seen.Line = lifecycle.Line{ClusterLimit: g.MaxRuns}
	err := each(ctx, where, func(run *v1alpha1.CanaryRun) {
		if run.UID == seen.CanaryRun.UID || run.Status.Phase.Ended() || run.DeletionTimestamp != nil || !lifecycle.TakesPlace(run.Spec) {
			return
		}
		seen.Line.Others = append(seen.Line.Others, lifecycle.Other{
			Namespace: run.Namespace, Name: run.Name, CreatedAt: run.CreationTimestamp.Time, Reason: run.Status.Reason,
			HasCanary: run.Status.CreatedAt != nil || canaries[client.ObjectKeyFromObject(run)],
		})
	})
	if err != nil {
		return fmt.Errorf("list runs: %w", err)
	}
	return nil
}
