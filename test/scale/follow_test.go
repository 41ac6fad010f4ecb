package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestGaps: between two rounds of a run, also where a status tells of several, and where it told of none.
func TestGaps(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f := &follower{runs: map[string]*followed{}}
	see := func(after time.Duration, run string, measured int) {
		t.Helper()
		object := fmt.Sprintf(`{"metadata": {"name": %q}, "spec": {"deployment": "of-%s"}, "status": {"phase": "Running", "measured": %d}}`, run, run, measured)
		seen, err := holdfast{}.sight([]byte(object))
		if err != nil {
			t.Fatal(err)
		}
		f.see(seen, noon.Add(after*time.Second))
	}
	see(0, "a", 0)
	see(1, "a", 1)
	see(1, "b", 7)
	see(2, "b", 7)
	f.begin()
	see(11, "a", 2)
	see(12, "a", 2)
	see(41, "a", 5)
	see(45, "c", 0)
	gaps, rounds := f.end(noon.Add(63*time.Second), noon.Add(3*time.Second))
	want := []time.Duration{10 * time.Second, 10 * time.Second, 10 * time.Second, 10 * time.Second, time.Minute, time.Minute}
	if diff := cmp.Diff(want, gaps); diff != "" || rounds != 4 {
		t.Errorf("%g rounds, want 4; -want +got:\n%s", rounds, diff)
	}
	if n, others, err := f.underWay(); n != 3 || len(others) != 0 || err != nil {
		t.Errorf("%d run, others: %v, %v", n, others, err)
	}
	starts := f.starts(map[string]time.Time{"of-a": noon.Add(-5 * time.Second), "of-b": noon, "of-c": noon.Add(40 * time.Second)})
	if got, want := percentiles(starts), "5.0 s (5.0 s)"; got != want {
		t.Errorf("starts: %s, want %s", got, want)
	}
}

func TestTheTable(t *testing.T) {
	f := figures{
		of: "Holdfast", n: 100, burst: 12 * time.Second, during: time.Minute, gaps: []time.Duration{20 * time.Second, 10 * time.Second, 10 * time.Second}, rounds: 600,
		memory: []float64{50 << 20, 60 << 20, 70 << 20}, cpu: 3, serverCPU: 6, requests: 120, changes: 60, queries: 30, load: machine{2, 50, 100},
	}
	var out strings.Builder
	if err := table(&out, options{interval: 10 * time.Second, metrics: 2, during: time.Minute, namespaces: 5}, []figures{f, f}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Interval 10s, 2 metrics a run, measured for 1m0s; namespaces: 5.", "| | Holdfast, N=100 | Holdfast, N=100 |\n|---|---|---|\n",
		"| time between two rounds of a run, p50 (p99) | 10.0 s (20.0 s) |", "| resident memory, median (peak) | 60 (70) MiB |",
		"| CPU of the controller | 3.0 s/min |", "| CPU a round | 5.00 ms |", "| requests to the API server (PATCH or PUT, POST) | 2.0/s (1.0/s, 0.0/s) |",
		"| queries (failed) | 0.5/s (0) |", "| the machine | 50 % of ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

// TestLags are those between two moments.
func TestLags(t *testing.T) {
	at := func(fast, slow, all int) scraped {
		out, err := parse([]byte(fmt.Sprintf(`# TYPE lag histogram
lag_bucket{le="0.5"} %d
lag_bucket{le="10"} %d
lag_bucket{le="+Inf"} %d
lag_sum 0
lag_count %d
`, fast, slow, all, all)))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	got := lagsOf("lag", at(10, 20, 30), at(100, 117, 130))
	if got.rounds() != 100 || got.share(50) != "≤ 0.5 s" || got.share(95) != "≤ 10 s" || got.share(99) != "> 10 s" {
		t.Errorf("%g rounds, %s, %s, %s", got.rounds(), got.share(50), got.share(95), got.share(99))
	}
	if none := lagsOf("", at(1, 1, 1), at(2, 2, 2)); none.rounds() != 0 || none.share(50) != "-" {
		t.Errorf("of nothing: %v", none)
	}
}

func TestThePlanIsOne(t *testing.T) {
	for metrics := 1; metrics <= len(quantiles)+1; metrics++ {
		plan, err := planOf(options{interval: 10 * time.Second, metrics: metrics})
		if err != nil || len(plan.Spec.Analysis.Metrics) != metrics {
			t.Errorf("%d metrics: %v, %+v", metrics, err, plan)
		}
	}
}

func TestFlags(t *testing.T) {
	for _, tc := range []struct{ sizes, others, problem string }{
		{"100", "", ""}, {"10, 20", "argo-rollouts", ""}, {"10", "argo-rollouts,flagger", ""}, {"0", "", "-n "}, {"ten", "", "-n "}, {"10", "argo", "-beside "},
	} {
		o := options{metrics: 2, interval: 10 * time.Second, during: time.Minute, namespaces: 1}
		err := o.read(tc.sizes, tc.others)
		if tc.problem == "" && err != nil || tc.problem != "" && (err == nil || !strings.HasPrefix(err.Error(), tc.problem)) {
			t.Errorf("-n %q -beside %q: %v, want %q", tc.sizes, tc.others, err, tc.problem)
		}
	}
}

// TestWorkloadsAreSpreadEvenly over the namespaces.
func TestWorkloadsAreSpreadEvenly(t *testing.T) {
	namespaces, in := shops{"a", "b", "c"}, map[string]int{}
	for i := range 8 {
		in[namespaces.of(i)]++
	}
	for i, namespace := range namespaces {
		if got, want := in[namespace], namespaces.share(i, 8); got != want || got < 2 {
			t.Errorf("%d in namespace %s, want %d", got, namespace, want)
		}
	}
}

// TestAWatchThatEndsGoesOn after what was seen last, and ends where nothing new is to be seen.
func TestAWatchThatEndsGoesOn(t *testing.T) {
	event := func(version int, name string) string {
		return fmt.Sprintf(`{"type":"MODIFIED","object":{"metadata":{"name":%q,"resourceVersion":"%d"}}}`, name, version)
	}
	streams := map[string]string{"2": event(3, "c"), "3": ""}
	var opened []string
	open := func(after string) (io.ReadCloser, error) {
		opened = append(opened, after)
		return io.NopCloser(strings.NewReader(streams[after])), nil
	}
	sight := func(object []byte) (sighting, error) {
		var named struct{ Metadata struct{ Name string } }
		err := json.Unmarshal(object, &named)
		return sighting{run: named.Metadata.Name}, err
	}
	f := &follower{runs: map[string]*followed{}}
	err := f.readAll(io.NopCloser(strings.NewReader(event(1, "a")+event(2, "b")+`{"type"`)), open, sight)
	if !errors.Is(err, io.EOF) || len(f.runs) != 3 || !slices.Equal(opened, []string{"2", "3"}) {
		t.Errorf("seen %d, opened after %v, error %v", len(f.runs), opened, err)
	}
	_, err = f.read(strings.NewReader(`{"type":"ERROR","object":{"message":"too old resource version"}}`), sight)
	if err == nil || !strings.Contains(err.Error(), "too old resource version") {
		t.Errorf("of an error of the API server it says %v", err)
	}
}
