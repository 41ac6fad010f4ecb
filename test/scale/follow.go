package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/watch"
)

// follower watches the runs of all namespaces, by what their status says.
type follower struct {
	mu   sync.Mutex
	runs map[string]*followed
	// gaps are the times between two measurements of a metric of a run that were seen since begin. A round
	// is a measurement of each.
	gaps   []time.Duration
	rounds float64
	err    error
}

// sighting is what a run said at a moment.
type sighting struct {
	run, workload, phase string
	// measured is how often, by metric; all are one where they are always measured together.
	measured map[string]int
}

// followed is what was seen of one run.
type followed struct {
	workload, phase string
	running         time.Time // when it was first seen running
	metrics         map[string]*counted
}

// counted are the measurements of a metric.
type counted struct {
	measured int
	at       time.Time // when the last was seen, zero if none was
}

// running is the phase of a run under way, by whichever contender.
const running = "Running"

// follow watches until ctx ends.
func (s *stand) follow(ctx context.Context, c contender) (*follower, error) {
	open := func(after string) (io.ReadCloser, error) {
		return s.clientset.RESTClient().Get().AbsPath("/apis", c.about().group, c.about().resource).
			Param("watch", "true").Param("timeoutSeconds", "86400").Param("resourceVersion", after).Stream(ctx)
	}
	stream, err := open("")
	if err != nil {
		return nil, fmt.Errorf("watch runs: %w", err)
	}
	f := &follower{runs: map[string]*followed{}}
	go func() {
		err := f.readAll(stream, open, c.sight)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.err = fmt.Errorf("watch of runs ended: %w", err)
	}()
	return f, nil
}

// readAll goes on where a stream ended: an API server ends the watch of whoever is slow to read.
func (f *follower) readAll(stream io.ReadCloser, open func(after string) (io.ReadCloser, error), sight func([]byte) (sighting, error)) error {
	last := ""
	for {
		seen, err := f.read(stream, sight)
		_ = stream.Close() // all that it had is read
		if seen == "" || seen == last || !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		last = seen
		if stream, err = open(last); err != nil {
			return err
		}
	}
}

// read returns the version of the object that it saw last, "" if it saw none.
func (f *follower) read(stream io.Reader, sight func([]byte) (sighting, error)) (last string, err error) {
	decoder := json.NewDecoder(stream)
	for {
		var event struct {
			Type   watch.EventType
			Object json.RawMessage
		}
		if err := decoder.Decode(&event); err != nil {
			return last, err
		}
		if event.Type == watch.Error {
			return "", fmt.Errorf("the API server says: %s", event.Object)
		}
		var object struct {
			Metadata struct{ ResourceVersion string }
		}
		if err := json.Unmarshal(event.Object, &object); err != nil {
			return "", err
		}
		seen, err := sight(event.Object)
		if err != nil {
			return "", err
		}
		last = object.Metadata.ResourceVersion
		f.see(seen, time.Now())
	}
}

func (f *follower) see(s sighting, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	run := f.runs[s.run]
	if run == nil {
		run = &followed{workload: s.workload, metrics: map[string]*counted{}}
		f.runs[s.run] = run
	}
	run.phase = s.phase
	if run.phase == running && run.running.IsZero() {
		run.running = now
	}
	for name, measured := range s.measured {
		metric := run.metrics[name]
		if metric == nil {
			metric = &counted{}
			run.metrics[name] = metric
		}
		more := measured - metric.measured
		if more <= 0 {
			continue
		}
		f.rounds += float64(more) / float64(len(s.measured))
		if !metric.at.IsZero() { // a status may tell of several measurements
			f.gaps = append(f.gaps, slices.Repeat([]time.Duration{now.Sub(metric.at) / time.Duration(more)}, more)...)
		}
		metric.measured, metric.at = measured, now
	}
}

// underWay is how many runs are, by phase where they are not.
func (f *follower) underWay() (n int, others map[string]int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	others = map[string]int{}
	for _, run := range f.runs {
		if run.phase == running {
			n++
		} else {
			others[run.phase]++
		}
	}
	return n, others, f.err
}

// starts are how long each run took from the answer to its update until it was running.
func (f *follower) starts(answered map[string]time.Time) []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []time.Duration
	for _, run := range f.runs {
		out = append(out, max(0, run.running.Sub(answered[run.workload])))
	}
	return out
}

// begin forgets what was seen of measurements.
func (f *follower) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gaps, f.rounds = nil, 0
}

// end returns what was seen since begin. Of a metric none of whose measurements was seen the gap is at
// least so long.
func (f *follower) end(now time.Time, began time.Time) (gaps []time.Duration, rounds float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	gaps = f.gaps
	for _, run := range f.runs {
		for _, metric := range run.metrics {
			if metric.at.Before(began) {
				gaps = append(gaps, now.Sub(began))
			}
		}
	}
	return gaps, f.rounds
}
