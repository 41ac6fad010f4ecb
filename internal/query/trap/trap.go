package trap

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// Given is what a query's traps depend on beside its text.
type Given struct {
	// Scrape is how often the canary's pods are scraped, zero if not known.
	Scrape time.Duration
	// Interval and Period are those of the analysis.
	Interval, Period time.Duration
	// Window is what {{window}} stands for, zero if not known.
	Window time.Duration
	// Range is what the values must lie in, empty if something else judges them.
	Range v1alpha1.Range
	// Watched says that some metric of the plan is of failures, so that one of what else
	// may be wrong need not be.
	Watched bool
}

// Trap is something in a right query that is likely not meant: it is no
// mistake, and nobody is refused for it.
type Trap struct {
	// Error is the place and what may go wrong there.
	query.Error
	// Name is one word for the kind of trap; docs/reference/traps.md explains each.
	Name string
}

const (
	trapSeries  = "Series"
	trapNaN     = "NaN"
	trapNever   = "NeverOutside"
	trapItself  = "Itself"
	trapBuckets = "Buckets"
)

// caught is a trap at an offset of the rendered query.
type caught struct {
	at      parser.Node
	message string
}

// looked is a query as those who look for traps see it.
type looked struct {
	Given
	template query.Template
	values   query.Values
	expr     parser.Expr
	spans    []query.Span
}

// traps are all that are looked for, in the order of docs/reference/traps.md.
var traps = []struct {
	name string
	look func(looked) []caught
}{
	{"NoCanary", noCanary},
	{"OthersPods", othersPods},
	{"OtherDenominator", otherDenominator},
	{"OtherFactor", otherFactor},
	{trapItself, itself},
	{"UnlikeAmounts", unlikeAmounts},
	{trapBuckets, buckets},
	{"MissingHidden", missingHidden},
	{"Truth", truths},
	{"Clock", clock},
	{"PerSecond", perSecond},
	{"Scalar", scalars},
	{"Absent", absent},
	{"Filter", filter},
	{trapNever, neverOutside},
	{"BeyondBuckets", beyondBuckets},
	{trapNaN, nan},
	{trapSeries, severalSeries},
	{"ShortWindow", shortWindow},
	{"LongWindow", longWindow},
	{"RateOfGauge", rateOfGauge},
	{"RawCounter", rawCounter},
	{"Bounds", bounds},
	{"FeatureFlag", behindFlags},
}

// Find finds the traps of a query, in the order of their kinds.
func Find(t query.Template, given Given) []Trap {
	values := query.SampleValues()
	if given.Interval > 0 {
		values.Interval = given.Interval
	}
	if given.Window > 0 {
		values.Window = given.Window
	}
	rendered, err := t.Fill(values)
	if err != nil {
		return nil
	}
	expr, err := query.ParseNamed(rendered)
	if err != nil {
		return nil
	}
	l := looked{Given: given, template: t, values: values, expr: expr, spans: query.Spans(expr)}
	var out []Trap
	for _, kind := range traps {
		for _, f := range kind.look(l) {
			at := t.Origin(int(f.at.PositionRange().Start), values)
			out = append(out, Trap{Error: *query.ErrorAt(t.String(), at, "%s", f.message), Name: kind.name})
		}
	}
	return out
}

// Warning is a trap of a plan, and where in the plan it is.
type Warning struct {
	// Metric is the name of the metric, "" where it is about the analysis as a whole.
	Metric string
	// Field is what it is about, by its path in the metric or, without one, in the spec of the plan; "" where
	// that is not one field.
	Field string
	// At is the place in the query of the metric, nil where it is about another field.
	At *query.Error
	// Message says what may go wrong.
	Message string
}

// String is a sentence for people.
func (w Warning) String() string {
	var where []string
	if w.Metric != "" {
		where = append(where, "metric "+w.Metric)
	}
	switch {
	case w.At != nil:
		return strings.Join(append(where, w.At.Error()), ", ")
	case w.Field != "":
		return strings.Join(append(where, w.Field+": "+w.Message), ", ")
	}
	return strings.Join(append(where, w.Message), ", ")
}

// OfPlan finds the traps of a plan's queries, its defaults set, each as a
// sentence for people. A plan with a mistake has none.
func OfPlan(spec *v1alpha1.CanaryPlanSpec, scrape time.Duration) []string {
	var out []string
	for _, w := range InPlan(spec, scrape) {
		out = append(out, w.String())
	}
	return out
}

// InPlan finds the same, with their places.
func InPlan(spec *v1alpha1.CanaryPlanSpec, scrape time.Duration) []Warning {
	given := Given{Scrape: scrape, Interval: query.Length(spec.Analysis.Interval), Period: query.Length(spec.Analysis.Period)}
	var out []Warning
	metrics := spec.AllMetrics()
	given.Watched = slices.ContainsFunc(metrics, watchesFailures)
	probes := query.ProbeTimesOf(v1alpha1.Analysis{Endpoint: spec.Analysis.Endpoint, Interval: spec.Analysis.Interval, Metrics: metrics}, 0).Every
	for _, m := range metrics {
		if given.Scrape = scrape; spec.Analysis.ReadsProbes(m) {
			given.Scrape = probes
		}
		given.Window, given.Range = query.WindowOf(m, given.Interval), m.Range
		traps := metricTraps(m, given)
		never := slices.ContainsFunc(traps, func(t Trap) bool { return t.Name == trapNever || t.Name == trapItself })
		for _, doubt := range doubts(m, given) {
			if doubt.kind != doubtEvery || !never { // the trap says the same, and where
				out = append(out, Warning{Metric: m.Name, Field: doubt.field, Message: doubt.message})
			}
		}
		if m.Compare != nil && m.Compare.Count != nil {
			for _, message := range append(gaugesCounted(*m.Compare.Count), boundsCounted(m.Compare.Count.Bad, m.Compare.Count.Good, m.Compare.Count.Total)...) {
				out = append(out, Warning{Metric: m.Name, Message: message})
			}
		}
		for _, trap := range traps {
			out = append(out, Warning{Metric: m.Name, At: &trap.Error, Message: trap.Message})
		}
	}
	out = append(out, doubtOfReferences(metrics)...)
	return append(out, doubtsOfLimits(spec, metrics)...)
}

// metricTraps are the traps of a metric's own query, but for what the metric means.
func metricTraps(m v1alpha1.Metric, given Given) []Trap {
	t, err := query.TemplateOf(v1alpha1.Metric{Query: m.Query, Compare: m.Compare, List: m.List}, "")
	if err != nil || m.Query == "" {
		return nil
	}
	return slices.DeleteFunc(Find(t, given), func(trap Trap) bool {
		several := trap.Name == trapSeries && (m.Per != "" || m.List != nil)
		passedOver := trap.Name == trapNaN && m.Compare != nil // a window without a value
		return several || passedOver
	})
}
