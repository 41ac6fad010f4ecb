package main

import "testing"

func TestSpread(t *testing.T) {
	for name, c := range map[string]struct {
		rate          float64
		requests, bad int
	}{
		"no errors without a rate":     {0, 100, 0},
		"every fifth at 0.2":           {0.2, 100, 20},
		"exact for an uneven rate":     {0.37, 1000, 370},
		"all at 1":                     {1, 50, 50},
		"nothing before the first due": {0.2, 4, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, bad := spread{rate: c.rate}, 0
			for range c.requests {
				if s.next() {
					bad++
				}
			}
			if bad != c.bad {
				t.Errorf("%d of %d were errors, want %d", bad, c.requests, c.bad)
			}
		})
	}
}

func TestSpreadThatChanges(t *testing.T) {
	s, bad := spread{}, 0
	for i := range 200 {
		if i == 100 {
			s.set(0.25)
		}
		if s.next() {
			bad++
		}
	}
	if bad != 25 {
		t.Errorf("%d of 100 after the change were errors, want 25", bad)
	}
}

func TestSpreadIsEven(t *testing.T) {
	s, last := spread{rate: 0.2}, 0
	for i := 1; i <= 500; i++ {
		if s.next() {
			if i-last != 5 {
				t.Fatalf("errors %d requests apart at request %d, want 5", i-last, i)
			}
			last = i
		}
	}
}
