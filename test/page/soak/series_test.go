package soak

import (
	"math/rand/v2"
	"testing"
	"time"
)

// recorded is a made-up soak of an hour.
func recorded(value func(minute int) float64) Series {
	s := Series{Measures: []Measure{{"heap", "MiB", Limit{Share: 0.05, Room: 1}}}}
	for minute := 1; minute <= 60; minute++ {
		s.Samples = append(s.Samples, Sample{time.Duration(minute) * time.Minute, []float64{value(minute)}})
	}
	return s
}

func TestWhatGrowsIsFound(t *testing.T) {
	noise := rand.New(rand.NewPCG(16, 1))
	for name, tc := range map[string]struct {
		value func(minute int) float64
		flat  bool
	}{
		"what stays":                               {func(int) float64 { return 20 }, true},
		"what moves and stays":                     {func(int) float64 { return 20 + 3*noise.Float64() }, true},
		"what fills up in the first quarter":       {func(m int) float64 { return 10 + min(float64(m), 14) }, true},
		"what is once much larger":                 {func(m int) float64 { return map[bool]float64{true: 200, false: 20}[m == 55] }, true},
		"what shrinks":                             {func(m int) float64 { return 40 - float64(m)/2 }, true},
		"what grows by a twentieth each minute":    {func(m int) float64 { return 20 + float64(m)/20 }, false},
		"what grows and moves":                     {func(m int) float64 { return 20 + float64(m)/10 + 3*noise.Float64() }, false},
		"what grows and is collected now and then": {func(m int) float64 { return 20 + float64(m)/8 + float64(m%10)/2 }, false},
	} {
		growths, err := recorded(tc.value).Growths()
		if err != nil {
			t.Fatal(err)
		}
		if growths[0].Flat() != tc.flat {
			t.Errorf("%s: %s", name, growths[0])
		}
	}
}

func TestASlopeTakesSamples(t *testing.T) {
	if _, err := (Series{}).Growths(); err == nil {
		t.Error("nothing has a slope")
	}
	s := recorded(func(int) float64 { return 1 })
	s.Samples = s.Samples[:5]
	if growths, err := s.Growths(); err == nil {
		t.Errorf("of four samples: %v", growths)
	}
}
