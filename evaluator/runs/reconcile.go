// Package runs takes runs on, one step at a look: gather what is known (package gather), plan the next move
// (package lifecycle), apply its actions (package act), write the status, and tell of it.
package runs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/gates"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/refusal"
	"holdfast.dev/holdfast/evaluator/runs/act"
	"holdfast.dev/holdfast/evaluator/runs/checkpoint"
	"holdfast.dev/holdfast/evaluator/runs/gather"
	"holdfast.dev/holdfast/evaluator/tell"
)

// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=apps,resources=replicasets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=core,resources=pods,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=core,resources=services,verbs=list
// +kubebuilder:rbac:groups=core,resources=namespaces,verbs=get;list;watch
// +kubebuilder:rbac:groups=holdfast.dev,resources=canaryplans,verbs=get;list;watch
// +kubebuilder:rbac:groups=holdfast.dev,resources=canarypolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=holdfast.dev,resources=canaryruns,verbs=get;list;watch
// +kubebuilder:rbac:groups=holdfast.dev,resources=canaryruns/status,verbs=patch
// Owner references that block the deletion of their owner need these where the
// admission plugin OwnerReferencesPermissionEnforcement is on.
// +kubebuilder:rbac:groups=apps,resources=deployments/finalizers,verbs=update
// +kubebuilder:rbac:groups=holdfast.dev,resources=canaryruns/finalizers,verbs=update
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// roundPoll is how often a run is looked at while a round of it is under way:
// deadlines are kept whatever becomes of that.
const roundPoll = time.Minute

// Reconciler takes runs on.
type Reconciler struct {
	Objects  *objects.Reader
	Writer   client.Client
	Teller   tell.Teller
	Metrics  *tell.Metrics
	Gatherer *gather.Gatherer
	Executor *act.Executor
	// Memory is what is known of runs beyond their statuses.
	Memory *checkpoint.Memory
	// places keeps two runs from taking one place.
	places sync.Mutex
	// Hooks asks those of plans.
	Hooks *gates.Asker
	// Wake has a run looked at.
	Wake func(types.NamespacedName)

	// rounds are those of the term in which this replica leads, and told what was told in it.
	rounds *measure.Rounds
	told   *told
	// paces are how often the runs of namespaces are measured, and scalers which autoscalers these have.
	paces   paces
	scalers scalers
}

// Stretch is how many times longer than plans say intervals are, in the namespace where that is most.
func (r *Reconciler) Stretch() float64 { return r.paces.most() }

// BeginTerm forgets what was known in the last term.
func (r *Reconciler) BeginTerm() {
	r.told = newTold()
	r.rounds = measure.NewRounds()
	r.rounds.Wake = func(run types.NamespacedName) { r.Wake(run) }
	r.Hooks.BeginTerm()
	r.Gatherer.BeginTerm()
	r.Memory.BeginTerm()
	r.paces.forgetAll()
}

// Reconcile takes a run one step on: gather, plan, apply, write, tell. Where
// the plan asks for a round of measurements, the step is taken when that is done.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	run := &v1alpha1.CanaryRun{}
	if err := r.Objects.Cached.Get(ctx, req.NamespacedName, run); err != nil {
		r.rounds.Forget(req.NamespacedName)
		r.told.forget(req.NamespacedName)
		r.Gatherer.Forget(req.NamespacedName)
		r.Memory.Forget(req.NamespacedName)
		r.Hooks.Forget(req.NamespacedName)
		r.paces.forget(req.NamespacedName)
		if apierrors.IsNotFound(err) {
			err = errors.Join(r.Executor.StopAutoscalingOfGone(ctx, req.NamespacedName), r.Executor.DeletePodsOfGone(ctx, req.NamespacedName), r.Executor.TakeSharesOfGone(ctx, req.NamespacedName))
		}
		return ctrl.Result{}, err
	}
	known := r.Memory.Recall(run, r.Gatherer.Clock.Now())
	if known.Behind {
		return ctrl.Result{RequeueAfter: objects.ConflictRetry}, nil
	}
	seen, err := r.Gatherer.Gather(ctx, known.Run, known.Since)
	seen.Stored, seen.Ours = run, known.Ours
	seen.Answers = r.Hooks.Answers(run)
	if run.Status.Phase.Ended() {
		r.paces.forget(req.NamespacedName)
	} else {
		seen.Stretch = r.paces.stretch(req.NamespacedName)
	}
	if now := r.Gatherer.Clock.Now(); err != nil && lifecycle.BegunQuietly(run.Status, known.Run.Status, now) { // it is not kept from people any longer
		err = errors.Join(err, r.writeStatus(ctx, run, lifecycle.Written(known.Run.Status, now)))
	}
	if errors.Is(err, objects.ErrStale) {
		return ctrl.Result{RequeueAfter: objects.ConflictRetry}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	r.tell(seen, run.Status)
	round, release := r.rounds.Take(seen.Subject())
	defer release()
	seen.Round = round
	return r.plan(ctx, seen)
}

// plan plans the next step and carries it out. What the plan asks for is looked up first, and planned with
// anew; a round of measurements takes its time, and wakes the run.
func (r *Reconciler) plan(ctx context.Context, seen gather.Observed) (ctrl.Result, error) {
	next := lifecycle.Next(seen.Snapshot)
	switch ask := next.Ask.(type) {
	case lifecycle.Measure:
		beside, err := r.besideRound(ctx, seen, ask.Questions)
		if err != nil {
			return ctrl.Result{}, err
		}
		r.rounds.Start(ctx, seen.Subject(), r.Gatherer.Lookup(seen), ask.At, beside)
		return ctrl.Result{RequeueAfter: roundPoll}, nil
	case lifecycle.LookAround:
		if err := r.Gatherer.LookAround(ctx, &seen); err != nil {
			return ctrl.Result{}, err
		}
		return r.plan(ctx, seen)
	case lifecycle.CountPlaces: // one run at a time takes a place, so that no two take the same
		r.places.Lock()
		defer r.places.Unlock()
		if err := r.Gatherer.GatherLineNow(ctx, &seen); err != nil {
			return ctrl.Result{}, err
		}
		return r.plan(ctx, seen)
	}
	return r.carryOut(ctx, seen, next)
}

// Measured is closed when the round of a run that is under way is there; nil if none is. Tests wait for it.
func (r *Reconciler) Measured(run types.NamespacedName) <-chan struct{} { return r.rounds.Done(run) }

// carryOut takes the actions of a plan, keeps its status and tells of it.
func (r *Reconciler) carryOut(ctx context.Context, seen gather.Observed, next lifecycle.Move) (ctrl.Result, error) {
	next, err := r.apply(ctx, seen, next)
	status, written := r.Gatherer.Noted(seen, shown(next.Status)), false
	if err == nil {
		status, written, err = r.keep(ctx, seen, status)
	}
	switch {
	case apierrors.IsConflict(err) || errors.Is(err, objects.ErrStale):
		ctrl.LoggerFrom(ctx).V(1).Info("something has changed meanwhile, looking again", "why", err.Error())
		return ctrl.Result{RequeueAfter: objects.ConflictRetry}, nil
	case err != nil:
		return ctrl.Result{}, err
	}
	known := r.told.run(seen.CanaryRun)
	known.unlogged = nil
	r.count(ctx, seen, seen.CanaryRun.Status, status)
	if written {
		r.tell(seen, status)
	}
	if err := r.putQuestions(ctx, seen, next.Questions); err != nil {
		return ctrl.Result{}, err
	}
	if again, ok := lifecycle.Forgettable(status, r.delivered(seen.CanaryRun), seen.Now); ok && (next.Requeue == 0 || again < next.Requeue) {
		next.Requeue = max(again, time.Millisecond)
	}
	return ctrl.Result{RequeueAfter: next.Requeue}, nil
}

// apply takes the actions of a plan, in their order, and returns the plan with the
// status to write. An action that the API server refuses ends the course, for good
// or for now: the status then says so instead.
func (r *Reconciler) apply(ctx context.Context, seen gather.Observed, p lifecycle.Move) (lifecycle.Move, error) {
	known := r.told.run(seen.CanaryRun)
	for _, action := range p.Actions {
		done, err := r.Executor.Execute(ctx, seen, action)
		known.did(done)
		if err == nil {
			continue
		}
		if message, refused := act.LastWord(err); refused {
			if status, ok := lifecycle.Refused(seen.Snapshot, action, message); ok {
				return lifecycle.Move{Status: status, Requeue: p.Requeue}, nil
			}
		} else if message, full := refusal.ByQuota(err); full {
			return lifecycle.NotYet(seen.Snapshot, message), nil
		}
		return lifecycle.Move{}, err
	}
	return p, nil
}

// keep remembers what a run has come to, and writes it unless that may wait: then with what is to be told.
func (r *Reconciler) keep(ctx context.Context, seen gather.Observed, status v1alpha1.CanaryRunStatus) (out v1alpha1.CanaryRunStatus, written bool, err error) {
	before := seen.CanaryRun.Status
	log, isDue := r.logOf(ctx, seen, status)
	switch {
	case !isDue && equality.Semantic.DeepEqual(before, status) && !r.Memory.Lacks(seen.Stored):
		return status, false, nil
	case !isDue && r.Memory.MayWait(before, status, seen.Now):
		r.Memory.Keep(seen.Stored, status)
		return status, false, nil
	case lifecycle.BeginsQuietly(seen.Snapshot, seen.Stored.Status, status, log, r.Gatherer.MaxRuns):
		status.Transitions = log
		r.Memory.Keep(seen.Stored, status)
		return status, false, nil
	}
	status = lifecycle.Written(status, seen.Now)
	status.Transitions = log
	return status, true, r.writeStatus(ctx, seen.Stored, status)
}

// writeStatus writes the status of a run, if the run is still the one that was planned from.
func (r *Reconciler) writeStatus(ctx context.Context, run *v1alpha1.CanaryRun, status v1alpha1.CanaryRunStatus) error {
	after := run.DeepCopy()
	after.Status = status
	patch := client.MergeFromWithOptions(run, client.MergeFromWithOptimisticLock{})
	if err := r.Writer.Status().Patch(ctx, after, patch); err != nil {
		if apierrors.IsNotFound(err) { // deleted meanwhile, by a user or with its Deployment
			return fmt.Errorf("%w: the run is gone", objects.ErrStale)
		}
		return fmt.Errorf("write status of CanaryRun %q: %w", client.ObjectKeyFromObject(run), err)
	}
	r.Memory.Wrote(after, r.Gatherer.Clock.Now())
	return nil
}
