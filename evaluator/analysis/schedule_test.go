package analysis

import (
	"math/rand/v2"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func schedule(delay, interval, period time.Duration) Schedule {
	return NewSchedule(v1alpha1.Analysis{
		InitialDelay: &metav1.Duration{Duration: delay},
		Interval:     &metav1.Duration{Duration: interval},
		Period:       &metav1.Duration{Duration: period},
	}, noon)
}

func TestSchedule(t *testing.T) {
	for name, tc := range map[string]struct {
		s    Schedule
		want []time.Duration // the first rounds after noon
	}{
		"the end on the grid":    {schedule(0, 5*time.Second, 10*time.Second), []time.Duration{0, 5, 10, 15}},
		"the end off the grid":   {schedule(2*time.Second, 5*time.Second, 10*time.Second), []time.Duration{2, 7, 10, 12, 17}},
		"parts of a second":      {schedule(0, 1500*time.Millisecond, 4*time.Second), []time.Duration{0, 1, 3, 4, 6}},
		"two in one second once": {schedule(500*time.Millisecond, time.Second, 2*time.Second), []time.Duration{0, 1, 2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			var last time.Time
			for i, want := range tc.want {
				next := tc.s.Next(last)
				if got := next.Truncate(time.Second).Sub(noon); got != want*time.Second {
					t.Fatalf("round %d is due at %s, want %d s", i, got, want)
				}
				due, ok := tc.s.Due(last, next)
				if !ok || due.Truncate(time.Second).Sub(noon) != want*time.Second {
					t.Fatalf("round %d: Due = %s, %t", i, due, ok)
				}
				if _, early := tc.s.Due(last, next.Add(-time.Millisecond)); early {
					t.Fatalf("round %d is due early", i)
				}
				last = due.Truncate(time.Second)
				if _, again := tc.s.Due(last, next); again {
					t.Fatalf("round %d is due twice", i)
				}
			}
		})
	}
}

func TestScheduleSkipsWhatWasMissed(t *testing.T) {
	s := schedule(0, 5*time.Second, time.Minute)
	due, ok := s.Due(noon, noon.Add(33*time.Second))
	if !ok || due.Sub(noon) != 30*time.Second {
		t.Errorf("got %s, %t, want the newest round only", due.Sub(noon), ok)
	}
	due, ok = s.Due(noon, noon.Add(time.Hour+time.Second))
	if !ok || due.Sub(noon) != time.Hour {
		t.Errorf("got %s, %t", due.Sub(noon), ok)
	}
}

// Whenever one wakes up, as Next says or at any other time: rounds never come
// twice, Next lies ahead of what is done, and what Next names is due when it comes.
func TestScheduleRandomWakes(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		period := time.Duration(1000+random.IntN(60_000)) * time.Millisecond
		s := schedule(time.Duration(random.Int64N(int64(period))), time.Second+time.Duration(random.IntN(5000))*time.Millisecond, period)
		now := noon
		var last time.Time
		for range 100 {
			if random.IntN(2) == 0 {
				now = now.Add(time.Duration(random.IntN(9000)) * time.Millisecond)
			} else if next := s.Next(last); next.After(now) {
				now = next
				if _, ok := s.Due(last, now); !ok {
					t.Fatalf("%+v: nothing is due at %s though Next says so", s, now)
				}
			}
			if due, ok := s.Due(last, now); ok {
				if due.After(now) || !due.Truncate(time.Second).After(last) {
					t.Fatalf("%+v: due %s after %s at %s", s, due, last, now)
				}
				last = due.Truncate(time.Second)
			} else if !s.Next(last).After(now) {
				t.Fatalf("%+v: Next %s has come at %s, and nothing is due", s, s.Next(last), now)
			}
		}
	}
}

// TestStretched: the rest of the rounds comes later, and the end with the last of them.
func TestStretched(t *testing.T) {
	ready := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	after := func(s int) time.Time { return ready.Add(time.Duration(s) * time.Second) }
	a := v1alpha1.Analysis{
		InitialDelay: &metav1.Duration{Duration: 10 * time.Second}, Interval: &metav1.Duration{Duration: 10 * time.Second},
		Period: &metav1.Duration{Duration: 60 * time.Second},
	} // at 10, 20, 30, 40, 50 and 60 s
	for name, tc := range map[string]struct {
		last      time.Time
		taken     int64
		next, end time.Time
	}{
		"before the first":        {time.Time{}, 0, after(10), after(85)},
		"after the first":         {after(10), 1, after(25), after(85)},
		"after three":             {after(30), 3, after(45), after(75)},
		"after three, some late":  {after(50), 3, after(65), after(95)},
		"before the last":         {after(80), 5, after(95), after(95)},
		"with all of them":        {after(95), 6, after(110), after(60)},
		"with more than they are": {after(95), 9, after(110), after(60)},
	} {
		s := NewSchedule(a, ready).Stretched(15*time.Second, tc.last, tc.taken)
		if next := s.Next(tc.last); !next.Equal(tc.next) || !s.End().Equal(tc.end) {
			t.Errorf("%s: the next is due at %s and the end is at %s, want %s and %s", name, next.Sub(ready), s.End().Sub(ready), tc.next.Sub(ready), tc.end.Sub(ready))
		}
		if due, is := s.Due(tc.last, tc.next); !is || !due.Equal(tc.next) {
			t.Errorf("%s: due is %s, %t", name, due.Sub(ready), is)
		}
		if _, is := s.Due(tc.last, tc.next.Add(-time.Second)); is {
			t.Errorf("%s: a round is due before that", name)
		}
	}
}
