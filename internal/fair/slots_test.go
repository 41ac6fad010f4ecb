package fair

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		slots := NewSlots(Options{Size: 2, Leaves: 1, Overdue: time.Second, MostWaiting: 1})
		first, err := slots.Take(ctx, "a", 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := slots.Take(ctx, "a", 9); !errors.Is(err, ErrNone) { // takes all, and its wait ends
			t.Errorf("a slot larger than what is free: %v", err)
		}
		other := make(chan error)
		go func() { _, err := slots.Take(context.Background(), "a", 2); other <- err }()
		synctest.Wait()
		began := time.Now()
		if _, err := slots.Take(ctx, "a", 2); !errors.Is(err, ErrNone) || time.Since(began) > 0 {
			t.Errorf("too many of one namespace wait: %v after %s", err, time.Since(began))
		}
		if held := slots.Held(); len(held) != 1 || held["a"] != 1 {
			t.Errorf("held %v", held)
		}
		first()
		if err := <-other; err != nil {
			t.Errorf("the one that waited: %v", err)
		}
	})
}

// What is overdue needs to leave only as much as its namespace holds.
func TestWhatIsOverdueGetsASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := NewSlots(Options{Size: 9, Leaves: 8, Overdue: time.Second})
		for range 3 {
			if _, err := slots.Take(t.Context(), "a", 1); err != nil {
				t.Fatal(err)
			}
		}
		if held := slots.Held()["a"]; held != 3 {
			t.Errorf("held %d", held)
		}
	})
}
