// Package past asks the endpoints of plans for values of metrics from before those that the status of a run
// has, for the page. They are asked as the evaluator asks: through the view of the run's namespace, with the
// matchers that policies demand of it now.
package past

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/outlook"
	"holdfast.dev/holdfast/internal/page"
	"holdfast.dev/holdfast/internal/page/view"
)

// Bounds of what is asked and kept.
const (
	// atOnce is how many runs are asked about at once; the queries of one follow each other, to leave the
	// endpoint to the rounds.
	atOnce = 2
	// longest is how long it may take to ask about a run. What is not answered by then is said so.
	longest = 15 * time.Second
	// fresh is how long the answers about a run are for all tabs.
	fresh = 30 * time.Second
	// mostKept is of how many runs they are kept, mostValues how many values these have together at most.
	mostKept   = 64
	mostValues = 200_000
)

// Options are what an Asker needs.
type Options struct {
	Endpoints measure.EndpointFunc
	// Matchers are those that policies demand of the queries of a namespace.
	Matchers func(ctx context.Context, namespace string) ([]string, error)
	Clock    clock.PassiveClock
}

// Asker asks, and tells all tabs the same for a while. It implements page.Past, and is safe for use by
// several goroutines.
type Asker struct {
	Options
	seats chan struct{}

	mu   sync.Mutex
	kept map[types.UID]*answers
}

var _ page.Past = (*Asker)(nil)

// answers are those about a run, or come when done is closed.
type answers struct {
	asked   time.Time
	done    chan struct{}
	metrics []view.Earlier
	values  int
	err     error
}

// New returns one that has asked nothing yet.
func New(o Options) *Asker {
	return &Asker{Options: o, seats: make(chan struct{}, atOnce), kept: map[types.UID]*answers{}}
}

// Earlier implements page.Past. Who comes while a run is asked about waits for that answer.
func (a *Asker) Earlier(ctx context.Context, run *v1alpha1.CanaryRun) ([]view.Earlier, error) {
	of, mine := a.take(run.UID)
	if mine {
		a.fill(context.WithoutCancel(ctx), of, run) // others wait for it, and this tab may go
	}
	select {
	case <-of.done:
		return of.metrics, of.err
	case <-ctx.Done():
		return nil, ctx.Err() //nolint:wrapcheck // the page asks which it is
	}
}

// take is what is known or under way of a run; mine says that it is to be filled.
func (a *Asker) take(uid types.UID) (of *answers, mine bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.Clock.Now()
	if of := a.kept[uid]; of != nil && (!of.isDone() || now.Sub(of.asked) < fresh) {
		return of, false
	}
	a.makeRoom(now)
	of = &answers{asked: now, done: make(chan struct{})}
	a.kept[uid] = of
	return of, true
}

func (of *answers) isDone() bool {
	select {
	case <-of.done:
		return true
	default:
		return false
	}
}

// makeRoom drops what is old, and then what is oldest, but for what is under way.
func (a *Asker) makeRoom(now time.Time) {
	for {
		var oldest types.UID
		values, found := 0, false
		for uid, of := range a.kept {
			if !of.isDone() {
				continue
			}
			if now.Sub(of.asked) >= fresh {
				delete(a.kept, uid)
				continue
			}
			values += of.values
			if !found || of.asked.Before(a.kept[oldest].asked) {
				oldest, found = uid, true
			}
		}
		if !found || len(a.kept) < mostKept && values < mostValues {
			return
		}
		delete(a.kept, oldest)
	}
}

// fill asks about a run. What found no seat is forgotten, so that the next tries again.
func (a *Asker) fill(ctx context.Context, of *answers, run *v1alpha1.CanaryRun) {
	defer close(of.done)
	select {
	case a.seats <- struct{}{}:
		defer func() { <-a.seats }()
	default:
		of.err = page.ErrBusy
		a.forget(run.UID, of)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	of.metrics = a.ask(ctx, run)
	for _, m := range of.metrics {
		of.values += len(m.Rounds)
	}
}

func (a *Asker) forget(uid types.UID, of *answers) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kept[uid] == of {
		delete(a.kept, uid)
	}
}

var errLate = errors.New("the endpoint did not answer in time")

// ask asks the questions about a run, one after the other.
func (a *Asker) ask(ctx context.Context, run *v1alpha1.CanaryRun) []view.Earlier {
	asks, out := view.Questions(run)
	if len(asks) == 0 {
		return out
	}
	endpoint, err := a.endpoint(ctx, run)
	for _, q := range asks {
		answer := analysis.Answer{}
		if err == nil {
			if answer, err = endpoint.QueryRange(ctx, q.Query, q.From, q.To, q.Step); err != nil { // ctx's
				err = errLate
			}
		}
		if err != nil {
			answer.Error = err.Error()
		}
		out = append(out, q.Read(answer, endpoint.Labels.Pod))
	}
	return out
}

func (a *Asker) endpoint(ctx context.Context, run *v1alpha1.CanaryRun) (measure.Endpoint, error) {
	matchers, err := a.Matchers(ctx, run.Namespace)
	if err != nil {
		return measure.Endpoint{}, err
	}
	return a.Endpoints(run.Namespace, outlook.PlanOf(run).Analysis.Endpoint, matchers)
}
