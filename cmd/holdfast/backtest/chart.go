package backtest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/backtest"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/band"
)

// The size of a chart, in units of its own.
const (
	chartWidth, chartHeight         = 720.0, 200.0
	leftEdge, rightEdge             = 70.0, 700.0
	topEdge, bottomEdge, noDataLine = 14.0, 160.0, 172.0
)

// chart is the picture of a metric in a rollout.
type chart struct {
	Name, Rule, Summary string
	Bands               []rectangle
	Lines               []string // points of polylines
	Marks               []mark
	XTicks, YTicks      []tick
	Ready, Decided      *tick
	Measurements        []v1alpha1.Measurement
}

type rectangle struct{ X, Y, Width, Height float64 }

// mark is a measurement; its class is its outcome.
type mark struct {
	X, Y  float64
	Class string
	Title string
}

type tick struct {
	At   float64
	Text string
}

// scale maps values from one end to the other to places between two edges.
type scale struct{ low, high, from, to float64 }

func (s scale) at(v float64) float64 {
	v = min(max(v, s.low), s.high)
	return math.Round((s.from+(v-s.low)/(s.high-s.low)*(s.to-s.from))*10) / 10
}

func chartOf(e Entry, m backtest.Measured) chart {
	newest := m.Measurements[len(m.Measurements)-1]
	c := chart{Name: m.Name, Rule: newest.Range, Measurements: m.Measurements}
	c.Summary = fmt.Sprintf("%s: %d passed, %d failed, %d errors, %d without data", m.Name,
		m.Count(v1alpha1.OutcomePassed), m.Count(v1alpha1.OutcomeFailed), m.Count(v1alpha1.OutcomeError), m.Count(v1alpha1.OutcomeNoData))
	end := e.At.Sub(e.Began).Seconds()
	x := scale{0, max(end, newest.Time.Sub(e.Began).Seconds(), 1) * 1.02, leftEdge, rightEdge}
	y := heights(m.Measurements)
	c.draw(e.Began, m.Measurements, x, y)
	c.XTicks = timeTicks(x)
	for i := range 5 {
		v := y.low + (y.high-y.low)*float64(i)/4
		c.YTicks = append(c.YTicks, tick{y.at(v), fmt.Sprintf("%.3g", v)})
	}
	if !e.ReadyAt.IsZero() {
		c.Ready = &tick{x.at(e.ReadyAt.Sub(e.Began).Seconds()), "Ready at " + stamp(e.ReadyAt)}
	}
	c.Decided = &tick{x.at(end), string(e.Outcome) + " at " + stamp(e.At)}
	return c
}

// draw places bands, lines and marks. A band reaches from its measurement to
// the next; what has no value interrupts the line, and is marked below it.
func (c *chart) draw(began time.Time, measured []v1alpha1.Measurement, x, y scale) {
	var line []string
	flush := func() {
		if len(line) > 1 {
			c.Lines = append(c.Lines, strings.Join(line, " "))
		}
		line = nil
	}
	for i, m := range measured {
		at := x.at(m.Time.Sub(began).Seconds())
		next := x.at(x.high)
		if i+1 < len(measured) {
			next = x.at(measured[i+1].Time.Sub(began).Seconds())
		}
		if b := band.Bounds(m); b.Known {
			top, bottom := y.at(b.High), y.at(b.Low)
			c.Bands = append(c.Bands, rectangle{at, top, next - at, max(bottom-top, 1)})
		}
		mark := mark{X: at, Y: noDataLine, Class: strings.ToLower(string(m.Outcome))}
		mark.Title = fmt.Sprintf("%s %s: %s", stamp(m.Time.Time), m.Outcome, m.Message)
		if v, ok := band.Number(m.Value); ok {
			mark.Y = y.at(v)
			line = append(line, fmt.Sprintf("%g,%g", mark.X, mark.Y))
		} else {
			flush()
		}
		c.Marks = append(c.Marks, mark)
	}
	flush()
}

// heights is a scale that has every value and every finite end of a range in it.
func heights(measured []v1alpha1.Measurement) scale {
	var all []float64
	add := func(v float64) {
		if !math.IsInf(v, 0) && !math.IsNaN(v) {
			all = append(all, v)
		}
	}
	for _, m := range measured {
		if v, ok := band.Number(m.Value); ok {
			add(v)
		}
		if b := band.Bounds(m); b.Known {
			add(b.Low)
			add(b.High)
		}
	}
	if len(all) == 0 {
		all = []float64{0, 1}
	}
	low, high := slices.Min(all), slices.Max(all)
	room := (high - low) * 0.1
	if !(room > 0) || math.IsInf(room, 0) { // one value, or more than can be told apart
		room = max(math.Abs(high)*0.1, 0.1)
	}
	if low < 0 || low > 2*room {
		low -= room
	} else {
		low = 0
	}
	high += room
	if math.IsInf(high-low, 0) || !(high > low) {
		low, high = -math.MaxFloat64/4, math.MaxFloat64/4
	}
	return scale{low, high, bottomEdge, topEdge}
}

// timeTicks are about six times since the beginning, at round durations.
func timeTicks(x scale) []tick {
	every := time.Second
	for _, d := range []time.Duration{
		time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute,
		10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour,
	} {
		every = d
		if x.high/d.Seconds() <= 8 {
			break
		}
	}
	var out []tick
	for d := time.Duration(0); d.Seconds() <= x.high && len(out) < 20; d += every {
		out = append(out, tick{x.at(d.Seconds()), lifecycle.Short(d)})
	}
	return out
}
