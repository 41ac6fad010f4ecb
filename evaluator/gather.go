package evaluator

import (
	"context"
	"errors"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/guard"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/plan/inline"
)

// observed is all that is known of a run: what it is planned from, and the
// objects that actions write to.
type observed struct {
	lifecycle.Snapshot
	run        *v1alpha1.CanaryRun
	deployment objects.Deployment
	record     *hold.Record
	// sets are the ReplicaSets of the run, by name.
	sets map[string]*appsv1.ReplicaSet
	// ownCanary and ownBaseline are what is known of the run's sets and their pods.
	ownCanary, ownBaseline *v1alpha1.OwnSet
	// canary is the ReplicaSet to make, where one may have to be made.
	canary *unstructured.Unstructured
}

// gatherer reads what the next step of a run depends on.
type gatherer struct {
	objects   *objects.Reader
	writer    client.Writer // of dry runs
	clock     clock.PassiveClock
	endpoints measure.Endpoints
	// maxRuns is how many runs of the cluster may have a canary at once; 0 is no limit.
	maxRuns int
	stable  *stableFinder
	looks   *looks
}

// canaryName and baselineName are the names of the run's sets in this attempt.
func (o observed) canaryName() string {
	return v1alpha1.CanaryName(o.run.Name, lifecycle.AttemptOf(o.run.Status))
}

func (o observed) baselineName() string {
	return v1alpha1.BaselineName(o.run.Name, lifecycle.AttemptOf(o.run.Status))
}

// gather reads what the next step of a run depends on. Nearly all of it comes
// from the cache; the API server itself is asked only while a run waits for a rollout.
func (g *gatherer) gather(ctx context.Context, run *v1alpha1.CanaryRun) (observed, error) {
	seen := observed{run: run, Snapshot: lifecycle.Snapshot{
		Now: g.clock.Now(),
		Run: lifecycle.Run{
			Namespace: run.Namespace, Name: run.Name, CreatedAt: run.CreationTimestamp.Time,
			Deleting: run.DeletionTimestamp != nil, Spec: run.Spec, Status: run.Status,
		},
	}}
	for _, gather := range []func(context.Context, *observed) error{
		g.gatherDeployment, g.gatherPolicies, g.gatherSets, g.gatherPlan, g.gatherRollout, g.gatherTemplate, g.gatherRoom, g.gatherOwn, g.gatherLine, g.gatherStable, g.gatherAround,
	} {
		if err := gather(ctx, &seen); err != nil {
			return observed{}, err
		}
	}
	return seen, nil
}

func (g *gatherer) gatherDeployment(ctx context.Context, seen *observed) error {
	d, err := g.objects.Deployment(ctx, types.NamespacedName{Namespace: seen.run.Namespace, Name: seen.run.Spec.Deployment})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !seen.run.Spec.ByHand() && !d.Owns(seen.run) { // another Deployment of the same name
		return nil
	}
	ns, err := g.objects.Namespace(ctx, d.GetNamespace())
	if err != nil {
		return err
	}
	seen.deployment = d
	view := d.View()
	seen.Deployment = lifecycle.Deployment{
		Exists:   true,
		Deleting: d.GetDeletionTimestamp() != nil,
		Guarded:  guard.Guarded(ns.Annotations, ns.Labels, d.GetAnnotations()),
		Paused:   view.Paused(),
		Hash:     string(d.Alias().Resolve(d.Hash())),
		Replicas: d.Replicas(),
		MinReady: int32(view.MinReadySeconds()),

		Recreates:        view.Recreates(),
		ProgressDeadline: view.ProgressDeadline(),
		Rejected:         rejects(d, seen.run),
		Skipped:          letThrough(d, seen.run),
	}
	seen.Deployment.BesideRecreate, _ = inline.BesideRecreate(d.GetAnnotations()) // what is no word is none
	record, err := g.objects.OpenRecord(d)
	switch {
	case err != nil:
		seen.Deployment.Unreadable = err.Error()
	case record != nil && record.Run == seen.run.Name:
		seen.record = record
		seen.Deployment.Held, seen.Deployment.Waiting = record.ID, record.Next != nil
	case record != nil: // another run's hold, whatever ID this one claims
		seen.Deployment.Held = "of run " + record.Run
	}
	return nil
}

func (g *gatherer) gatherStable(ctx context.Context, seen *observed) error {
	g.stable.gather(ctx, seen.run, seen.deployment, lifecycle.AnalysisOf(seen.Snapshot).Metrics)
	return nil
}

func (g *gatherer) gatherAround(ctx context.Context, seen *observed) (err error) {
	seen.Around, err = g.looks.gather(ctx, seen.beside())
	return err
}

// lookBeforeVerdict looks once more beside the Deployment before a verdict is written, and plans anew.
func (g *gatherer) lookBeforeVerdict(ctx context.Context, seen *observed, next lifecycle.Move) (lifecycle.Move, error) {
	found, again, err := g.looks.beforeVerdict(ctx, seen.beside(), next)
	if err != nil || !again {
		return next, err
	}
	seen.Around = found
	return lifecycle.Next(seen.Snapshot), nil
}

func (o observed) beside() beside {
	return beside{snapshot: o.Snapshot, deployment: o.deployment, record: o.record}
}

// BeginTerm forgets what was known in the last term.
func (g *gatherer) beginTerm() { g.stable.beginTerm() }

// forget forgets a run that is gone.
func (g *gatherer) forget(run types.NamespacedName) {
	g.stable.forget(run)
	g.looks.forget(run)
}

// rejects says whether a Deployment's memory has the rejection by a run.
func rejects(d objects.Deployment, run *v1alpha1.CanaryRun) bool {
	memory, err := hold.ParseRejected(d.Annotation(v1alpha1.RejectedAnnotation), d.GetUID())
	if err != nil {
		return false // a memory that cannot be read remembers nothing
	}
	return slices.ContainsFunc(memory, func(r hold.Rejection) bool {
		return r.Run == run.Name && string(r.Hash) == run.Spec.TemplateHash
	})
}

func (g *gatherer) gatherRollout(ctx context.Context, seen *observed) error {
	if !seen.Deployment.Exists || seen.Deployment.Deleting || !lifecycle.NeedsRollout(seen.run.Status) {
		return nil
	}
	sets, err := g.objects.ReplicaSets(ctx, seen.deployment)
	if errors.Is(err, listing.ErrTooMuch) {
		seen.Rollout = lifecycle.Rollout{State: lifecycle.RolloutUnderWay, Message: objects.TooManyReplicaSets}
		return nil
	}
	if err != nil {
		return err
	}
	for i := range sets { // as the template is known
		sets[i].Hash = string(seen.deployment.Alias().Resolve(hold.Hash(sets[i].Hash)))
	}
	seen.Rollout = lifecycle.RolloutOf(seen.Deployment, sets, seen.deployment.Progressing())
	return g.gatherUnschedulable(ctx, seen)
}

// letThrough says whether the template of a run was let through by a skip.
func letThrough(d objects.Deployment, run *v1alpha1.CanaryRun) bool {
	skipped, err := hold.ParseSkipped(d.Annotation(v1alpha1.SkippedAnnotation))
	return err == nil && string(skipped.Hash) == run.Spec.TemplateHash && !skipped.At.Before(run.CreationTimestamp.Time)
}
