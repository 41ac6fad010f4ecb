package notify_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
	"holdfast.dev/holdfast/evaluator/notify"
)

// atTimeOf has it be the time that another clock has. Timers are real.
type atTimeOf struct {
	clock.RealClock
	of clock.PassiveClock
}

func (c atTimeOf) Now() time.Time                  { return c.of.Now() }
func (c atTimeOf) Since(t time.Time) time.Duration { return c.of.Since(t) }

// TestARestartLosesNoMessage: what a receiver had not taken when the evaluator ended is told by the next, in
// its order, and the log of the run has it until then.
func TestARestartLosesNoMessage(t *testing.T) {
	var mu sync.Mutex
	var kinds []string
	var away = true
	arrived := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m notify.Message
		mu.Lock()
		defer mu.Unlock()
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil || away {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		kinds = append(kinds, m.Kind)
		arrived <- struct{}{}
	}))
	defer server.Close()
	path := filepath.Join(t.TempDir(), "notifiers.yaml")
	if err := os.WriteFile(path, []byte("notifiers: [{name: ci, kinds: ['*'], webhook: {url: '"+server.URL+"'}}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := evaluatortest.NewCluster(t)
	// evaluate has another evaluator begin, whose outbox delivers until the one after it.
	evaluate := func() (end func()) {
		outbox, err := notify.Open(path, notify.NewMetrics(prometheus.NewRegistry()), atTimeOf{of: c.Clock})
		c.Must(err)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = outbox.Start(ctx) })
		c.Another(func(o *evaluator.Options) { o.Notifications = outbox })
		return func() { cancel(); running.Wait() }
	}
	end := evaluate()
	c.Hold()
	c.Passes(20)
	c.Clock.SetTime(c.Clock.Now().Add(time.Minute))
	c.Passes(1)
	run := c.Run()
	if run.Status.Phase != v1alpha1.PhaseReleased {
		t.Fatalf("the run is %s", run.Status.Phase)
	}
	var want []string
	for _, logged := range run.Status.Transitions.Untold {
		want = append(want, logged.Kind)
	}
	if int64(len(want)) != run.Status.Transitions.Count {
		t.Fatalf("with a receiver that is away the log has %v, and %d happened", want, run.Status.Transitions.Count)
	}
	end()

	mu.Lock()
	away = false
	mu.Unlock()
	end = evaluate()
	defer end()
	c.Passes(3)
	for range want {
		select {
		case <-arrived:
		case <-time.After(20 * time.Second):
			t.Fatalf("not all of %v was told", want)
		}
	}
	mu.Lock()
	if !slices.Equal(kinds, want) {
		t.Errorf("told was %v, want %v", kinds, want)
	}
	mu.Unlock()
	for range 1000 { // the answer to the last may be on its way
		if c.Clock.SetTime(c.Clock.Now().Add(time.Minute)); c.Run().Status.Transitions.Untold == nil {
			return
		}
		c.Passes(1)
	}
	t.Errorf("the log still has %v", c.Run().Status.Transitions.Untold)
}
