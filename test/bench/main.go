// Command bench measures what it costs to be guarded: the same updates, in turn,
// of a Deployment in a guarded namespace and of one in a namespace that is not,
// on one real control plane in one run. Times on one machine say little on
// another; ratios of one run say more.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"holdfast.dev/holdfast/test/stage"
)

func main() {
	n := flag.Int("n", 400, "updates of each kind")
	only := flag.String("only", "", "measure only this: updates, neighbours or saturate")
	saturate := flag.Duration("saturate", 15*time.Second, "how long one replica is kept busy")
	attach := flag.String("cluster", "", "the folder of a running cluster to use; without it one is started")
	flag.Parse()
	log.SetLogger(logr.Discard()) // the client's: what is measured brings warnings
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, options{attach: *attach, only: *only, n: *n, saturate: *saturate})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	attach, only string
	n            int
	saturate     time.Duration
}

func (o options) wants(what string) bool { return o.only == "" || o.only == what }

func run(ctx context.Context, out io.Writer, o options) (err error) {
	c, stop, err := stage.Open(ctx, o.attach)
	if err != nil {
		return err
	}
	defer func() {
		if stopErr := stop(); err == nil {
			err = stopErr
		}
	}()
	b, err := prepare(ctx, c)
	if err != nil {
		return err
	}
	if o.wants("updates") {
		if err := b.compareAll(ctx, out, o.n); err != nil {
			return err
		}
	}
	if o.wants("neighbours") {
		fmt.Fprintln(out)
		if err := b.neighbours(ctx, out, o.n/2); err != nil {
			return fmt.Errorf("neighbours: %w", err)
		}
	}
	if o.wants("saturate") { // the last, for it leaves one replica
		s, err := b.saturate(ctx, o.saturate)
		if err != nil {
			return fmt.Errorf("saturate one replica: %w", err)
		}
		fmt.Fprintf(out, "\n%s\n", s)
	}
	return nil
}

func (b *bench) compareAll(ctx context.Context, out io.Writer, n int) error {
	fmt.Fprintf(out, "\n| %d updates of each (a quarter of those with pauses), in turn | unguarded p50 | p99 | guarded p50 | p99 | ratio of p50 | webhook calls |\n|---|---|---|---|---|---|---|\n", n)
	for _, m := range measurements {
		r, err := b.compare(ctx, m, n)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		fmt.Fprintln(out, r)
	}
	return nil
}
