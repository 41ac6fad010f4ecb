// Package stage opens a cluster with Holdfast installed, and clients of it, for tests, benchmarks
// and searches for mistakes.
package stage

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"holdfast.dev/holdfast/test/cluster"
	"holdfast.dev/holdfast/test/cluster/build"
)

// Shared is the folder of the cluster that `testcluster run` has started for all that it runs, "" without
// one.
func Shared() string { return os.Getenv(cluster.SharedVariable) }

// Open attaches to the cluster in a folder or, without one, starts one with Holdfast installed.
// stop ends what was started.
func Open(ctx context.Context, dir string) (c *cluster.Cluster, stop func() error, err error) {
	if dir != "" {
		c, err = cluster.Attach(dir)
		return c, func() error { return nil }, err
	}
	source, err := build.Source()
	if err != nil {
		return nil, nil, err
	}
	overlay := filepath.Join(source, "manifests", "overlays", "test")
	if c, err = cluster.Start(ctx, cluster.Options{Progress: os.Stderr, Install: overlay}); err != nil {
		return nil, nil, err
	}
	return c, c.Stop, nil
}

// Run runs tests on the cluster that Open opens, after ready has been called with it, and returns
// their exit code. An interrupt ends them, and the cluster.
func Run(tests interface{ Run() int }, dir string, ready func(*cluster.Cluster) error) (code int, err error) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	c, stop, err := Open(ctx, dir)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := ready(c); err != nil {
		return 1, err
	}
	finished := make(chan int, 1)
	go func() { finished <- tests.Run() }()
	select {
	case code = <-finished:
		return code, nil
	case <-ctx.Done():
		return 1, errors.New("interrupted")
	}
}
