package main

import (
	"context"
	"fmt"
	"time"
)

// limit is how long anything may take to come: ten thousand take an hour to be made, run and deleted.
const limit = time.Hour

// eventually waits for what is to come. A look that takes long, as a list of ten thousand does, is taken
// less often, for it is work that would be measured too.
func eventually(ctx context.Context, what string, is func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		began := time.Now()
		if ok, err := is(); ok || err != nil {
			return err
		}
		if err := pause(ctx, max(500*time.Millisecond, 10*time.Since(began))); err != nil {
			return fmt.Errorf("wait until %s: %w", what, err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
