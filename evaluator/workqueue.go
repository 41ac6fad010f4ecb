package evaluator

import (
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
)

// newWorkQueue is a controller's queue in which namespaces take turns, so that what a
// tenant with thousands of runs sets off is not worked on before what others ask for.
func newWorkQueue(name string, limiter workqueue.TypedRateLimiter[ctrl.Request]) workqueue.TypedRateLimitingInterface[ctrl.Request] {
	order := workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[ctrl.Request]{Name: name, Queue: &byNamespace{waiting: map[string][]ctrl.Request{}}})
	return workqueue.NewTypedRateLimitingQueueWithConfig(limiter, workqueue.TypedRateLimitingQueueConfig[ctrl.Request]{
		Name:          name,
		DelayingQueue: workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[ctrl.Request]{Name: name, Queue: order}),
	})
}

// byNamespace is the order of a work queue: each namespace in turn, and within it
// what came first. The work queue locks it, and never adds what waits already.
type byNamespace struct {
	waiting map[string][]ctrl.Request // none is empty
	turns   []string                  // the namespaces that wait, the next one first
	count   int
}

var _ workqueue.Queue[ctrl.Request] = (*byNamespace)(nil)

// Touch implements workqueue.Queue: what is asked for again keeps its place.
func (q *byNamespace) Touch(ctrl.Request) {}

// Push implements workqueue.Queue.
func (q *byNamespace) Push(r ctrl.Request) {
	if len(q.waiting[r.Namespace]) == 0 {
		q.turns = append(q.turns, r.Namespace)
	}
	q.waiting[r.Namespace] = append(q.waiting[r.Namespace], r)
	q.count++
}

// Len implements workqueue.Queue.
func (q *byNamespace) Len() int { return q.count }

// Pop implements workqueue.Queue.
func (q *byNamespace) Pop() ctrl.Request {
	namespace := q.turns[0]
	q.turns = q.turns[1:]
	r := q.waiting[namespace][0]
	if left := q.waiting[namespace][1:]; len(left) > 0 {
		q.waiting[namespace] = left
		q.turns = append(q.turns, namespace)
	} else {
		delete(q.waiting, namespace)
	}
	q.count--
	return r
}
