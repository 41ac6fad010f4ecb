package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// figures are what was measured of some number of runs of a contender.
type figures struct {
	of string
	n  int
	// burst is how long all took from the first update to Running, starts what each did.
	burst  time.Duration
	starts []time.Duration
	// The rest is of steady analysis: gaps between two rounds of a run, samples of the memory.
	during                                  time.Duration
	gaps                                    []time.Duration
	rounds                                  float64
	memory                                  []float64
	cpu, serverCPU                          float64 // seconds
	requests, changes, creations, queries   float64
	failedQueries, startRequests, startSent float64
	load                                    machine
	// lags are how late rounds were by the contender's own account, none if it has none.
	lags lags
}

// measure has a contender guard n workloads, sends an update of each, waits until all are in steady
// analysis, looks on for a while, and removes them, unless they are to be left.
func (s *stand) measure(ctx context.Context, c contender, n int, o options, leave bool) (f figures, err error) {
	f.of, f.n = c.about().heading, n
	tell("%s: %d workloads", f.of, n)
	namespaces, err := s.openShops(ctx, c, n, o)
	defer func() {
		if leave {
			return
		}
		if closeErr := s.closeShops(ctx, namespaces); err == nil {
			err = closeErr
		}
	}()
	if err != nil {
		return f, err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	follower, err := s.follow(watching, c)
	if err != nil {
		return f, err
	}
	if err := s.startAll(ctx, c, &f, namespaces, follower); err != nil {
		return f, err
	}
	tell("all run after %s; they settle for %s", f.burst.Round(100*time.Millisecond), o.settle)
	if err := pause(ctx, o.settle); err != nil {
		return f, err
	}
	tell("measuring for %s", o.during)
	return f, s.lookOn(ctx, c, &f, o, follower)
}

func tell(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// startAll sends an update of every workload, and waits until all runs are Running.
func (s *stand) startAll(ctx context.Context, c contender, f *figures, namespaces shops, follower *follower) error {
	before, err := s.snapshot(ctx, c)
	if err != nil {
		return err
	}
	began := time.Now()
	answered, err := updateAll(ctx, c, namespaces, f.n)
	if err != nil {
		return err
	}
	err = eventually(ctx, "all runs are Running", func() (bool, error) {
		running, others, err := follower.underWay()
		if time.Since(began)%(10*time.Second) < 500*time.Millisecond {
			tell("%d of %d run; others: %v", running, f.n, others)
		}
		return running == f.n, err
	})
	if err != nil {
		return err
	}
	after, err := s.snapshot(ctx, c)
	if err != nil {
		return err
	}
	f.starts = follower.starts(answered)
	for _, run := range follower.runs {
		f.burst = max(f.burst, run.running.Sub(began))
	}
	requests := func(method string) float64 {
		return c.requests(after, method) - c.requests(before, method)
	}
	f.startRequests = requests("") / float64(f.n)
	f.startSent = (requests("") - requests("GET")) / float64(f.n)
	return nil
}

// snapshot is what all have counted at a moment.
type snapshot struct {
	at                            time.Time
	contender, server, prometheus scraped
	process                       process
	cpu                           float64 // seconds, of the process
	machine                       machine
}

func (s *stand) snapshot(ctx context.Context, c contender) (out snapshot, err error) {
	about := c.about()
	pod, err := s.onlyPod(ctx, about.namespace, about.labels)
	if err != nil {
		return out, err
	}
	if out.process, err = processOf(pod, about.program); err != nil {
		return out, err
	}
	if about.metrics != "" {
		if out.contender, err = s.scrape(ctx, about.namespace, about.labels, about.metrics); err != nil {
			return out, err
		}
	}
	if out.server, err = s.scrapeAPIServer(ctx); err != nil {
		return out, err
	}
	if out.prometheus, err = s.scrape(ctx, "madeup", "app=madeup", "9098"); err != nil {
		return out, err
	}
	if out.machine, err = readMachine(); err != nil {
		return out, err
	}
	out.at = time.Now()
	out.cpu, err = out.process.cpu()
	return out, err
}

// lookOn measures the steady analysis.
func (s *stand) lookOn(ctx context.Context, c contender, f *figures, o options, follower *follower) error {
	before, err := s.snapshot(ctx, c)
	if err != nil {
		return err
	}
	began := time.Now()
	follower.begin()
	if err := s.sample(ctx, c, before.process, f, o); err != nil {
		return err
	}
	f.gaps, f.rounds = follower.end(time.Now(), began)
	after, err := s.snapshot(ctx, c)
	if err != nil {
		return err
	}
	if running, others, err := follower.underWay(); err != nil || running != f.n {
		return errors.Join(err, fmt.Errorf("%d of %d run at the end; others: %v", running, f.n, others))
	}
	f.during = after.at.Sub(before.at)
	f.cpu = after.cpu - before.cpu
	f.serverCPU = after.server.sum("process_cpu_seconds_total", "", "") - before.server.sum("process_cpu_seconds_total", "", "")
	requests := func(method string) float64 { return c.requests(after, method) - c.requests(before, method) }
	f.requests, f.changes, f.creations = requests(""), requests("PATCH")+requests("PUT"), requests("POST")
	f.queries = after.prometheus.sum("madeup_queries_total", "", "") - before.prometheus.sum("madeup_queries_total", "", "")
	f.failedQueries = after.prometheus.sum("madeup_queries_failed_total", "", "") - before.prometheus.sum("madeup_queries_failed_total", "", "")
	f.load = after.machine.since(before.machine)
	f.lags = lagsOf(c.about().lag, before.contender, after.contender)
	return nil
}

// sample looks at the memory every two seconds until the time is over, and takes profiles meanwhile.
func (s *stand) sample(ctx context.Context, c contender, p process, f *figures, o options) error {
	var profiles sync.WaitGroup
	var profileErr error
	if o.profile != "" && c.about().profiles != "" {
		profiles.Go(func() { profileErr = s.takeProfiles(ctx, c.about(), f.n, o) })
	}
	for end := time.Now().Add(o.during); time.Now().Before(end); {
		resident, err := p.resident()
		if err != nil {
			return err
		}
		f.memory = append(f.memory, resident)
		if err := pause(ctx, min(2*time.Second, max(0, time.Until(end)))); err != nil {
			return err
		}
	}
	profiles.Wait()
	slices.Sort(f.memory)
	return profileErr
}

// takeProfiles keeps a profile of the CPU over half a minute at most, and then one of the heap.
func (s *stand) takeProfiles(ctx context.Context, of about, n int, o options) error {
	pod, err := s.onlyPod(ctx, of.namespace, of.labels)
	if err != nil {
		return err
	}
	from := served{of.namespace, pod.Name, of.profiles}
	seconds := max(1, int(min(30*time.Second, o.during/2).Seconds()))
	for _, p := range []struct {
		name, path string
		params     map[string]string
	}{
		{"cpu", "debug/pprof/profile", map[string]string{"seconds": strconv.Itoa(seconds)}},
		{"heap", "debug/pprof/heap", map[string]string{"gc": "1"}},
	} {
		content, err := s.read(ctx, from, p.path, p.params)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(o.profile, fmt.Sprintf("%s-%d.pprof", p.name, n)), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
