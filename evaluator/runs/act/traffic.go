package act

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/runs/gather"
	"holdfast.dev/holdfast/evaluator/traffic"
	"holdfast.dev/holdfast/internal/route"
)

// routeTraffic takes an action on routes and on the Services of a canary.
func (e *Executor) routeTraffic(ctx context.Context, seen gather.Observed, action lifecycle.Action) error {
	var err error
	switch a := action.(type) {
	case lifecycle.ServeCanary:
		err = e.Router.Serve(ctx, seen.TrafficRun)
	case lifecycle.StopServing:
		err = e.Router.StopServing(ctx, seen.TrafficRun)
	case lifecycle.ShareTraffic:
		err = e.Router.Share(ctx, seen.TrafficRun, a.Percent, route.HeadersOf(a.Match)...)
	}
	if errors.Is(err, traffic.ErrStale) {
		return fmt.Errorf("%w: %w", objects.ErrStale, err)
	}
	return err
}

// TakeSharesOfGone makes routes what their users ask for that carry the share of a run that is gone.
func (e *Executor) TakeSharesOfGone(ctx context.Context, name types.NamespacedName) error {
	_, err := e.Router.TakeOff(ctx, name.Namespace, func(_, run string) bool { return run == name.Name })
	return err
}
