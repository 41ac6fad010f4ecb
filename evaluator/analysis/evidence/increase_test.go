package evidence

import (
	"math"
	"testing"
	"time"
)

func TestIncrease(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	series := func(values ...float64) (out []Point) {
		for i, v := range values {
			out = append(out, Point{at(15 * i), v})
		}
		return out
	}
	for name, tt := range map[string]struct {
		samples  []Point
		from, to int
		want     float64
	}{
		"the last value less the first":                        {series(10, 12, 15, 19), 0, 45, 9},
		"times between samples take those before them":         {series(10, 12, 15, 19), 20, 44, 3},
		"after a reset it has risen from 0":                    {series(10, 12, 3, 4), 0, 45, 2 + 3 + 1},
		"two resets are two":                                   {series(10, 2, 1, 4), 0, 45, 2 + 1 + 3},
		"a new series has risen from 0 to its first value":     {series(7, 9), -15, 15, 9},
		"a series that was there before has not":               {series(7, 9), 0, 15, 2},
		"a sample that is no number is passed over":            {series(10, math.NaN(), 15), 0, 30, 5},
		"a sample at the end counts, one at the start did":     {series(10, 12, 15), 15, 30, 3},
		"later samples do not count":                           {series(10, 12, 15), 0, 15, 2},
		"no samples, no increase":                              {nil, 0, 15, 0},
		"a counter that stands still":                          {series(5, 5, 5), 0, 30, 0},
		"what was before from is only what it is counted from": {series(100, 200, 201), 15, 30, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Increase(tt.samples, at(tt.from), at(tt.to)); got != tt.want {
				t.Errorf("Increase = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestIncreasesOfIntervalsAddUp(t *testing.T) {
	r := seeded(20)
	for range 100 {
		var samples []Point
		now, value := time.Unix(0, 0), 0.0
		for range 40 {
			now = now.Add(time.Duration(1+r.IntN(30)) * time.Second)
			if value += float64(r.IntN(20)); r.IntN(8) == 0 {
				value = float64(r.IntN(5))
			}
			samples = append(samples, Point{now, value})
		}
		start := time.Unix(-1, 0)
		sum, from := 0.0, start
		for from.Before(now) {
			to := from.Add(time.Duration(1+r.IntN(60)) * time.Second)
			sum += Increase(samples, from, to)
			from = to
		}
		if all := Increase(samples, start, from); sum != all {
			t.Fatalf("intervals add up to %v, the whole is %v", sum, all)
		}
	}
}
