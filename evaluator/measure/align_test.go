package measure

import (
	"testing"
	"time"
)

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
