// Command oracle proves that Holdfast answers every client as if the update it holds were in etcd:
// it plays random sequences of commands, with the real kubectl and Helm, to a guarded and an
// unguarded namespace of one API server, and compares what comes of them. With -routes the commands
// write a route over which runs have their share. docs/oracle.md tells more.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"holdfast.dev/holdfast/test/cluster"
	"holdfast.dev/holdfast/test/oracle/report"
	"holdfast.dev/holdfast/test/oracle/routes"
	"holdfast.dev/holdfast/test/oracle/routes/play"
	"holdfast.dev/holdfast/test/oracle/sequence"
	"holdfast.dev/holdfast/test/oracle/stage"
	shared "holdfast.dev/holdfast/test/stage"
)

// choices are the command line.
type choices struct {
	n        int
	seed     uint64
	cluster  string
	lanes    int
	failures int
	shrink   int
	keep     string
	replay   bool
	explain  bool
	routes   bool
	most     time.Duration
}

func main() {
	if isEditor, err := edit(); isEditor {
		exit(err)
	}
	var c choices
	flag.IntVar(&c.n, "n", 200, "how many sequences")
	flag.Uint64Var(&c.seed, "seed", 1, "what they are generated from")
	flag.StringVar(&c.cluster, "cluster", "", "the folder of a running cluster with Holdfast; without it one is started")
	flag.IntVar(&c.lanes, "lanes", 8, "how many sequences are played at a time")
	flag.IntVar(&c.failures, "failures", 5, "after how many failures to end")
	flag.IntVar(&c.shrink, "shrink", 5, "how many failures to shrink")
	flag.StringVar(&c.keep, "keep", "", "a folder for the sequences that were shrunk")
	flag.BoolVar(&c.replay, "replay", false, "play the sequences in the files that are the arguments")
	flag.BoolVar(&c.explain, "explain", false, "print explained differences too")
	flag.BoolVar(&c.routes, "routes", false, "play sequences that write a route while runs have their share by it")
	flag.DurationVar(&c.most, "for", 0, "with -routes: begin no sequence after this time; 0 is no limit")
	flag.Parse()
	log.SetLogger(logr.Discard()) // the client's: warnings are what many commands ask for
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(run(ctx, c, flag.Args()))
}

// edit makes this process the editor of kubectl edit if it was started as one.
func edit() (bool, error) {
	if isEditor, err := stage.Edit(); isEditor {
		return true, err
	}
	return play.Edit()
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(ctx context.Context, c choices, files []string) (err error) {
	var all []sequence.Sequence
	switch {
	case c.replay:
		if all, err = read(files); err != nil {
			return err
		}
		c.seed, c.lanes, c.failures = 0, min(c.lanes, len(all)), len(all)
	case c.routes:
		all = routes.Generated(c.seed, c.n)
	default:
		all = generated(c.seed, c.n)
	}
	running, stop, err := shared.Open(ctx, c.cluster)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if c.routes {
		return routes.Conduct(ctx, running, routes.Choices{
			Seed: c.seed, Lanes: c.lanes, Failures: c.failures, Shrink: c.shrink, Keep: c.keep, For: c.most,
		}, all)
	}
	return conduct(ctx, running, c, all)
}

// conduct plays all sequences on a cluster. Differences that nothing explains are printed, as small
// as they can be made, and are an error.
func conduct(ctx context.Context, on *cluster.Cluster, c choices, all []sequence.Sequence) (err error) {
	s, err := stage.Open(ctx, on)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(ctx)) }()
	band, err := newConductor(ctx, s, c.lanes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, band.close(ctx)) }()

	l := listener{choices: c, of: len(all), tally: report.Tally{Seed: c.seed}, began: time.Now()}
	err = band.play(ctx, all, l.hear)
	took := time.Since(l.began)
	if err == nil {
		err = band.shrink(ctx, l.failed[:min(c.shrink, len(l.failed))], os.Stdout, c.keep)
	}
	fmt.Print(l.tally.Text(took))
	if err == nil && len(l.failed) > 0 {
		err = fmt.Errorf("%d differences that nothing explains", len(l.failed))
	}
	return err
}

// listener hears how sequences went and tells those who wait.
type listener struct {
	choices
	of     int
	tally  report.Tally
	failed []report.Course
	began  time.Time
}

// progressEvery is after how many sequences a line is due.
const progressEvery = 100

// hear says whether more is to be played.
func (l *listener) hear(course report.Course) (more bool) {
	l.tally.Add(course)
	switch {
	case course.Failed():
		l.failed = append(l.failed, course)
		fmt.Fprintf(os.Stderr, "%d of %d: seed %d fails: %s\n", l.tally.Sequences, l.of, course.Sequence.Seed, course.Difference.Aspect)
	case l.explain && !course.ToEnd():
		fmt.Println(course)
	}
	if l.tally.Sequences%progressEvery == 0 {
		fmt.Fprintf(os.Stderr, "%d of %d after %s\n", l.tally.Sequences, l.of, time.Since(l.began).Round(time.Second))
	}
	return len(l.failed) < l.failures
}

func read(files []string) ([]sequence.Sequence, error) {
	var all []sequence.Sequence
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read sequence: %w", err)
		}
		s, err := sequence.Decode(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil, errors.New("name the files to replay")
	}
	return all, nil
}
