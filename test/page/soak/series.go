// Package soak has the page of a cluster open for long, and says whether browser and server grow.
package soak

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Limit is how much a measure may grow by, over the time that is judged: a share of its size, and Room
// besides, in its unit.
type Limit struct{ Share, Room float64 }

// Measure is something that must not grow.
type Measure struct {
	Name, Unit string
	Limit      Limit
}

// Sample is what was measured at a time, a value for each measure.
type Sample struct {
	After  time.Duration
	Values []float64
}

// Series are the samples of a soak.
type Series struct {
	Measures []Measure
	Samples  []Sample
}

// Growth is how much one measure grew over the last three quarters.
type Growth struct {
	Measure
	// Usual is the median, PerHour the slope, Grown what that makes over the time that was judged; all in the
	// measure's unit.
	Usual, PerHour, Grown float64
}

// Flat says whether that is none to speak of.
func (g Growth) Flat() bool { return g.Grown <= g.Limit.Share*g.Usual+g.Limit.Room }

// String is a line about it.
func (g Growth) String() string {
	verdict := "flat"
	if !g.Flat() {
		verdict = "GROWS"
	}
	return fmt.Sprintf("%-20s %-6s usually %8.1f %-4s %+8.2f an hour, %+7.2f over the last three quarters", g.Name, verdict, g.Usual, g.Unit, g.PerHour, g.Grown)
}

// fewest is how many samples of the last three quarters a slope takes.
const fewest = 5

// Growths are those of all measures over the last three quarters of the time: what is used again and again is
// there by then. The slope is the median of those between all pairs of samples (Theil 1950, Sen 1968), so no
// single sample makes one.
func (s Series) Growths() ([]Growth, error) {
	if len(s.Samples) == 0 {
		return nil, fmt.Errorf("nothing was measured")
	}
	end := s.Samples[len(s.Samples)-1].After
	judged := slices.DeleteFunc(slices.Clone(s.Samples), func(p Sample) bool { return p.After < end/4 })
	if len(judged) < fewest {
		return nil, fmt.Errorf("%d samples in the last three quarters; a slope takes %d", len(judged), fewest)
	}
	long := (end - judged[0].After).Hours()
	out := make([]Growth, 0, len(s.Measures))
	for i, m := range s.Measures {
		var values, slopes []float64
		for k, p := range judged {
			values = append(values, p.Values[i])
			for _, q := range judged[k+1:] {
				slopes = append(slopes, (q.Values[i]-p.Values[i])/(q.After-p.After).Hours())
			}
		}
		slope := median(slopes)
		out = append(out, Growth{Measure: m, Usual: median(values), PerHour: slope, Grown: slope * long})
	}
	return out, nil
}

func median(of []float64) float64 {
	slices.Sort(of)
	if n := len(of); n%2 == 0 {
		return (of[n/2-1] + of[n/2]) / 2
	}
	return of[len(of)/2]
}

// Head names the columns of Line.
func (s Series) Head() string {
	names := []string{"after"}
	for _, m := range s.Measures {
		names = append(names, fmt.Sprintf("%s [%s]", m.Name, m.Unit))
	}
	return "| " + strings.Join(names, " | ") + " |"
}

// Line is a sample as a row of a table.
func (s Series) Line(p Sample) string {
	cells := []string{p.After.Round(time.Second).String()}
	for _, v := range p.Values {
		cells = append(cells, fmt.Sprintf("%.1f", v))
	}
	return "| " + strings.Join(cells, " | ") + " |"
}
