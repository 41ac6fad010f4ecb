package probes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/internal/fair"
	"holdfast.dev/holdfast/internal/query"
)

// Bounds of what is read and kept.
const (
	// atOnce is how many probes are read at once, all namespaces together.
	atOnce = 64
	// longestScrape is how long one may take, which is never longer than until the next.
	longestScrape = 3 * time.Second
	// maxOfRun and maxOfAll are how many bytes the samples of a run, and of all runs, may take.
	// A namespace leaves as much free as it has (package fair).
	maxOfRun = 8 << 20
	maxOfAll = 64 << 20
	// borne is how many scrapes in a row may be lost without an error.
	borne = 2
)

// ProbedPod is one whose probe is read.
type ProbedPod struct {
	Name       string
	UID        types.UID
	IP, HostIP string
	// IsReady says whether it is Ready: before that nobody minds that it cannot be read.
	IsReady bool
	// IsStable is set for those of the Deployment, of which it does not matter much if
	// some cannot be read.
	IsStable bool
	// Lacks says why there is no probe to be read in it; "" where there may be one.
	Lacks string
}

// ProbedRun is one of which metrics read probes.
type ProbedRun struct {
	Name types.NamespacedName
	UID  types.UID
	query.ProbeTimes
	Pods []ProbedPod
}

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

// course is what is known of the pods of a run.
type course struct {
	run   ProbedRun
	began time.Time
	next  time.Time
	// ctx is that of the term in which this replica leads.
	ctx     context.Context
	samples *samples
	pods    map[string]*state
	// counted is what the samples have been counted with, in all that there is.
	counted int64
}

// state is how the reading of a pod goes.
type state struct {
	pod ProbedPod
	// first is when it was read first, or tried to be, and good when that last succeeded.
	first, good time.Time
	// lost is how often in a row it did not, and err why.
	lost     int
	err      error
	underWay bool
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

// ReadDue begins to read all probes that are due, and returns what waits for that.
func (r *Reader) ReadDue(ctx context.Context) (wait func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all sync.WaitGroup
	now := r.clock.Now()
	for name, c := range r.runs {
		if c.ctx.Err() != nil {
			r.forget(name)
			continue
		}
		if now.Before(c.next) {
			continue
		}
		c.next = now.Truncate(c.run.Every).Add(c.run.Every)
		c.samples.drop(now.Add(-c.run.Keep))
		r.count(c)
		for _, s := range c.pods {
			if s.pod.Lacks != "" || s.underWay {
				continue
			}
			if s.first.IsZero() {
				s.first = now
			}
			s.underWay = true
			all.Go(func() { r.read(ctx, c, s, s.pod, now) })
		}
	}
	return all.Wait
}

// read reads one probe for a time, at which the samples are taken to be.
func (r *Reader) read(ctx context.Context, c *course, s *state, pod ProbedPod, at time.Time) {
	r.mu.Lock()
	run, every := c.run.Name, c.run.Every
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, min(every, longestScrape))
	defer cancel()
	points, err := r.scrape(ctx, run.Namespace, pod)
	r.mu.Lock()
	defer r.mu.Unlock()
	s.underWay = false
	if r.runs[run] != c || c.pods[pod.Name] != s || s.pod.UID != pod.UID || s.pod.IP != pod.IP {
		return // it is another one by now
	}
	if err == nil {
		err = r.fits(c, len(points))
	}
	if s.err = err; err != nil {
		s.lost++
		c.samples.lost(pod.Name, at)
	} else {
		s.good, s.lost = at, 0
		c.samples.add(pod.Name, at, points, r.labelsOf(c, pod))
	}
	r.count(c)
}

func (r *Reader) scrape(ctx context.Context, namespace string, pod ProbedPod) ([]point, error) {
	address, err := addressOf(pod.IP, pod.HostIP)
	if err != nil {
		r.metrics.scrapes.WithLabelValues(scrapeFailed).Inc()
		return nil, err
	}
	done, err := r.slots.Take(ctx, namespace, 1)
	if err != nil {
		r.metrics.scrapes.WithLabelValues(scrapeSkipped).Inc()
		return nil, errors.New("too many probes are read at once, and its turn did not come in time")
	}
	defer done()
	began := time.Now()
	points, err := scrape(ctx, r.client, address)
	r.metrics.duration.Observe(time.Since(began).Seconds())
	if err != nil {
		r.metrics.scrapes.WithLabelValues(scrapeFailed).Inc()
		return nil, fmt.Errorf("%w (at %s)", err, address)
	}
	r.metrics.scrapes.WithLabelValues(scrapeGood).Inc()
	return points, nil
}

// fits says whether there is room for one scrape more. What is counted comes after it.
func (r *Reader) fits(c *course, points int) error {
	more := int64(points) * (seriesItself + chunkItself)
	switch {
	case int64(c.samples.size()) > maxOfRun:
		return fmt.Errorf("the samples of the probes of this run take more than %d MiB; make windows and periods shorter, have fewer pods, or have a Prometheus scrape them", maxOfRun>>20)
	case !r.memory.Fits(c.run.Name.Namespace, more, 1):
		return errors.New("the samples of the probes of all runs take all the memory there is for them; have fewer runs at once, or have a Prometheus scrape them")
	}
	return nil
}

// count notes what the samples of a run take.
func (r *Reader) count(c *course) {
	size := int64(c.samples.size())
	if size > c.counted {
		r.memory.Take(c.run.Name.Namespace, size-c.counted)
	} else {
		r.memory.GiveBack(c.run.Name.Namespace, c.counted-size)
	}
	c.counted = size
}

// labelsOf are those that say whose a series is.
func (r *Reader) labelsOf(c *course, pod ProbedPod) labels.Labels {
	return labels.FromStrings(namespaceLabel, c.run.Name.Namespace, podLabel, pod.Name, jobLabel, job, instanceLabel, pod.IP)
}

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
