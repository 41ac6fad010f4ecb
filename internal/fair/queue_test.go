package fair

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// play lets requests come and end, and tells in which order they were answered: "a2"
// is a request of namespace a that takes two, "-a" the end of the one of a that has
// been answered the longest, "~a" that the last of a that waits gives up, "!a" that the first of
// a that waits is overdue.
func play(size, leaves int64, script string) string {
	q := newQueue(size, leaves)
	var waiting []*slot
	answered := map[string][]*slot{}
	var order []string
	for word := range strings.FieldsSeq(script) {
		switch word[0] {
		case '-':
			namespace := word[1:]
			q.leave(answered[namespace][0])
			answered[namespace] = answered[namespace][1:]
		case '~':
			i := len(waiting) - 1
			for waiting[i].namespace != word[1:] {
				i--
			}
			q.leave(waiting[i])
			waiting = slices.Delete(waiting, i, i+1)
		case '!':
			q.setOverdue(waiting[slices.IndexFunc(waiting, func(s *slot) bool { return s.namespace == word[1:] })])
		default:
			waiting = append(waiting, q.enter(word[:1], int64(word[1]-'0')))
		}
		waiting = slices.DeleteFunc(waiting, func(s *slot) bool {
			if !isGiven(s) {
				return false
			}
			answered[s.namespace] = append(answered[s.namespace], s)
			order = append(order, s.namespace)
			return true
		})
	}
	return strings.Join(order, " ")
}

func isGiven(s *slot) bool {
	select {
	case <-s.given:
		return true
	default:
		return false
	}
}

func TestSlotsAreSharedByNamespace(t *testing.T) {
	for name, tc := range map[string]struct {
		size         int64
		script, want string
		leaves       int64
	}{
		"while there is room nobody waits":                            {8, "a1 a1 b1 b1", "a a b b", 1},
		"one namespace has half, though nobody wants the rest":        {8, "a1 a1 a1 a1 a1 a1", "a a a a", 1},
		"two have a third each":                                       {9, "a1 a1 a1 b1 b1 b1 a1 b1 c1", "a a a b b b c", 1},
		"what it had before others came it keeps, and takes no more":  {9, "a1 a1 a1 a1 b1 -a -a -a a1 a1 a1 -a", "a a a a b a a a", 1},
		"one thing is always within the share, however large":         {8, "a8 a1 -a", "a a", 1},
		"and then others wait for its end":                            {8, "a8 b1 -a", "a b", 1},
		"within a namespace the first comes first, also when it fits": {8, "a3 a3 a1 -a", "a a a", 1},
		"who holds less comes first":                                  {4, "a1 a1 b1 c1 a1 d1 -b", "a a b c d", 1},
		"namespaces take turns":                                       {2, "x1 y1 a1 a1 b1 b1 c1 -x -y -a -b -c", "x y a b c a b", 1},
		"what does not fit is waited for":                             {4, "a2 b4 c1 -a -b", "a b c", 1},
		"until it gives up":                                           {4, "a2 b4 c1 ~b", "a c", 1},
		"who leaves eight times what it has, has a ninth":             {18, "a1 a1 a1 a1 b1 b1 b1", "a a b", 8},
		"or half, for what is overdue":                                {18, "a2 a2 a2 a2 a2 a2 b2 !a !a !a", "a b a a a", 8},
		"who gives up is forgotten":                                   {2, "a1 b1 c1 d1 ~c -a", "a b d", 1},
		"where nothing is left, one may have all that nobody wants":   {2, "a1 a1 a1 -a", "a a a", 0},
		"and who asks much waits behind itself":                       {1, "a1 a1 a1 b1 -a -a -b", "a a b a", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := play(tc.size, tc.leaves, tc.script); got != tc.want {
				t.Errorf("answered %q, want %q", got, tc.want)
			}
		})
	}
}

// TestTheQueueIsFair, whatever comes and goes: no room is lost or made up; what a namespace is given is
// within its share; whoever could be answered is; and who holds nothing is passed over by
// each other namespace once at most.
func TestTheQueueIsFair(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		w := world{t: t, queue: newQueue(4+random.Int64N(20), 1+random.Int64N(8)), passed: map[string]map[string]int{}}
		for range 400 {
			switch any := len(w.there) > 0; {
			case any && random.IntN(2) == 0:
				w.leave(random.IntN(len(w.there)))
			case any && random.IntN(4) == 0:
				w.queue.setOverdue(w.there[random.IntN(len(w.there))])
			default:
				w.enter(string(rune('a'+random.IntN(5))), 1+random.Int64N(w.queue.size))
			}
			w.check()
		}
		for len(w.there) > 0 {
			w.leave(0)
			w.check()
		}
		if q := w.queue; q.free != q.size || len(q.order)+len(q.waiting)+len(q.held) > 0 {
			t.Fatalf("something is left: %+v", q)
		}
	}
}

// world is a queue and all that is known of it from outside.
type world struct {
	t     *testing.T
	queue *queue
	there []*slot // in the order of coming
	given []*slot // those of them that have a slot
	// passed counts, of each namespace that waits and holds nothing, how often another was given a slot.
	passed map[string]map[string]int
}

func (w *world) enter(namespace string, weight int64) {
	w.there = append(w.there, w.queue.enter(namespace, weight))
}

func (w *world) leave(i int) {
	s := w.there[i]
	w.there = slices.Delete(w.there, i, i+1)
	w.given = slices.DeleteFunc(w.given, func(g *slot) bool { return g == s })
	w.queue.leave(s)
}

func (w *world) held(namespace string) (sum int64) {
	for _, s := range w.given {
		if s.namespace == namespace {
			sum += s.weight
		}
	}
	return sum
}

// free is what is left when all that were given a slot have it.
func (w *world) free() int64 {
	free := w.queue.size
	for _, s := range w.there {
		if isGiven(s) {
			free -= s.weight
		}
	}
	return free
}

func (w *world) check() {
	w.t.Helper()
	var fresh []*slot
	for _, s := range w.there {
		if isGiven(s) && !slices.Contains(w.given, s) {
			fresh = append(fresh, s)
		}
	}
	free := w.free() // as the first of them found it
	for _, s := range fresh {
		free += s.weight
	}
	for _, s := range fresh {
		if held := w.held(s.namespace); held > 0 && w.queue.leavesFor(s)*(held+s.weight) > free-s.weight {
			w.t.Fatalf("%s holds %d of %d, and was given %d more, with %d free", s.namespace, held, w.queue.size, s.weight, free)
		}
		w.given = append(w.given, s)
	}
	var sum int64
	first := map[string]*slot{}
	for _, s := range w.there {
		switch {
		case isGiven(s):
			sum += s.weight
		case first[s.namespace] == nil:
			first[s.namespace] = s
		}
	}
	if sum > w.queue.size || w.queue.free != w.queue.size-sum {
		w.t.Fatalf("%d of %d is taken, and %d free", sum, w.queue.size, w.queue.free)
	}
	w.countPassed(first, fresh)
	blocked := len(first) == 0
	for namespace, s := range first {
		within := w.held(namespace) == 0 || w.queue.leavesFor(s)*(w.held(namespace)+s.weight) <= w.queue.free-s.weight
		blocked = blocked || !within || s.weight > w.queue.free
	}
	if !blocked {
		w.t.Fatalf("all of %v could be answered, and none is", first)
	}
}

func (w *world) countPassed(first map[string]*slot, fresh []*slot) {
	w.t.Helper()
	for namespace := range w.passed {
		if first[namespace] == nil || w.held(namespace) > 0 {
			delete(w.passed, namespace)
		}
	}
	for namespace := range first {
		if w.held(namespace) > 0 {
			continue
		}
		if w.passed[namespace] == nil {
			w.passed[namespace] = map[string]int{} // it waits since now
			continue
		}
		for _, s := range fresh {
			if w.passed[namespace][s.namespace]++; w.passed[namespace][s.namespace] > 1 {
				w.t.Fatalf("%s waits and holds nothing, and %s was given two slots: %s", namespace, s.namespace, fmt.Sprint(w.queue.order))
			}
		}
	}
}
