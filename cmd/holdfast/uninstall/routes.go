package uninstall

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast.dev/holdfast/evaluator/traffic"
)

// settle is how long gateways have to hear that a route gives a canary nothing, before its pods go.
const settle = 5 * time.Second

// takeShares makes the routes what their users asked for last.
func (e *ending) takeShares(ctx context.Context) error {
	off, err := e.takeOff(ctx)
	for range 4 { // gateways write the status of routes, most of all when these change
		if !errors.Is(err, traffic.ErrStale) {
			break
		}
		var more []string
		more, err = e.takeOff(ctx)
		off = append(off, more...)
	}
	for _, name := range off {
		fmt.Fprintf(e.out, "%s gives a canary nothing any more, and is what was asked for\n", name)
	}
	if len(off) > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(settle):
		}
	}
	if err != nil {
		return fmt.Errorf("take shares of canaries off routes: %w", err)
	}
	return nil
}
