// Package deployments looks after Deployments: a held record gets its run, what passed Holdfast is told, and
// what is left over goes. Each look takes the steps of Reconcile in their order, and ends with the first that
// writes. One that fails ends nothing: an update that cannot be tried is no cover for one that is not told
// of. Stamps come before anything else that writes into a Deployment that was just made: it is known by its
// generation.
package deployments

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/tell"
)

// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=core,resources=namespaces,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=holdfast.dev,resources=canaryplans,verbs=get;list;watch
// +kubebuilder:rbac:groups=holdfast.dev,resources=canarypolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=holdfast.dev,resources=canaryruns,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler looks after Deployments.
type Reconciler struct {
	Objects *objects.Reader
	Writer  client.Client
	Clock   clock.PassiveClock
	Teller  tell.Teller
	Metrics *tell.Metrics
	// History is how many ended runs of a Deployment are kept.
	History int
	// Made is told of each run that was made, by the answer of the API server.
	Made func(*v1alpha1.CanaryRun)
	// RewritesStatus says that the webhook rewrites the status of Deployments; what was stored without it is put
	// right.
	RewritesStatus bool

	// What is known of the term in which this replica leads.
	warned                    warnings
	ungated, skipped, untried warnings
}

// BeginTerm forgets what was known in the last term.
func (r *Reconciler) BeginTerm() {
	for _, w := range r.known() {
		*w = warnings{}
	}
}

// known are what was told in this term, by what it was about.
func (r *Reconciler) known() []*warnings {
	return []*warnings{&r.warned, &r.ungated, &r.skipped, &r.untried}
}

// Reconcile looks after one Deployment: its held record gets a run,
// an update that no webhook saw is reported, old runs are forgotten.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	log := ctrl.LoggerFrom(ctx)
	d, err := r.Objects.Deployment(ctx, req.NamespacedName)
	if err == nil && d.GetDeletionTimestamp() != nil || apierrors.IsNotFound(err) {
		for _, w := range r.known() {
			w.forget(req.NamespacedName)
		}
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	runs, err := r.Objects.Runs(ctx, d)
	if err != nil {
		return ctrl.Result{}, err
	}
	var problems []error // none keeps the steps after it from being taken
	for _, step := range []func(context.Context, objects.Deployment, []v1alpha1.CanaryRun) (bool, error){
		r.tellPassed, r.stampUngated, r.startHeld, r.forgetElsewhere, r.forgetOld,
	} {
		wrote, err := step(ctx, d, runs)
		switch {
		case apierrors.IsConflict(err):
			log.V(1).Info("the Deployment has changed, looking again", "why", err.Error())
			return ctrl.Result{RequeueAfter: objects.ConflictRetry}, nil
		case err != nil:
			problems = append(problems, err)
		case wrote && len(problems) > 0: // they are tried again
			return ctrl.Result{}, errors.Join(problems...)
		case wrote: // the Deployment that was read is out of date; the write wakes us
			return ctrl.Result{RequeueAfter: objects.ConflictRetry}, nil
		}
	}
	again, err := r.rewriteStatus(ctx, d)
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: objects.ConflictRetry}, nil
	}
	return ctrl.Result{RequeueAfter: again}, errors.Join(append(problems, err)...)
}
