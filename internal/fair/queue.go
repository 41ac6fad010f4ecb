package fair

import "slices"

// queue decides whose turn is next, where more is wanted than there is. It is that of the
// namespace that holds the least, among those that are within their share; of several that
// hold the same, of the one whose last turn, or whose wait, began the longest ago; within a
// namespace, of what came first. What does not fit yet is waited for: a large one is not
// passed over by smaller ones for ever. So who holds nothing is passed over by each other
// namespace once at most.
//
// It is pure, and not safe for use by several goroutines.
type queue struct {
	Shares
	waiting map[string][]*slot
	// order are the namespaces of which some wait, the next one of equals first.
	order []string
	// leaves is how many times of what it holds a namespace leaves free, unless what it
	// wants is overdue.
	leaves int64
}

// slot is what somebody wants. Its given is closed when it is theirs.
type slot struct {
	namespace string
	weight    int64
	overdue   bool
	given     chan struct{}
}

func newQueue(size, leaves int64) *queue {
	return &queue{Shares: NewShares(size), waiting: map[string][]*slot{}, leaves: leaves}
}

// enter takes what is free, or a place behind the others. A weight is at most the size
// of all. Whoever entered must leave.
func (q *queue) enter(namespace string, weight int64) *slot {
	s := &slot{namespace: namespace, weight: weight, given: make(chan struct{})}
	if len(q.waiting[namespace]) == 0 {
		q.order = append(q.order, namespace)
	}
	q.waiting[namespace] = append(q.waiting[namespace], s)
	q.give()
	return s
}

// setOverdue says that somebody has waited for long.
func (q *queue) setOverdue(s *slot) {
	s.overdue = true
	q.give()
}

// leave gives a slot back, or up.
func (q *queue) leave(s *slot) {
	if i := slices.Index(q.waiting[s.namespace], s); i >= 0 {
		q.forget(s.namespace, i)
	} else {
		q.GiveBack(s.namespace, s.weight)
	}
	q.give() // also one that gave up may have been waited for
}

// give hands out what is free.
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
		q.Take(next, s.weight)
		close(s.given)
	}
}

// leavesFor is how many times of what it holds the namespace of a slot leaves free for it.
func (q *queue) leavesFor(s *slot) int64 {
	if s.overdue {
		return min(1, q.leaves)
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

// forget takes one out of those that wait.
func (q *queue) forget(namespace string, i int) {
	left := slices.Delete(q.waiting[namespace], i, i+1)
	q.waiting[namespace] = left
	if len(left) == 0 {
		delete(q.waiting, namespace)
		q.order = slices.DeleteFunc(q.order, func(n string) bool { return n == namespace })
	}
}
