// Command scale measures what many runs cost at once: N canaries in steady analysis on a real
// control plane with simulated nodes and pods, and a Prometheus that makes its samples up. It
// prints how far apart the rounds of a run are, and what the controller takes for them.
// docs/benchmarks.md has its tables.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

type options struct {
	sizes    []int
	interval time.Duration
	metrics  int
	settle   time.Duration
	during   time.Duration
	profile  string
	cluster  string
}

func main() {
	var o options
	n := flag.String("n", "100", "how many runs at once; several numbers with commas, one after the other")
	flag.DurationVar(&o.interval, "interval", 10*time.Second, "the interval of analysis of every run")
	flag.IntVar(&o.metrics, "metrics", 2, "how many metrics every plan has, 8 at most")
	flag.DurationVar(&o.settle, "settle", 90*time.Second, "how long all runs are under way before it is measured: windows of a minute are whole by then")
	flag.DurationVar(&o.during, "for", 2*time.Minute, "how long it is measured")
	flag.StringVar(&o.profile, "profile", "", "a folder for profiles of Holdfast, of its CPU and its heap")
	flag.StringVar(&o.cluster, "cluster", "", "the folder of a running cluster to use; Holdfast is built and installed in it. Without it one is started")
	flag.Parse()
	log.SetLogger(logr.Discard()) // the client's
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := o.read(*n)
	if err == nil {
		err = run(ctx, os.Stdout, o)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

// read takes the sizes apart, and sees that all can be done.
func (o *options) read(sizes string) error {
	for text := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 {
			return fmt.Errorf("-n %q: want numbers above 0", sizes)
		}
		o.sizes = append(o.sizes, n)
	}
	if o.metrics < 1 || o.metrics > len(quantiles)+1 {
		return fmt.Errorf("-metrics %d: want 1 to %d", o.metrics, len(quantiles)+1)
	}
	if o.interval < time.Second || o.during < o.interval {
		return fmt.Errorf("-interval %s and -for %s: want an interval of at least a second, and at least one of them", o.interval, o.during)
	}
	if o.profile != "" {
		return os.MkdirAll(o.profile, 0o750)
	}
	return nil
}

// run measures one size after the other, each by a Holdfast that was started for it.
func run(ctx context.Context, out io.Writer, o options) (err error) {
	s, err := open(ctx, o.cluster)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := s.close(); err == nil {
			err = closeErr
		}
	}()
	var columns []figures
	for _, n := range o.sizes {
		if err := s.restartHoldfast(ctx); err != nil {
			return err
		}
		f, err := s.measure(ctx, n, o)
		if err != nil {
			return fmt.Errorf("%d runs: %w", n, err)
		}
		columns = append(columns, f)
	}
	return table(out, o, columns)
}
