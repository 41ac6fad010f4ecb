package main

import (
	"context"
	"fmt"
	"time"
)

// limit is how long anything may take to come.
const limit = 15 * time.Minute

// eventually waits for what is to come.
func eventually(ctx context.Context, what string, is func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		if ok, err := is(); ok || err != nil {
			return err
		}
		if err := pause(ctx, 500*time.Millisecond); err != nil {
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
