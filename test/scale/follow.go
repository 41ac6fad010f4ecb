package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// follower watches the runs of a namespace, by what their status says.
type follower struct {
	mu   sync.Mutex
	runs map[string]*followed
	// gaps are the times between two rounds of a run that were seen since begin.
	gaps   []time.Duration
	rounds int
	err    error
}

// followed is what was seen of one run.
type followed struct {
	deployment string
	phase      v1alpha1.Phase
	running    time.Time // when it was first seen Running
	measured   int32
	at         time.Time // when the last round was seen, zero if none was
}

// event is what is looked at of an event of the watch: a run is large.
type event struct {
	Object struct {
		Metadata struct{ Name string }
		Spec     struct{ Deployment string }
		Status   struct {
			Phase    v1alpha1.Phase
			Measured int32
		}
	}
}

// follow watches until ctx ends.
func (s *stand) follow(ctx context.Context, namespace string) (*follower, error) {
	stream, err := s.clientset.RESTClient().Get().AbsPath("/apis/holdfast.dev/v1alpha1/namespaces", namespace, "canaryruns").
		Param("watch", "true").Param("timeoutSeconds", "86400").Stream(ctx)
	if err != nil {
		return nil, fmt.Errorf("watch runs: %w", err)
	}
	f := &follower{runs: map[string]*followed{}}
	go func() {
		defer stream.Close()
		err := f.read(stream)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.err = fmt.Errorf("watch of runs ended: %w", err)
	}()
	return f, nil
}

func (f *follower) read(stream io.Reader) error {
	decoder := json.NewDecoder(stream)
	for {
		var e event
		if err := decoder.Decode(&e); err != nil {
			return err
		}
		f.see(e, time.Now())
	}
}

func (f *follower) see(e event, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	run := f.runs[e.Object.Metadata.Name]
	if run == nil {
		run = &followed{deployment: e.Object.Spec.Deployment}
		f.runs[e.Object.Metadata.Name] = run
	}
	run.phase = e.Object.Status.Phase
	if run.phase == v1alpha1.PhaseRunning && run.running.IsZero() {
		run.running = now
	}
	rounds := int(e.Object.Status.Measured - run.measured)
	if rounds <= 0 {
		return
	}
	run.measured = e.Object.Status.Measured
	f.rounds += rounds
	if !run.at.IsZero() { // a status may tell of several rounds
		for range rounds {
			f.gaps = append(f.gaps, now.Sub(run.at)/time.Duration(rounds))
		}
	}
	run.at = now
}

// running is how many runs are under way, by phase where they are not.
func (f *follower) running() (n int, others map[v1alpha1.Phase]int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	others = map[v1alpha1.Phase]int{}
	for _, run := range f.runs {
		if run.phase == v1alpha1.PhaseRunning {
			n++
		} else {
			others[run.phase]++
		}
	}
	return n, others, f.err
}

// starts are how long each run took from the answer to its update to Running.
func (f *follower) starts(answered map[string]time.Time) []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []time.Duration
	for _, run := range f.runs {
		out = append(out, max(0, run.running.Sub(answered[run.deployment])))
	}
	return out
}

// begin forgets what was seen of rounds.
func (f *follower) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gaps, f.rounds = nil, 0
}

// end returns what was seen since begin. Of a run none of whose rounds was seen the gap is at least so long.
func (f *follower) end(now time.Time, began time.Time) (gaps []time.Duration, rounds int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	gaps = f.gaps
	for _, run := range f.runs {
		if run.at.Before(began) {
			gaps = append(gaps, now.Sub(began))
		}
	}
	return gaps, f.rounds
}
