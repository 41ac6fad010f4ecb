package evaluator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

const mebi = 1 << 20

// A namespace has no more than its part, however many rounds it takes, and gets
// back what they leave.
func TestOneNamespaceLeavesRoomForOthers(t *testing.T) {
	var r room
	first, second := r.enter("greedy"), r.enter("greedy")
	for _, take := range []struct {
		by   *stay
		size int
		fits bool
	}{{first, 10 * mebi, true}, {second, 14 * mebi, true}, {first, 1, false}, {second, mebi, false}} {
		if err := take.by.take(take.size); (err == nil) != take.fits {
			t.Errorf("%d bytes: %v", take.size, err)
		}
	}
	if err := first.take(1); err == nil || !strings.Contains(err.Error(), "more than 24.0 MiB; let queries aggregate") {
		t.Errorf("it says %v", err)
	}
	if err := r.enter("modest").take(20 * mebi); err != nil {
		t.Error(err)
	}
	second.leave()
	if err := first.take(14 * mebi); err != nil {
		t.Error(err)
	}
}

// Where many come, an equal share is there for each, also for whoever comes last.
func TestAnEqualShareIsAlwaysThere(t *testing.T) {
	var r room
	for i := range 4 {
		if err := r.enter(fmt.Sprint("early", i)).take(roomForOne); err != nil {
			t.Fatal(err)
		}
	}
	late := r.enter("late")
	if err := late.take(roomForAll / 5); err != nil {
		t.Error(err)
	}
	if err := late.take(1); err == nil {
		t.Error("there is more than the share")
	}
}

// Whatever comes and goes: none is refused within its share, none has more than
// its part, all together stay within what shares add up to, and nothing is left.
func TestRoomIsSharedOut(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		var r room
		var stays []*stay
		for range 400 {
			which := random.IntN(len(stays) + 1)
			switch {
			case which == len(stays):
				stays = append(stays, r.enter(fmt.Sprint(random.IntN(20))))
			case random.IntN(3) > 0:
				s, size, share := stays[which], 1+random.IntN(8*mebi), roomForAll/max(4, len(r.of))
				if had := r.of[s.namespace].taken; s.take(size) != nil && had+size <= share {
					t.Fatalf("seed %d: refused with %d bytes of a share of %d", seed, had+size, share)
				}
			default:
				stays[which].leave()
				stays = slices.Delete(stays, which, which+1)
			}
			sum := 0
			for name, tenant := range r.of {
				if sum += tenant.taken; tenant.taken > roomForOne {
					t.Fatalf("seed %d: %s has %d bytes", seed, name, tenant.taken)
				}
			}
			if sum != r.taken || sum > 3*roomForAll {
				t.Fatalf("seed %d: all have %d bytes, %d are counted", seed, sum, r.taken)
			}
		}
		for _, s := range stays {
			s.leave()
		}
		if r.taken != 0 || len(r.of) != 0 {
			t.Fatalf("seed %d: %d bytes and %d namespaces are left", seed, r.taken, len(r.of))
		}
	}
}
