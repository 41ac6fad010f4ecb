package measure

import (
	"testing"
	"time"
)

// TestWhoAsksTogetherGoesOnTo: two runs of one interval that ask for one time do so in all rounds, and two
// that do not never do.
func TestWhoAsksTogetherGoesOnTo(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, interval := range []time.Duration{time.Second, 5 * time.Second, 7 * time.Second, 10 * time.Second, 20 * time.Second, 61 * time.Second, 1500 * time.Millisecond} {
		times := map[time.Time]bool{}
		for one := range int(interval/time.Second) * 4 {
			times[alignTime(noon.Add(time.Duration(one)*time.Second/4), interval)] = true
			for other := range one {
				var together [5]bool
				for round := range together {
					start := noon.Add(time.Duration(round) * interval)
					together[round] = alignTime(start.Add(time.Duration(one)*time.Second/4), interval).Equal(alignTime(start.Add(time.Duration(other)*time.Second/4), interval))
				}
				if together != [5]bool{} && together != [5]bool{true, true, true, true, true} {
					t.Fatalf("interval %s, %d and %d quarters of a second after noon: together in rounds %v", interval, one, other, together)
				}
			}
		}
		if most := int(interval/grid(interval)) + 2; len(times) > most {
			t.Errorf("interval %s: %d times are asked for, want %d at most", interval, len(times), most)
		}
	}
}

func TestAlign(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct{ interval, after, want time.Duration }{
		"on the grid":                       {30 * time.Second, 0, 0},
		"thirds of the interval":            {30 * time.Second, 19 * time.Second, 10 * time.Second},
		"whole seconds":                     {5 * time.Second, 3900 * time.Millisecond, 3 * time.Second},
		"a second at least":                 {time.Second, 3900 * time.Millisecond, 3 * time.Second},
		"ten seconds at most":               {time.Hour, 59 * time.Second, 50 * time.Second},
		"rounds of a run keep their places": {30 * time.Second, 49 * time.Second, 40 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			if got := alignTime(noon.Add(tc.after), tc.interval).Sub(noon); got != tc.want {
				t.Errorf("the time noon + %s becomes noon + %s, want %s", tc.after, got, tc.want)
			}
			if got := align(tc.after, tc.interval); got != tc.want {
				t.Errorf("the age %s becomes %s, want %s", tc.after, got, tc.want)
			}
		})
	}
}
