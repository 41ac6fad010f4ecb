package world

import "fmt"

// Scenario is what happens to a run besides a regression.
type Scenario string

const (
	// Steady: nothing.
	Steady Scenario = "steady"
	// Drift: traffic, errors and latencies of all pods wander together.
	Drift Scenario = "drift"
	// Incident: once or twice, for some minutes, all pods have ten times the errors
	// and four times the latency.
	Incident Scenario = "incident"
	// Restarts: every pod restarts once in ten minutes, is away for half a minute,
	// loses its counters and some requests in flight, and has to warm up again.
	Restarts Scenario = "restarts"
	// Missing: one scrape in ten of each pod is missing, and once all of them for
	// two minutes.
	Missing Scenario = "missing scrapes"

	// Bursts is outside of what comparing assumes: errors come in bursts of up to
	// twelve with one cause, on one side at a time.
	Bursts Scenario = "bursts"
	// SlowNode is the same: the canary's node is 15 % slower.
	SlowNode Scenario = "slow node"
)

// Scenarios are those the bar is for; Beyond are those outside of what comparing
// assumes.
var (
	Scenarios = []Scenario{Steady, Drift, Incident, Restarts, Missing}
	Beyond    = []Scenario{Bursts, SlowNode}
)

// Kind is what a regression is of.
type Kind string

const (
	// None: the canary is as good as the stable pods.
	None Kind = "none"
	// Errors: it fails more often.
	Errors Kind = "errors"
	// Latency: it is slower.
	Latency Kind = "latency"
)

// Regression is what is wrong with a canary.
type Regression struct {
	Of     Kind
	Factor float64
}

// Regressions are all there are, none first.
var Regressions = []Regression{
	{None, 1},
	{Errors, 1.5}, {Errors, 2}, {Errors, 5},
	{Latency, 1.5}, {Latency, 2}, {Latency, 5},
}

func (r Regression) String() string {
	if r.Of == None {
		return "none"
	}
	return fmt.Sprintf("%s %g×", r.Of, r.Factor)
}

// Cell is one kind of run.
type Cell struct {
	// Rate is how many requests a second reach the canary.
	Rate float64
	Scenario
	Regression
}

func (c Cell) String() string {
	return fmt.Sprintf("%g/s, %s, %s", c.Rate, c.Scenario, c.Regression)
}

// Cells are all cells of a rate.
func Cells(rate float64) []Cell {
	var out []Cell
	for _, s := range Scenarios {
		for _, r := range Regressions {
			out = append(out, Cell{rate, s, r})
		}
	}
	for _, s := range Beyond {
		out = append(out, Cell{rate, s, Regression{None, 1}})
	}
	return out
}
