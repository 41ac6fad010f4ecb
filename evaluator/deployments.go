package evaluator

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=core,resources=namespaces,verbs=get;list;watch
// +kubebuilder:rbac:groups=holdfast.dev,resources=canaryplans,verbs=get;list;watch
// +kubebuilder:rbac:groups=holdfast.dev,resources=canaryruns,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// conflictRetry is how long the cache gets to catch up after a write that was
// planned from an object that has changed.
const conflictRetry = 200 * time.Millisecond

// reconcileDeployment looks after one Deployment: its held record gets a run,
// an update that no webhook saw is reported, old runs are forgotten.
func (e *evaluator) reconcileDeployment(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	log := ctrl.LoggerFrom(ctx)
	d, err := e.getDeployment(ctx, req.NamespacedName)
	if err == nil && d.GetDeletionTimestamp() != nil || apierrors.IsNotFound(err) {
		e.warned.forget(req.NamespacedName)
		e.skips.told.forget(req.NamespacedName)
		e.untried.told.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	runs, err := e.runsOf(ctx, d)
	if err != nil {
		return ctrl.Result{}, err
	}
	for _, step := range []func(context.Context, deployment, []v1alpha1.CanaryRun) (bool, error){
		e.tellSkipped, e.tellUntried, e.startHeld, e.forgetElsewhere, e.stampUngated, e.forgetOld,
	} {
		wrote, err := step(ctx, d, runs)
		switch {
		case apierrors.IsConflict(err):
			log.V(1).Info("the Deployment has changed, looking again", "why", err.Error())
			return ctrl.Result{RequeueAfter: conflictRetry}, nil
		case err != nil:
			return ctrl.Result{}, err
		case wrote: // the Deployment that was read is out of date; the write wakes us
			return ctrl.Result{RequeueAfter: conflictRetry}, nil
		}
	}
	again, err := e.rewriteStatus(ctx, d)
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: conflictRetry}, nil
	}
	return ctrl.Result{RequeueAfter: again}, err
}

// runsOf lists the runs of a Deployment.
func (e *evaluator) runsOf(ctx context.Context, d deployment) ([]v1alpha1.CanaryRun, error) {
	var list v1alpha1.CanaryRunList
	if err := e.listRuns(ctx, &list, client.ObjectKeyFromObject(d)); err != nil {
		return nil, err
	}
	var out []v1alpha1.CanaryRun
	for _, run := range list.Items {
		if run.Spec.Deployment == d.GetName() && d.owns(&run) {
			out = append(out, run)
		}
	}
	return out, nil
}

func (e *evaluator) listRuns(ctx context.Context, list *v1alpha1.CanaryRunList, deployment types.NamespacedName) error {
	return e.cached.List(ctx, list, client.InNamespace(deployment.Namespace),
		client.MatchingLabels{v1alpha1.DeploymentLabel: v1alpha1.LabelValue(deployment.Name)})
}
