package serving

import "slices"

// queue decides which request is answered next, where more have come than there is
// room for. It is the turn of the namespace that holds the least of the room, among
// those that are within their share; of several that hold the same, of the one whose
// last turn, or whose wait, began the longest ago; within a namespace, of the request
// that came first. What does not fit yet is waited for: a large request is not passed
// over by smaller ones for ever.
//
// So who holds nothing is passed over by each other namespace once at most.
//
// It is pure, and not safe for use by several goroutines.
type queue struct {
	shares
	waiting map[string][]*slot
	// order are the namespaces with waiting requests, the next one of equals first.
	order []string
}

// slot is the place of a request. Its given is closed when the request may be answered.
type slot struct {
	namespace string
	weight    int64
	given     chan struct{}
}

func newQueue(size int64) *queue {
	return &queue{shares: newShares(size), waiting: map[string][]*slot{}}
}

// enter takes room that is free, or a place behind the others. A weight is at most
// the size of the room. Whoever entered must leave.
func (q *queue) enter(namespace string, weight int64) *slot {
	s := &slot{namespace: namespace, weight: weight, given: make(chan struct{})}
	if len(q.waiting[namespace]) == 0 {
		q.order = append(q.order, namespace)
	}
	q.waiting[namespace] = append(q.waiting[namespace], s)
	q.give()
	return s
}

// leave ends the answer of a request, or its wait.
func (q *queue) leave(s *slot) {
	if i := slices.Index(q.waiting[s.namespace], s); i >= 0 {
		q.forget(s.namespace, i)
	} else {
		q.giveBack(s.namespace, s.weight)
	}
	q.give() // also one that gave up may have been waited for
}

// give hands out the room that is free.
func (q *queue) give() {
	for {
		next, waits := q.next()
		if !waits || q.waiting[next][0].weight > q.free {
			return
		}
		s := q.waiting[next][0]
		q.forget(next, 0)
		if i := slices.Index(q.order, next); i >= 0 { // more of it wait: behind the others
			q.order = append(slices.Delete(q.order, i, i+1), next)
		}
		q.take(next, s.weight)
		close(s.given)
	}
}

// next is the namespace whose turn it is, if there is one.
func (q *queue) next() (namespace string, waits bool) {
	for _, n := range q.order {
		if q.within(n, q.waiting[n][0].weight) && (!waits || q.held[n] < q.held[namespace]) {
			namespace, waits = n, true
		}
	}
	return namespace, waits
}

// forget takes a request out of those that wait.
func (q *queue) forget(namespace string, i int) {
	left := slices.Delete(q.waiting[namespace], i, i+1)
	q.waiting[namespace] = left
	if len(left) == 0 {
		delete(q.waiting, namespace)
		q.order = slices.DeleteFunc(q.order, func(n string) bool { return n == namespace })
	}
}
