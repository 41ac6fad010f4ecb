package traffic

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/leadership"
)

// Sweeper takes shares off routes whose run cannot: it was deleted while nobody evaluated.
type Sweeper struct {
	Router Router
	// Runs has the runs of the cluster.
	Runs client.Reader
}

// again is after how long the routes of the cluster are looked at once more. When the run of a share is
// deleted, its routes are looked at anyway.
const again = 10 * time.Minute

// Setup has all routes looked at when a term begins.
func (s *Sweeper) Setup(mgr ctrl.Manager, leader *leadership.Elector, options controller.Options) error {
	all := func(context.Context) []reconcile.Request { return []reconcile.Request{{}} }
	return ctrl.NewControllerManagedBy(mgr).Named("routes").
		WatchesRawSource(leader.Source(all)).
		WithOptions(options).
		Complete(leader.Only(s))
}

// Reconcile looks at all routes.
func (s *Sweeper) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	var problems []error
	off, err := s.Router.TakeOff(ctx, "", func(namespace, run string) bool {
		over, err := s.isOver(ctx, namespace, run)
		problems = append(problems, err)
		return over
	})
	for _, name := range off {
		ctrl.LoggerFrom(ctx).Info("the share of a run that is over is off", "route", name)
	}
	return ctrl.Result{RequeueAfter: again}, errors.Join(append(problems, err)...)
}

// isOver says whether a run is gone, or has ended and says that it has no share.
func (s *Sweeper) isOver(ctx context.Context, namespace, name string) (bool, error) {
	var run v1alpha1.CanaryRun
	err := s.Runs.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &run)
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read CanaryRun %s/%s: %w", namespace, name, err)
	}
	return run.Status.Phase.Ended() && run.Status.Weight == nil, nil
}
