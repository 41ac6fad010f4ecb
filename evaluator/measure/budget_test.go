package measure

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
func TestOneNamespaceLeavesSomeForOthers(t *testing.T) {
	var b Budget
	first, second := b.Reserve("greedy"), b.Reserve("greedy")
	for _, take := range []struct {
		by   *Reservation
		size int
		fits bool
	}{{first, 10 * mebi, true}, {second, 14 * mebi, true}, {first, 1, false}, {second, mebi, false}} {
		if err := take.by.Take(take.size); (err == nil) != take.fits {
			t.Errorf("%d bytes: %v", take.size, err)
		}
	}
	if err := first.Take(1); err == nil || !strings.Contains(err.Error(), "more than 24.0 MiB; let queries aggregate") {
		t.Errorf("it says %v", err)
	}
	if err := b.Reserve("modest").Take(20 * mebi); err != nil {
		t.Error(err)
	}
	second.Release()
	if err := first.Take(14 * mebi); err != nil {
		t.Error(err)
	}
}

// Where many come, an equal share is there for each, also for whoever comes last.
func TestAnEqualShareIsAlwaysThere(t *testing.T) {
	var b Budget
	for i := range 4 {
		if err := b.Reserve(fmt.Sprint("early", i)).Take(budgetOfOne); err != nil {
			t.Fatal(err)
		}
	}
	late := b.Reserve("late")
	if err := late.Take(budgetOfAll / 5); err != nil {
		t.Error(err)
	}
	if err := late.Take(1); err == nil {
		t.Error("there is more than the share")
	}
}

// Whatever comes and goes: none is refused within its share, none has more than
// its part, all together stay within what shares add up to, and nothing is left.
func TestTheBudgetIsSharedOut(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		var b Budget
		var all []*Reservation
		for range 400 {
			which := random.IntN(len(all) + 1)
			switch {
			case which == len(all):
				all = append(all, b.Reserve(fmt.Sprint(random.IntN(20))))
			case random.IntN(3) > 0:
				s, size, share := all[which], 1+random.IntN(8*mebi), budgetOfAll/max(4, len(b.of))
				if had := b.of[s.namespace].taken; s.Take(size) != nil && had+size <= share {
					t.Fatalf("seed %d: refused with %d bytes of a share of %d", seed, had+size, share)
				}
			default:
				all[which].Release()
				all = slices.Delete(all, which, which+1)
			}
			sum := 0
			for name, tenant := range b.of {
				if sum += tenant.taken; tenant.taken > budgetOfOne {
					t.Fatalf("seed %d: %s has %d bytes", seed, name, tenant.taken)
				}
			}
			if sum != b.taken || sum > 3*budgetOfAll {
				t.Fatalf("seed %d: all have %d bytes, %d are counted", seed, sum, b.taken)
			}
		}
		for _, s := range all {
			s.Release()
		}
		if b.taken != 0 || len(b.of) != 0 {
			t.Fatalf("seed %d: %d bytes and %d namespaces are left", seed, b.taken, len(b.of))
		}
	}
}
