package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// saturate scales Holdfast to one replica and sends it new templates from many
// clients at once. They are dry runs without the check, so that it is the
// replica that is busy and not etcd.
func (b *bench) saturate(ctx context.Context, d time.Duration) (string, error) {
	if err := b.scaleToOne(ctx); err != nil {
		return "", err
	}
	const clients = 16
	idle, err := b.memory(ctx)
	if err != nil {
		return "", err
	}
	m := measurements[len(measurements)-1]
	deadline, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var (
		mu     sync.Mutex
		took   []time.Duration
		failed error
		all    sync.WaitGroup
	)
	for c := range clients {
		all.Go(func() {
			for i := c; deadline.Err() == nil; i += clients {
				start := time.Now()
				err := b.send(ctx, m, b.guarded, m.patch(i)) // whole, also past the deadline
				mu.Lock()
				took, failed = append(took, time.Since(start)), firstOf(failed, err)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if failed != nil {
		return "", failed
	}
	busy, err := b.memory(ctx)
	if err != nil {
		return "", err
	}
	slices.Sort(took)
	return fmt.Sprintf("One replica, %d clients at once for %s: %.0f new templates a second, p50 %s, p99 %s; resident memory %.0f MiB before, %.0f MiB after.",
		clients, d, float64(len(took))/d.Seconds(), ms(share(took, 50)), ms(share(took, 99)), idle/(1<<20), busy/(1<<20)), nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
