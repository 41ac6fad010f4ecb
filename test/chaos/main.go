// Command chaos breaks what Holdfast stands on, one thing after the other, while
// updates are sent without a pause, and then looks for what must never be: a
// template that runs without a verdict, an update that was lost, a hold without
// an end, something left behind. Its report says what each fault cost.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"holdfast.dev/holdfast/test/stage"
)

// choices are what the flags say.
type choices struct {
	seed        uint64
	rounds      int
	only        string
	deployments int
	pause       time.Duration
	unevaluated time.Duration
}

func main() {
	var c choices
	flag.Uint64Var(&c.seed, "seed", 1, "of what the clients send and of the order of faults")
	flag.IntVar(&c.rounds, "rounds", 1, "how often each fault is injected")
	flag.StringVar(&c.only, "only", "", "only the faults whose name contains this, or one of several parted by |")
	flag.IntVar(&c.deployments, "deployments", 3, "Deployments in each of the two namespaces, enabled and required, with a client each")
	flag.DurationVar(&c.pause, "pause", 6*time.Second, "time without a fault between two")
	flag.DurationVar(&c.unevaluated, "unevaluated", 25*time.Second, "how long nobody evaluates while holds pile up")
	attach := flag.String("cluster", "", "the folder of a running cluster to use; without it one is started")
	flag.Parse()
	log.SetLogger(logr.Discard()) // the client's: warnings are read from the answers
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	violations, err := run(ctx, os.Stdout, *attach, c)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
	if len(violations) > 0 {
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, attach string, c choices) (violations []string, err error) {
	w, stop, err := stage.Open(ctx, attach)
	if err != nil {
		return nil, err
	}
	defer func() {
		if stopErr := stop(); err == nil {
			err = stopErr
		}
	}()
	chosen := chosenFaults(c)
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no fault is called %q; there are: %s", c.only, strings.Join(names(faults(c)), ", "))
	}
	fmt.Fprintf(out, "seed %d: %d faults, %d clients\n", c.seed, len(chosen), 2*c.deployments)
	s, err := prepare(ctx, w, c)
	if err != nil {
		return nil, err
	}
	defer s.close(context.WithoutCancel(ctx))
	if err := s.injectAll(ctx, out, chosen, c.pause); err != nil {
		return nil, err
	}
	violations, err = s.settle(ctx)
	if err != nil {
		return nil, err
	}
	violations = append(violations, s.ledger.brokenPromises(chosen)...)
	fmt.Fprint(out, s.ledger.report(chosen)+s.runs.report())
	for _, v := range violations {
		fmt.Fprintln(out, "VIOLATION:", v)
	}
	fmt.Fprintf(out, "%d violations\n", len(violations))
	return violations, nil
}
