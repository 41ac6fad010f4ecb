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
// A namespace leaves most of the room to others, for what it has at work keeps the API
// server busy for everybody. Where its first request is overdue, it is not the work that
// takes the time but something that all of its requests wait for, such as a slow webhook
// of others, and it leaves half.
//
// It is pure, and not safe for use by several goroutines.
type queue struct {
	shares
	waiting map[string][]*slot
	// order are the namespaces with waiting requests, the next one of equals first.
	order []string
	// leaves is how many times of what it holds a namespace leaves free.
	leaves int64
}

// slot is the place of a request. Its given is closed when the request may be answered.
type slot struct {
	namespace string
	weight    int64
	overdue   bool
	given     chan struct{}
}

func newQueue(size, leaves int64) *queue {
	return &queue{shares: newShares(size), waiting: map[string][]*slot{}, leaves: leaves}
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

// setOverdue says that a request has waited for long.
func (q *queue) setOverdue(s *slot) {
	s.overdue = true
	q.give()
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

// leavesFor is how many times of what it holds the namespace of a request leaves free for it.
func (q *queue) leavesFor(s *slot) int64 {
	if s.overdue {
		return 1
	}
	return q.leaves
}

// next is the namespace whose turn it is, if there is one.
func (q *queue) next() (namespace string, waits bool) {
	for _, n := range q.order {
		first := q.waiting[n][0]
		if q.within(n, first.weight, q.leavesFor(first)) && (!waits || q.held[n] < q.held[namespace]) {
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
