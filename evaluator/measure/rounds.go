package measure

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/evaluator/lifecycle"
)

// Rounds measures runs beside the workers of a controller: while one tenant's
// Prometheus is slow to answer, the workers go on with the runs of others. A run
// has one round at a time. It is safe for use by several goroutines.
type Rounds struct {
	// Wake has a run looked at again; to be set before the first Start.
	Wake func(types.NamespacedName)

	observe func(context.Context, Subject, Lookup, time.Time, *Reservation) (*lifecycle.Round, error)
	budget  Budget
	mu      sync.Mutex
	of      map[types.NamespacedName]*pending
}

// NewRounds returns one that measures nothing yet and wakes nobody.
func NewRounds() *Rounds {
	return &Rounds{Wake: func(types.NamespacedName) {}, observe: new(Queries).Observe, of: map[types.NamespacedName]*pending{}}
}

// pending is the round of a run. When done is closed it has the round; nil if it
// was cut off.
type pending struct {
	pods   podsKey
	budget *Reservation
	done   chan struct{}
	round  *lifecycle.Round
}

func (p *pending) isDone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// podsKey tells whose pods a round is of: those of one step of one attempt of a run.
type podsKey struct {
	uid     types.UID
	attempt int32
	step    int32
	readyAt time.Time
}

func keyOf(s Subject) podsKey {
	k := podsKey{uid: s.UID, attempt: lifecycle.AttemptOf(s.Status)}
	if step := s.Status.Step; step != nil && step.ReadyAt != nil {
		k.step, k.readyAt = step.Number, step.ReadyAt.Time
	}
	return k
}

// Take returns what was measured of a run since it was looked at, nil if nothing
// was or it is of pods that are no longer judged. release must be called when the
// round is needed no more.
func (r *Rounds) Take(s Subject) (round *lifecycle.Round, release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.of[s.Run]
	if p == nil || !p.isDone() {
		return nil, func() {}
	}
	delete(r.of, s.Run)
	if p.pods != keyOf(s) {
		p.budget.Release()
		return nil, func() {}
	}
	return p.round, p.budget.Release
}

// Forget drops what was measured of a run that is gone.
func (r *Rounds) Forget(run types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.of[run]; p != nil && p.isDone() {
		delete(r.of, run)
		p.budget.Release()
	}
}

// AskHooks finds out what goes with a round and no Prometheus knows: what hooks answer.
type AskHooks func(context.Context) map[string]lifecycle.HookReply

// Start measures a run at a time, and what goes with the round, if that is not nil, and has it looked at when
// both are done. It does nothing while a round of it is under way. The round ends with ctx, which has to be
// the controller's.
func (r *Rounds) Start(ctx context.Context, s Subject, lookup Lookup, at time.Time, beside AskHooks) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of[s.Run] != nil {
		return
	}
	p := &pending{pods: keyOf(s), budget: r.budget.Reserve(s.Run.Namespace), done: make(chan struct{})}
	r.of[s.Run] = p
	go func() {
		answers := make(chan map[string]lifecycle.HookReply, 1)
		go func() {
			if beside == nil {
				answers <- nil
				return
			}
			answers <- beside(ctx)
		}()
		round, err := r.observe(ctx, s, lookup, at, p.budget)
		if said := <-answers; round != nil {
			round.Answers = said
		}
		if err != nil { // only ctx's: the next leader measures
			ctrl.LoggerFrom(ctx).V(1).Info("measuring was cut off", "why", err.Error())
		}
		p.round = round
		close(p.done)
		r.Wake(s.Run)
	}()
}

// Done is closed when the round of a run that is under way is there; nil if none is. Tests wait for that and
// not for a time; a controller is woken.
func (r *Rounds) Done(run types.NamespacedName) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.of[run]; p != nil {
		return p.done
	}
	return nil
}
