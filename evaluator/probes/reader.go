package probes

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/internal/fair"
)

// Options are the settings of a Reader.
type Options struct {
	// Clock tells the time; the system's if nil.
	Clock clock.PassiveClock
	// Dial makes connections; the system's if nil.
	Dial    DialFunc
	Metrics *Metrics
}

// Reader reads the probes of the runs that it is told of. It is safe for use by several goroutines.
type Reader struct {
	clock   clock.PassiveClock
	client  *http.Client
	metrics *Metrics
	slots   *fair.Slots
	// asks are the queries that are evaluated.
	asks *fair.Slots

	mu     sync.Mutex
	runs   map[types.NamespacedName]*course
	memory fair.Shares
}

// New makes a reader that reads nothing yet.
func New(o Options) *Reader {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
	return &Reader{
		clock: o.Clock, client: newClient(o.Dial), metrics: o.Metrics,
		slots: fair.NewSlots(fair.Options{Size: atOnce, Leaves: 1, MostWaiting: 1000}),
		asks:  fair.NewSlots(fair.Options{Size: evaluatedAtOnce, MostWaiting: 1000}),
		runs:  map[types.NamespacedName]*course{}, memory: fair.NewShares(maxOfAll),
	}
}

// BeginTerm forgets what was read in the last term: what was missed meanwhile is not to be had.
func (r *Reader) BeginTerm() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.runs {
		r.forget(name)
	}
}

// Forget has the probes of a run no longer read, and lets go of what they said.
func (r *Reader) Forget(run types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(run)
}

func (r *Reader) forget(run types.NamespacedName) {
	if c := r.runs[run]; c != nil {
		r.memory.GiveBack(run.Namespace, c.counted)
		delete(r.runs, run)
		r.metrics.pods.Sub(float64(len(c.pods)))
	}
}

// Watch has the probes of a run read from now on, until ctx ends, which has to be the
// controller's. It may be called again whenever something is known anew.
func (r *Reader) Watch(ctx context.Context, run ProbedRun) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.runs[run.Name]
	if c != nil && (c.run.UID != run.UID || c.ctx.Err() != nil) {
		r.forget(run.Name)
		c = nil
	}
	now := r.clock.Now()
	if c == nil {
		c = &course{began: now.Truncate(time.Second), samples: newSamples(), pods: map[string]*state{}}
		r.runs[run.Name] = c
	}
	c.run, c.ctx = run, ctx
	if !c.next.IsZero() && c.next.After(now.Add(run.Every)) { // it is more often than before
		c.next = time.Time{}
	}
	there := map[string]bool{}
	for _, pod := range run.Pods {
		there[pod.Name] = true
		if known := c.pods[pod.Name]; known != nil && known.pod.UID == pod.UID {
			known.pod = pod
			continue
		}
		if c.pods[pod.Name] == nil {
			r.metrics.pods.Inc()
		}
		c.pods[pod.Name] = &state{pod: pod}
	}
	for name := range c.pods {
		if !there[name] {
			delete(c.pods, name)
			c.samples.lost(name, now)
			r.metrics.pods.Dec()
		}
	}
}

// Start reads probes until ctx ends.
func (r *Reader) Start(ctx context.Context) error {
	ticker := time.NewTicker(250 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			r.ReadDue(ctx)
		}
	}
}

// NeedLeaderElection says that every replica runs it: one that does not lead has been told of no run.
func (r *Reader) NeedLeaderElection() bool { return false }

// Endpoint answers the queries of a run.
func (r *Reader) Endpoint(run types.NamespacedName) (measure.Endpoint, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.runs[run]
	if c == nil {
		return measure.Endpoint{}, errors.New("its probes are not read yet")
	}
	return measure.Endpoint{Querier: asker{r, c}, ScrapeInterval: c.run.Every, Since: c.began}, nil
}
