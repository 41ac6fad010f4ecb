// Package leadership has one replica of several do what only one may do at a time, and lets the
// others, and one that loses its lease, go on with all else.
package leadership

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Elector knows whether this replica leads. Controllers run in every replica and look at nothing while
// another leads; a manager's own election would end the process, and its webhook, with the lease.
// It is safe for use by several goroutines.
type Elector struct {
	lock     resourcelock.Interface
	duration time.Duration

	mu     sync.Mutex
	term   *term // nil while another replica leads
	begins []func(context.Context)
}

// term is the time in which this replica leads. Its context ends with it.
type term struct {
	ctx     context.Context
	end     context.CancelFunc
	working sync.WaitGroup
}

// NewElector makes one that leads while it holds the lock, which it gives up when it could not
// renew it for two thirds of duration. Without a lock it leads from Start to end.
func NewElector(lock resourcelock.Interface, duration time.Duration) *Elector {
	return &Elector{lock: lock, duration: duration}
}

// RenewDeadline is how long a leader goes on that cannot renew a lease of a duration.
func RenewDeadline(duration time.Duration) time.Duration { return duration * 2 / 3 }

// OnBegin has something called when a term begins, before anything is worked on in it.
func (e *Elector) OnBegin(begin func(context.Context)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.begins = append(e.begins, begin)
}

// NeedLeaderElection says that every replica runs it.
func (e *Elector) NeedLeaderElection() bool { return false }

// Start takes part in elections until ctx ends. It gives the lease back when nothing works under it any more.
func (e *Elector) Start(ctx context.Context) error {
	if e.lock == nil {
		e.begin(ctx)
		<-ctx.Done()
		e.end()
		return nil
	}
	candidacy, withdraw := context.WithCancel(context.WithoutCancel(ctx))
	defer withdraw()
	context.AfterFunc(ctx, func() {
		e.end()
		withdraw()
	})
	log := ctrl.LoggerFrom(ctx).WithName("leadership").WithValues("identity", e.lock.Identity())
	for ctx.Err() == nil {
		candidate, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: e.lock, Name: "holdfast", ReleaseOnCancel: true,
			LeaseDuration: e.duration, RenewDeadline: RenewDeadline(e.duration), RetryPeriod: e.duration * 2 / 15,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: e.begin,
				OnStoppedLeading: func() {},
				OnNewLeader: func(leader string) {
					log.Info("a replica leads", "leader", leader, "self", leader == e.lock.Identity())
				},
			},
		})
		if err != nil {
			return fmt.Errorf("leadership: %w", err)
		}
		candidate.Run(candidacy)
		if e.end() && ctx.Err() == nil {
			log.Info("the lease is lost: this replica goes on answering, and leads no more")
		}
	}
	return nil
}

// begin begins a term under ctx, unless that is over.
func (e *Elector) begin(ctx context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	for _, begin := range e.begins {
		begin(ctx)
	}
	t := &term{}
	t.ctx, t.end = context.WithCancel(ctx)
	e.term = t
}

// end ends the term, and returns when nothing works in it any more. It says whether there was one.
func (e *Elector) end() bool {
	e.mu.Lock()
	t := e.term
	e.term = nil
	e.mu.Unlock()
	if t == nil {
		return false
	}
	t.end()
	t.working.Wait()
	return true
}

// enter takes part in the term, until leave is called. Without one the context is nil.
func (e *Elector) enter() (ctx context.Context, leave func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.term == nil {
		return nil, func() {}
	}
	e.term.working.Add(1)
	return e.term.ctx, e.term.working.Done
}

// Only has a reconciler look at nothing while another replica leads. Its context
// ends with the term, and not with the call.
func (e *Elector) Only(r reconcile.Reconciler) reconcile.Reconciler {
	return reconcile.Func(func(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
		term, leave := e.enter()
		defer leave()
		if term == nil {
			return reconcile.Result{}, nil
		}
		result, err := r.Reconcile(ctrl.LoggerInto(term, ctrl.LoggerFrom(ctx)), req) //nolint:contextcheck // it ends with the term
		// Whoever leads next looks at it anew.
		if term.Err() != nil {
			return reconcile.Result{}, nil
		}
		return result, err
	})
}

// Source is of all that is to be looked at when a term begins: what happened while
// another replica led was not looked at here.
func (e *Elector) Source(all func(context.Context) []reconcile.Request) source.Source {
	return source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		e.OnBegin(func(ctx context.Context) {
			for _, req := range all(ctx) {
				queue.Add(req)
			}
		})
		return nil
	})
}
