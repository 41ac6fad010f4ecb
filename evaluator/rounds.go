package evaluator

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/evaluator/lifecycle"
)

// roundPoll is how often a run is looked at while a round of it is under way:
// deadlines are kept whatever becomes of that.
const roundPoll = time.Minute

// rounds measures runs beside the workers of the controller: while one tenant's
// Prometheus is slow to answer, the workers go on with the runs of others. A run
// has one round at a time. It is safe for use by several goroutines.
type rounds struct {
	measure func(context.Context, observed, time.Time, *stay) (*lifecycle.Round, error)
	// wake has a run looked at.
	wake func(ctrl.Request)

	room room
	mu   sync.Mutex
	of   map[types.NamespacedName]*measuring
}

// measuring is the round of a run. When done is closed it has the round; nil if
// it was cut off.
type measuring struct {
	course  course
	answers *stay
	done    chan struct{}
	round   *lifecycle.Round
}

func (m *measuring) isDone() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// course is what a round counts for: the pods of one step of one attempt of a run.
type course struct {
	uid     types.UID
	attempt int32
	step    int32
	readyAt time.Time
}

func courseOf(seen observed) course {
	c := course{uid: seen.run.UID, attempt: lifecycle.AttemptOf(seen.run.Status)}
	if step := seen.run.Status.Step; step != nil && step.ReadyAt != nil {
		c.step, c.readyAt = step.Number, step.ReadyAt.Time
	}
	return c
}

// take returns what was measured of a run since it was looked at, nil if nothing
// was or it is of pods that are no longer judged. judged must be called when the
// round is needed no more.
func (r *rounds) take(seen observed) (round *lifecycle.Round, judged func()) {
	name := types.NamespacedName{Namespace: seen.run.Namespace, Name: seen.run.Name}
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.of[name]
	if m == nil || !m.isDone() {
		return nil, func() {}
	}
	delete(r.of, name)
	if m.course != courseOf(seen) {
		m.answers.leave()
		return nil, func() {}
	}
	return m.round, m.answers.leave
}

// forget drops what was measured of a run that is gone.
func (r *rounds) forget(name types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.of[name]; m != nil && m.isDone() {
		delete(r.of, name)
		m.answers.leave()
	}
}

// start measures a run at a time, and has it looked at when that is done. It
// does nothing while a round of it is under way. The round ends with ctx, which
// has to be the controller's.
func (r *rounds) start(ctx context.Context, seen observed, at time.Time) {
	name := types.NamespacedName{Namespace: seen.run.Namespace, Name: seen.run.Name}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of[name] != nil {
		return
	}
	m := &measuring{course: courseOf(seen), answers: r.room.enter(name.Namespace), done: make(chan struct{})}
	r.of[name] = m
	go func() {
		round, err := r.measure(ctx, seen, at, m.answers)
		if err != nil { // only ctx's: the next leader measures
			ctrl.LoggerFrom(ctx).V(1).Info("measuring was cut off", "why", err.Error())
		}
		m.round = round
		close(m.done)
		r.wake(ctrl.Request{NamespacedName: name})
	}()
}
