package promql

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// play lets queries come and end, and tells in which order they were asked: "a"
// is a query of namespace a that comes, "-a" the end of the one of a that has
// been under way the longest, "~a" that the last of a that waits gives up.
func play(turns int, script string) string {
	q := newQueue(turns)
	q.most = 3
	var waiting []*turn
	underWay := map[string][]*turn{}
	var asked []string
	for word := range strings.FieldsSeq(script) {
		namespace := word[len(word)-1:]
		switch word[0] {
		case '-':
			q.leave(underWay[namespace][0])
			underWay[namespace] = underWay[namespace][1:]
		case '~':
			for i := len(waiting) - 1; i >= 0; i-- {
				if waiting[i].namespace == namespace {
					q.leave(waiting[i])
					waiting = append(waiting[:i], waiting[i+1:]...)
					break
				}
			}
		default:
			t := q.enter(namespace)
			if t == nil {
				asked = append(asked, "!"+namespace)
				continue
			}
			waiting = append(waiting, t)
		}
		var still []*turn
		for _, t := range waiting {
			select {
			case <-t.given:
				underWay[t.namespace] = append(underWay[t.namespace], t)
				asked = append(asked, t.namespace)
			default:
				still = append(still, t)
			}
		}
		waiting = still
	}
	return strings.Join(asked, " ")
}

func TestTurnsAreFairByNamespace(t *testing.T) {
	for name, tc := range map[string]struct {
		turns        int
		script, want string
	}{
		"while turns are free nobody waits":            {3, "a a b", "a a b"},
		"one namespace may have all that nobody wants": {2, "a a a -a", "a a a"},
		"within a namespace the first comes first":     {1, "a a ~a a -a -a", "a a"},
		"who asks much waits behind himself":           {1, "a a a b -a -a -b", "a a b a"},
		"namespaces take turns":                        {1, "x a a b b c c -x -a -b -c -a -b -c", "x a b c a b c"},
		"a turn goes to who has the fewest under way":  {3, "a a b a a b b -b", "a a b b"},
		"slow queries leave others a turn":             {2, "a a a a b b b -a -b -b", "a a b b b"},
		"who gives up is forgotten":                    {1, "a b c ~b -a -c a", "a c a"},
		"who gave up alone is not waited for":          {1, "a b ~b -a c", "a c"},
		"too many of one namespace are refused":        {1, "a a a a a b -a -a", "a !a a b"},
		"a refused one leaves no trace":                {1, "a a a a a -a -a a", "a !a a a"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := play(tc.turns, tc.script); got != tc.want {
				t.Errorf("asked %q, want %q", got, tc.want)
			}
		})
	}
}

// Whatever comes and goes: no more are under way than there are turns, no turn
// stays free while one waits, and nothing is left of what has ended.
func TestNoTurnIsLostOrMadeUp(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		turns := 1 + random.IntN(4)
		q := newQueue(turns)
		var there []*turn
		for range 300 {
			if len(there) > 0 && random.IntN(2) == 0 {
				i := random.IntN(len(there))
				q.leave(there[i])
				there = append(there[:i], there[i+1:]...)
			} else {
				there = append(there, q.enter(string(rune('a'+random.IntN(4)))))
			}
			given := 0
			for _, each := range there {
				select {
				case <-each.given:
					given++
				default:
				}
			}
			if given > turns || q.free != turns-given || given < min(turns, len(there)) {
				t.Fatalf("%d of %d are under way with %d turns, %d of them free", given, len(there), turns, q.free)
			}
		}
		for _, each := range there {
			q.leave(each)
		}
		if q.free != turns || len(q.order)+len(q.waiting)+len(q.underWay) > 0 {
			t.Fatalf("something is left: %+v", q)
		}
	}
}
