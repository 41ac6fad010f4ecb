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

// figures are what was measured of some number of runs.
type figures struct {
	n int
	// burst is how long all took from the first update to Running, starts what each did.
	burst  time.Duration
	starts []time.Duration
	// The rest is of steady analysis: gaps between two rounds of a run, samples of the memory.
	during                                  time.Duration
	gaps                                    []time.Duration
	rounds                                  int
	memory                                  []float64
	cpu, serverCPU                          float64 // seconds
	requests, patches, creations, queries   float64
	failedQueries, startRequests, startSent float64
	load                                    machine
}

// measure opens a shop of n Deployments, holds an update of each, waits until all are in steady
// analysis, looks on for a while, and closes the shop.
func (s *stand) measure(ctx context.Context, n int, o options) (f figures, err error) {
	f.n = n
	tell("%d Deployments", n)
	namespace, err := s.openShop(ctx, n, o)
	if err != nil {
		return f, err
	}
	defer func() {
		if closeErr := s.closeShop(ctx, namespace); err == nil {
			err = closeErr
		}
	}()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	follower, err := s.follow(watching, namespace)
	if err != nil {
		return f, err
	}
	if err := s.startAll(ctx, &f, namespace, follower); err != nil {
		return f, err
	}
	tell("all run after %s; they settle for %s", f.burst.Round(100*time.Millisecond), o.settle)
	if err := pause(ctx, o.settle); err != nil {
		return f, err
	}
	tell("measuring for %s", o.during)
	return f, s.lookOn(ctx, &f, o, follower)
}

func tell(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// startAll holds an update of every Deployment, and waits until all runs are Running.
func (s *stand) startAll(ctx context.Context, f *figures, namespace string, follower *follower) error {
	before, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	answered, err := s.hold(ctx, namespace, f.n)
	if err != nil {
		return err
	}
	err = eventually(ctx, "all runs are Running", func() (bool, error) {
		running, others, err := follower.running()
		if time.Since(began)%(10*time.Second) < 500*time.Millisecond {
			tell("%d of %d run; others: %v", running, f.n, others)
		}
		return running == f.n, err
	})
	if err != nil {
		return err
	}
	after, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	f.starts = follower.starts(answered)
	for _, run := range follower.runs {
		f.burst = max(f.burst, run.running.Sub(began))
	}
	f.startRequests = (after.requests("") - before.requests("")) / float64(f.n)
	f.startSent = (after.requests("") - after.requests("GET") - before.requests("") + before.requests("GET")) / float64(f.n)
	return nil
}

// snapshot is what all have counted at a moment.
type snapshot struct {
	at                           time.Time
	holdfast, server, prometheus scraped
	machine                      machine
}

func (s *stand) snapshot(ctx context.Context) (out snapshot, err error) {
	holdfast, err := s.serving(ctx, holdfastNamespace, "app.kubernetes.io/name=holdfast", "8080")
	if err != nil {
		return out, err
	}
	prometheus, err := s.serving(ctx, "madeup", "app=madeup", "9098")
	if err != nil {
		return out, err
	}
	if out.server, err = s.scrapeAPIServer(ctx); err != nil {
		return out, err
	}
	if out.prometheus, err = s.scrape(ctx, prometheus); err != nil {
		return out, err
	}
	if out.machine, err = readMachine(); err != nil {
		return out, err
	}
	out.at = time.Now()
	out.holdfast, err = s.scrape(ctx, holdfast)
	return out, err
}

// requests are those that Holdfast has sent to the API server, of one method or of all.
func (s snapshot) requests(method string) float64 {
	if method == "" {
		return s.holdfast.sum("rest_client_requests_total", "", "")
	}
	return s.holdfast.sum("rest_client_requests_total", "method", method)
}

// lookOn measures the steady analysis.
func (s *stand) lookOn(ctx context.Context, f *figures, o options, follower *follower) error {
	before, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	follower.begin()
	if err := s.sample(ctx, f, o); err != nil {
		return err
	}
	f.gaps, f.rounds = follower.end(time.Now(), began)
	after, err := s.snapshot(ctx)
	if err != nil {
		return err
	}
	if running, others, err := follower.running(); err != nil || running != f.n {
		return errors.Join(err, fmt.Errorf("%d of %d run at the end; others: %v", running, f.n, others))
	}
	f.during = after.at.Sub(before.at)
	const cpu = "process_cpu_seconds_total"
	f.cpu = after.holdfast.sum(cpu, "", "") - before.holdfast.sum(cpu, "", "")
	f.serverCPU = after.server.sum(cpu, "", "") - before.server.sum(cpu, "", "")
	f.requests = after.requests("") - before.requests("")
	f.patches = after.requests("PATCH") - before.requests("PATCH")
	f.creations = after.requests("POST") - before.requests("POST")
	f.queries = after.prometheus.sum("madeup_queries_total", "", "") - before.prometheus.sum("madeup_queries_total", "", "")
	f.failedQueries = after.prometheus.sum("madeup_queries_failed_total", "", "") - before.prometheus.sum("madeup_queries_failed_total", "", "")
	f.load = after.machine.since(before.machine)
	return nil
}

// sample looks at the memory every two seconds until the time is over, and takes profiles meanwhile.
func (s *stand) sample(ctx context.Context, f *figures, o options) error {
	holdfast, err := s.serving(ctx, holdfastNamespace, "app.kubernetes.io/name=holdfast", "8080")
	if err != nil {
		return err
	}
	var profiles sync.WaitGroup
	var profileErr error
	if o.profile != "" {
		profiles.Go(func() { profileErr = s.takeProfiles(ctx, f.n, holdfast.pod, o) })
	}
	for end := time.Now().Add(o.during); time.Now().Before(end); {
		now, err := s.scrape(ctx, holdfast)
		if err != nil {
			return err
		}
		f.memory = append(f.memory, now.sum("process_resident_memory_bytes", "", ""))
		if err := pause(ctx, min(2*time.Second, max(0, time.Until(end)))); err != nil {
			return err
		}
	}
	profiles.Wait()
	slices.Sort(f.memory)
	return profileErr
}

// takeProfiles keeps a profile of the CPU over half a minute at most, and then one of the heap.
func (s *stand) takeProfiles(ctx context.Context, n int, pod string, o options) error {
	from := served{holdfastNamespace, pod, "6060"}
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
