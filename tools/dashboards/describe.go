package main

// description is what a dashboard shows, in our own words; grafana.go makes Grafana's of it.
type description struct {
	uid, title, words string
	// from is how far it looks back.
	from    string
	choices []choice
	rows    []row
}

// choice is a variable: the values of a label of a series.
type choice struct{ name, title, of, label string }

type row struct {
	title string
	shown []shown
}

// shown is a panel. Each says in its words what is to be seen, and what is amiss when it is not as it should
// be.
type shown struct {
	as                 kind
	title, unit, words string
	// width is of 24.
	width  int
	colors []step
	asked  []asked
}

// asked is a query, and what its series are called.
type asked struct{ query, legend string }

type kind string

const (
	lines  kind = "timeseries"
	bars   kind = "bars"
	number kind = "stat"
	table  kind = "table"
)

func (s shown) height() int {
	if s.as == number {
		return 5
	}
	return 8
}

// from is a color that begins at a value; the first of a list has none.
func from(value float64, color string) step { return step{Color: color, Value: &value} }

// badFrom is green below a value and red from there on.
func badFrom(value float64) []step { return []step{{Color: "green"}, from(value, "red")} }

// goodFrom is red below a value and green from there on.
func goodFrom(value float64) []step { return []step{{Color: "red"}, from(value, "green")} }
