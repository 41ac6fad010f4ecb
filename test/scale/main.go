// Command scale measures what many runs cost at once: N canaries in steady analysis on a real
// control plane with simulated nodes and pods, and a Prometheus that makes its samples up. It
// prints how far apart the rounds of a run are, and what the controller takes for them.
// docs/benchmarks.md has its tables.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
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
	// namespaces is over how many the workloads are spread.
	namespaces int
	beside     []string
}

func main() {
	var o options
	n := flag.String("n", "100", "how many runs at once; several numbers with commas, one after the other")
	flag.DurationVar(&o.interval, "interval", 10*time.Second, "the interval of analysis of every run")
	flag.IntVar(&o.namespaces, "namespaces", 1, "how many namespaces the workloads are spread over")
	flag.IntVar(&o.metrics, "metrics", 2, "how many metrics every plan has, 8 at most")
	flag.DurationVar(&o.settle, "settle", 90*time.Second, "how long all runs are under way before it is measured: windows of a minute are whole by then")
	flag.DurationVar(&o.during, "for", 2*time.Minute, "how long it is measured")
	flag.StringVar(&o.profile, "profile", "", "a folder for profiles of Holdfast, of its CPU and its heap")
	flag.StringVar(&o.cluster, "cluster", "", "the folder of a running cluster to use; Holdfast is built and installed in it. Without it one is started")
	others := flag.String("beside", "", "measure these too, on the same work, after Holdfast: argo-rollouts, flagger, or both with a comma")
	flag.Parse()
	log.SetLogger(logr.Discard()) // the client's
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := o.read(*n, *others)
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
func (o *options) read(sizes, others string) error {
	for text := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 {
			return fmt.Errorf("-n %q: want numbers above 0", sizes)
		}
		o.sizes = append(o.sizes, n)
	}
	if others != "" {
		o.beside = strings.Split(others, ",")
	}
	for _, name := range o.beside {
		if beside[name] == nil {
			return fmt.Errorf("-beside %q: want some of %v", name, slices.Sorted(maps.Keys(beside)))
		}
	}
	if o.metrics < 1 || o.metrics > len(quantiles)+1 {
		return fmt.Errorf("-metrics %d: want 1 to %d", o.metrics, len(quantiles)+1)
	}
	if o.namespaces < 1 {
		return fmt.Errorf("-namespaces %d: want 1 or more", o.namespaces)
	}
	if o.interval < time.Second || o.during < o.interval {
		return fmt.Errorf("-interval %s and -for %s: want an interval of at least a second, and at least one of them", o.interval, o.during)
	}
	if o.profile != "" {
		return os.MkdirAll(o.profile, 0o750)
	}
	return nil
}

// run measures one size after the other, each by what was started for it.
func run(ctx context.Context, out io.Writer, o options) (err error) {
	s, err := open(ctx, o.cluster, o.beside)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := s.close(); err == nil {
			err = closeErr
		}
	}()
	var columns []figures
	defer func() { // what was measured before an error, too
		if len(columns) > 0 {
			err = errors.Join(err, table(out, o, columns))
		}
	}()
	for i, n := range o.sizes {
		for j, c := range s.contenders {
			if err := s.startOnly(ctx, c); err != nil {
				return err
			}
			isLast := i == len(o.sizes)-1 && j == len(s.contenders)-1
			f, err := s.measure(ctx, c, n, o, isLast && o.cluster == "") // a cluster of our own goes as a whole
			if err != nil {
				return fmt.Errorf("%d runs of %s: %w", n, c.about().heading, err)
			}
			columns = append(columns, f)
		}
	}
	if o.cluster == "" {
		return nil
	}
	return s.startOnly(ctx, s.contenders[0]) // in a cluster that goes on, Holdfast does
}
