package soak

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/page/gallery"
)

const (
	// pace is the time between two statuses: five a second, as --status-writes-per-second has it for the whole
	// cluster.
	pace = 200 * time.Millisecond
	// remembered is how many rounds of a metric a tab remembers.
	remembered = 600
	// kept is how many of them the status has.
	kept = 10
)

// evaluator writes statuses of runs as the evaluator does, but for what is in them.
type evaluator struct {
	client client.Client
	runs   []*v1alpha1.CanaryRun
	// last is when the runs were measured last, by their clock.
	last   []time.Time
	rounds int
}

// newEvaluator makes runs that have been measured for long.
func newEvaluator(ctx context.Context, c client.Client, namespace string, many int) (*evaluator, error) {
	e := &evaluator{client: c}
	start := time.Now().Add(-remembered * interval)
	for i := range many {
		run := gallery.New(namespace, fmt.Sprintf("app%03d", i), "5phu7x2pnr", start)
		run.ObjectMeta = metav1.ObjectMeta{Namespace: namespace, Name: run.Name}
		run.Spec.TemplateHash = "5phu7x2pnr"
		gallery.Measure(run, start, kept, 1.1)
		status := run.Status
		if err := c.Create(ctx, run); err != nil {
			return nil, fmt.Errorf("create run %q: %w", run.Name, err)
		}
		run.Status = status
		e.runs, e.last = append(e.runs, run), append(e.last, start.Add(kept*interval))
		if err := e.write(ctx, i); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// interval is the time between two rounds of a run, by its own clock: it passes as fast as rounds are
// written.
const interval = 20 * time.Second

// measure has a run measured so many times, and writes its status once.
func (e *evaluator) measure(ctx context.Context, i, times int) error {
	for range times {
		e.last[i] = e.last[i].Add(interval)
		gallery.Round(e.runs[i], e.last[i], 3+e.rounds%7, 1.1)
		e.rounds++
	}
	return e.write(ctx, i)
}

func (e *evaluator) write(ctx context.Context, i int) error {
	if err := e.client.Status().Update(ctx, e.runs[i]); err != nil {
		return fmt.Errorf("write the status of run %q: %w", e.runs[i].Name, err)
	}
	return nil
}

// work writes at its pace until ctx ends: the first run each second, of the others one after the other.
func (e *evaluator) work(ctx context.Context) error {
	ticks := time.NewTicker(pace)
	defer ticks.Stop()
	for turn := 0; ; turn++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		i := 0
		if turn%5 != 0 {
			i = 1 + (turn-turn/5)%(len(e.runs)-1)
		}
		if err := e.measure(ctx, i, 1); err != nil && ctx.Err() == nil {
			return err
		}
	}
}
