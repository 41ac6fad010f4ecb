package leadership

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

const lease = 15 * time.Second

// leaseStub is a lease that can be out of reach.
type leaseStub struct {
	resourcelock.Interface // what is not called

	mu     sync.Mutex
	record *resourcelock.LeaderElectionRecord
	down   bool
}

func (l *leaseStub) Identity() string { return "this" }
func (l *leaseStub) Describe() string { return "a lease" }
func (l *leaseStub) RecordEvent(string) {
}

func (l *leaseStub) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return nil, nil, errors.New("down")
	}
	if l.record == nil {
		return nil, nil, apierrors.NewNotFound(schema.GroupResource{Resource: "leases"}, "holdfast")
	}
	record := *l.record
	return &record, []byte(record.HolderIdentity + record.RenewTime.String()), nil
}

func (l *leaseStub) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.Update(ctx, record)
}

func (l *leaseStub) Update(_ context.Context, record resourcelock.LeaderElectionRecord) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return errors.New("down")
	}
	l.record = &record
	return nil
}

func (l *leaseStub) set(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
}

func (l *leaseStub) holder() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.record == nil {
		return ""
	}
	return l.record.HolderIdentity
}

func start(t *testing.T, e *Elector) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- e.Start(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// TestALeaseThatIsLostIsWonAgain: its term ends before another can begin, nothing is worked on
// between, and the next term begins with everything.
func TestALeaseThatIsLostIsWonAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lock := &leaseStub{}
		e := NewElector(lock, lease)
		begun := 0
		e.OnBegin(func(context.Context) { begun++ })
		queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[ctrl.Request]())
		defer queue.ShutDown()
		all := []ctrl.Request{{NamespacedName: types.NamespacedName{Namespace: "shop", Name: "web"}}}
		if err := e.Source(func(context.Context) []reconcile.Request { return all }).Start(t.Context(), queue); err != nil {
			t.Fatal(err)
		}
		var worked []string
		cutOff := make(chan time.Duration, 1)
		began := time.Now()
		only := e.Only(reconcile.Func(func(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
			worked = append(worked, req.Name)
			if req.Name == "long" {
				<-ctx.Done()
				cutOff <- time.Since(began)
				return ctrl.Result{}, ctx.Err()
			}
			return ctrl.Result{RequeueAfter: time.Minute}, nil
		}))
		reconcileOne := func(name string) ctrl.Result {
			result, err := only.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Name: name}})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return result
		}

		if reconcileOne("before the election"); len(worked) != 0 {
			t.Fatalf("worked on %q before the election", worked)
		}
		stop := start(t, e)
		synctest.Wait()
		if result := reconcileOne("while leading"); result.RequeueAfter != time.Minute || begun != 1 {
			t.Fatalf("%+v in term %d", result, begun)
		}
		go reconcileOne("long")
		lock.set(true)
		if after := <-cutOff; after >= lease { // when another may take it
			t.Errorf("what was under way went on for %s", after)
		}
		synctest.Wait()
		reconcileOne("after the loss")
		if want := []string{"while leading", "long"}; !slices.Equal(worked, want) {
			t.Errorf("worked on %q, want %q", worked, want)
		}
		lock.set(false)
		time.Sleep(2 * lease)
		synctest.Wait()
		if reconcileOne("in the next term"); begun != 2 || queue.Len() != 1 {
			t.Errorf("term %d begins with %d requests", begun, queue.Len())
		}
		if last := worked[len(worked)-1]; last != "in the next term" {
			t.Errorf("worked on %q last", last)
		}
		stop()
		if holder := lock.holder(); holder != "" {
			t.Errorf("the lease is still that of %q", holder)
		}
	})
}

// TestTheLeaseIsGivenBackLast: who takes it does not meet what is still under way here.
func TestTheLeaseIsGivenBackLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lock := &leaseStub{}
		e := NewElector(lock, lease)
		holder := ""
		only := e.Only(reconcile.Func(func(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
			<-ctx.Done()
			time.Sleep(lease * 2) // it also has to be renewed meanwhile
			holder = lock.holder()
			return ctrl.Result{}, nil
		}))
		stop := start(t, e)
		synctest.Wait()
		go func() { _, _ = only.Reconcile(t.Context(), ctrl.Request{}) }()
		synctest.Wait()
		stop()
		if holder != "this" || lock.holder() != "" {
			t.Errorf("the lease was that of %q while something was under way, and is that of %q", holder, lock.holder())
		}
	})
}

// TestWithoutALockEveryoneLeads: no lease is asked for.
func TestWithoutALockEveryoneLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := NewElector(nil, 0)
		stop := start(t, e)
		synctest.Wait()
		if ctx, leave := e.enter(); ctx == nil {
			t.Error("it does not lead")
		} else {
			leave()
		}
		stop()
		if ctx, _ := e.enter(); ctx != nil {
			t.Error("it leads when it has ended")
		}
	})
}
