// Package gather reads all that the next step of a run depends on, and whose the pods are that it finds.
package gather

import (
	"context"
	"errors"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/probes"
	"holdfast.dev/holdfast/evaluator/runs/around"
	"holdfast.dev/holdfast/evaluator/runs/byrun"
	"holdfast.dev/holdfast/evaluator/runs/stablepods"
	"holdfast.dev/holdfast/evaluator/traffic"
	"holdfast.dev/holdfast/internal/guard"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/plan/inline"
)

// Observed is all that is known of a run: what it is planned from, and the
// objects that actions write to.
type Observed struct {
	lifecycle.Snapshot
	// CanaryRun is the run with the status that it has come to, Stored with the one that stands in the cluster.
	CanaryRun, Stored *v1alpha1.CanaryRun
	DeploymentObject  objects.Deployment
	// Held is what the Deployment's record says, where it is that of this run; nil otherwise. See Record.
	Held *hold.Outline
	// Sets are the ReplicaSets of the run, by name.
	Sets map[string]*appsv1.ReplicaSet
	// ownCanary and ownBaseline are what is known of the run's sets and their pods.
	ownCanary, ownBaseline *v1alpha1.OwnSet
	// Ours says that this evaluator wrote the run as it is stored, and nobody else since.
	Ours bool
	// NewCanary is the ReplicaSet to make, where one has to be made.
	NewCanary *unstructured.Unstructured
	// read is what something at this look has asked for, and made the ReplicaSets that were made a moment ago.
	read *onDemand
	made *madeSets
	// Autoscalers are the HorizontalPodAutoscalers of the run, where lifecycle.NeedsAutoscaler says so.
	Autoscalers []autoscalingv2.HorizontalPodAutoscaler
	// probeImage is that of the sidecar that measures requests, "" where there is none to be had.
	probeImage string
	// TrafficRun is what must be known of the run to find its routes and Services, where lifecycle.NeedsTraffic
	// says so.
	TrafficRun traffic.Run
}

// Gatherer reads what the next step of a run depends on.
type Gatherer struct {
	Objects   *objects.Reader
	Writer    client.Writer // of dry runs
	Clock     clock.PassiveClock
	Endpoints measure.EndpointFunc
	// MaxRuns is how many runs of the cluster may have a canary at once; 0 is no limit.
	MaxRuns int
	Stable  *stablepods.Finder
	Looks   *around.Looks
	// ProbeImage is that of the sidecar that measures requests; without it no pod has one.
	ProbeImage string
	// Probes reads the probes of the pods of runs.
	Probes *probes.Reader
	// Router finds the routes of a Deployment.
	Router *traffic.Router

	made madeSets
	// outlines are those of the records that were opened last.
	outlines byrun.Memory[outlined]
}

// CanaryName is the name of the run's canary in this attempt.
func (o Observed) CanaryName() string {
	return v1alpha1.CanaryName(o.CanaryRun.Name, lifecycle.AttemptOf(o.CanaryRun.Status))
}

// BaselineName is the name of the run's baseline in this attempt.
func (o Observed) BaselineName() string {
	return v1alpha1.BaselineName(o.CanaryRun.Name, lifecycle.AttemptOf(o.CanaryRun.Status))
}

// Gather reads what the next step of a run depends on. Nearly all of it comes
// from the cache; the API server itself is asked only while a run waits for a rollout.
func (g *Gatherer) Gather(ctx context.Context, run *v1alpha1.CanaryRun, since time.Time) (Observed, error) {
	seen := Observed{CanaryRun: run, read: new(onDemand), made: &g.made, probeImage: g.ProbeImage, Snapshot: lifecycle.Snapshot{
		Now: g.Clock.Now(), Since: since,
		Run: lifecycle.Run{
			Namespace: run.Namespace, Name: run.Name, CreatedAt: run.CreationTimestamp.Time,
			Deleting: run.DeletionTimestamp != nil, Spec: run.Spec, Status: run.Status,
		},
	}}
	for _, gather := range []func(context.Context, *Observed) error{
		g.gatherDeployment, g.gatherPolicies, g.gatherSets, g.gatherPlan, g.gatherRollout, g.gatherTemplate, g.gatherRoom, g.gatherOwn, g.gatherProbes, g.gatherLine, g.gatherStable, g.gatherAround, g.gatherTraffic, g.gatherAutoscaler,
	} {
		if err := gather(ctx, &seen); err != nil {
			return Observed{}, err
		}
	}
	return seen, nil
}

func (g *Gatherer) gatherDeployment(ctx context.Context, seen *Observed) error {
	d, err := g.Objects.Deployment(ctx, types.NamespacedName{Namespace: seen.CanaryRun.Namespace, Name: seen.CanaryRun.Spec.Deployment})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !seen.CanaryRun.Spec.ByHand() && !d.Owns(seen.CanaryRun) { // another Deployment of the same name
		return nil
	}
	ns, err := g.Objects.Namespace(ctx, d.GetNamespace())
	if err != nil {
		return err
	}
	seen.DeploymentObject = d
	view := d.View()
	seen.Deployment = lifecycle.Deployment{
		Exists:   true,
		Deleting: d.GetDeletionTimestamp() != nil,
		Guarded:  guard.Guarded(ns.Annotations, ns.Labels, d.GetAnnotations()),
		Paused:   view.Paused(),
		Hash:     string(g.Objects.Alias(d).Resolve(d.Hash())),
		Replicas: d.Replicas(),
		MinReady: int32(view.MinReadySeconds()),

		Recreates:        view.Recreates(),
		ProgressDeadline: view.ProgressDeadline(),
		Rejected:         rejects(d, seen.CanaryRun),
		Skipped:          letThrough(d, seen.CanaryRun),
	}
	seen.Deployment.BesideRecreate, _ = inline.BesideRecreate(d.GetAnnotations()) // what is no word is none
	held, err := g.outline(seen)
	switch {
	case err != nil:
		seen.Deployment.Unreadable = err.Error()
	case held != nil && held.Run == seen.CanaryRun.Name:
		seen.Held = held
		seen.Deployment.Held, seen.Deployment.Waiting = held.ID, held.Waiting
	case held != nil: // another run's hold, whatever ID this one claims
		seen.Deployment.Held = "of run " + held.Run
	}
	return nil
}

func (g *Gatherer) gatherStable(ctx context.Context, seen *Observed) error {
	g.Stable.Gather(ctx, seen.CanaryRun, seen.DeploymentObject, lifecycle.AnalysisOf(seen.Snapshot).Metrics)
	return nil
}

func (g *Gatherer) gatherAround(ctx context.Context, seen *Observed) (err error) {
	seen.Around, err = g.Looks.Gather(ctx, g.site(*seen))
	return err
}

// LookAround looks beside the Deployment now, whatever is remembered.
func (g *Gatherer) LookAround(ctx context.Context, seen *Observed) (err error) {
	seen.Around, err = g.Looks.Now(ctx, g.site(*seen))
	return err
}

func (g *Gatherer) site(o Observed) around.Site {
	return around.Site{Snapshot: o.Snapshot, Deployment: o.DeploymentObject, Held: o.Held, Stable: func(ctx context.Context) (hold.Template, error) {
		return o.StableTemplate(ctx, g.Objects)
	}, Record: func() (*hold.Record, error) {
		return o.Record(g.Objects)
	}}
}

// BeginTerm forgets what was known in the last term.
func (g *Gatherer) BeginTerm() {
	g.Stable.BeginTerm()
	g.Probes.BeginTerm()
	g.made.forgetAll()
	g.outlines.Reset()
}

// Forget forgets a run that is gone.
func (g *Gatherer) Forget(run types.NamespacedName) {
	g.Stable.Forget(run)
	g.Probes.Forget(run)
	g.Looks.Forget(run)
	g.outlines.Forget(run)
	g.made.forget(run)
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

func (g *Gatherer) gatherRollout(ctx context.Context, seen *Observed) error {
	if !seen.Deployment.Exists || seen.Deployment.Deleting || !lifecycle.NeedsRollout(seen.CanaryRun.Status) {
		return nil
	}
	sets, err := g.Objects.ReplicaSets(ctx, seen.DeploymentObject)
	if errors.Is(err, listing.ErrTooMuch) {
		seen.Rollout = lifecycle.RolloutProgress{State: lifecycle.RolloutUnderWay, Message: objects.TooManyReplicaSets}
		return nil
	}
	if err != nil {
		return err
	}
	for i := range sets { // as the template is known
		sets[i].Hash = string(g.Objects.Alias(seen.DeploymentObject).Resolve(hold.Hash(sets[i].Hash)))
	}
	seen.Rollout = lifecycle.RolloutOf(seen.Deployment, sets, seen.DeploymentObject.Progressing())
	return g.gatherUnschedulable(ctx, seen)
}

// letThrough says whether the template of a run was let through by a skip.
func letThrough(d objects.Deployment, run *v1alpha1.CanaryRun) bool {
	skipped, err := hold.ParseSkipped(d.Annotation(v1alpha1.SkippedAnnotation))
	return err == nil && string(skipped.Hash) == run.Spec.TemplateHash && !skipped.At.Before(run.CreationTimestamp.Time)
}
