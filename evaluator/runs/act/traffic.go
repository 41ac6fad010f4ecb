package act

import (
	"context"
	"errors"
	"fmt"

	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/runs/gather"
	"holdfast.dev/holdfast/evaluator/traffic"
)

// routeTraffic takes an action on routes and on the Services of a canary.
func (e *Executor) routeTraffic(ctx context.Context, seen gather.Observed, action lifecycle.Action) error {
	run, err := seen.TrafficRun(ctx, e.Objects)
	if err != nil {
		return err
	}
	switch a := action.(type) {
	case lifecycle.ServeCanary:
		err = e.Router.Serve(ctx, run)
	case lifecycle.StopServing:
		err = e.Router.StopServing(ctx, run)
	case lifecycle.ShareTraffic:
		err = e.Router.Share(ctx, run, a.Percent)
	}
	if errors.Is(err, traffic.ErrStale) {
		return fmt.Errorf("%w: %w", objects.ErrStale, err)
	}
	return err
}
