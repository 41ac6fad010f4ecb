package promql

import "slices"

// maxWaiting is how many queries of one namespace wait for a turn; more are
// refused at once, so that what one tenant asks for is bounded in memory too.
const maxWaiting = 1000

// queue decides whose query is asked next, where more are to be asked than an
// endpoint takes at once. A turn that comes free goes to the namespace that has
// the fewest queries under way; among several of those to the one whose last
// turn, or whose wait, began the longest ago; within a namespace to the query
// that came first. So whoever asks slow queries, or many, waits behind himself:
// every other namespace has its next turn as soon as any query ends.
//
// It is pure, and not safe for use by several goroutines.
type queue struct {
	free int
	// most is how many may wait of one namespace.
	most int
	// underWay counts queries by namespace, none with zero.
	underWay map[string]int
	waiting  map[string][]*turn
	// order are the namespaces with waiting queries, the next one of equals first.
	order []string
}

// turn is the place of a query. Its given is closed when the query may be asked.
type turn struct {
	namespace string
	given     chan struct{}
}

func newQueue(turns int) *queue {
	return &queue{free: turns, most: maxWaiting, underWay: map[string]int{}, waiting: map[string][]*turn{}}
}

// enter takes a turn that is free, or a place behind the others; nil where too
// many wait. Whoever entered must leave.
func (q *queue) enter(namespace string) *turn {
	if q.free == 0 && len(q.waiting[namespace]) >= q.most {
		return nil
	}
	t := &turn{namespace: namespace, given: make(chan struct{})}
	if !slices.Contains(q.order, namespace) {
		q.order = append(q.order, namespace)
	}
	q.waiting[namespace] = append(q.waiting[namespace], t)
	q.give()
	return t
}

// leave ends a turn, or gives up waiting for one.
func (q *queue) leave(t *turn) {
	if i := slices.Index(q.waiting[t.namespace], t); i >= 0 {
		q.forget(t.namespace, i)
		return
	}
	q.free++
	if q.underWay[t.namespace]--; q.underWay[t.namespace] == 0 {
		delete(q.underWay, t.namespace)
	}
	q.give()
}

// give hands out the turns that are free.
func (q *queue) give() {
	for q.free > 0 && len(q.order) > 0 {
		next := slices.MinFunc(q.order, func(a, b string) int { return q.underWay[a] - q.underWay[b] })
		t := q.waiting[next][0]
		q.forget(next, 0)
		if i := slices.Index(q.order, next); i >= 0 { // more of it wait: behind the others
			q.order = append(slices.Delete(q.order, i, i+1), next)
		}
		q.free--
		q.underWay[next]++
		close(t.given)
	}
}

// forget takes a query out of those that wait.
func (q *queue) forget(namespace string, i int) {
	left := slices.Delete(q.waiting[namespace], i, i+1)
	q.waiting[namespace] = left
	if len(left) == 0 {
		delete(q.waiting, namespace)
		q.order = slices.DeleteFunc(q.order, func(n string) bool { return n == namespace })
	}
}
