package analysis

import "time"

// Answer is what a source of measurements says to a query.
//
// Its zero value is a whole answer without series. That is no data for what asks
// for values, and good news for what must not be there: alerts, a label of the
// Deployment. So what was not asked has Error set, or no Observation.
type Answer struct {
	// Query is the query as it was sent.
	Query string
	// At is the evaluation time that was asked for; zero for that of the round.
	At time.Time
	// Type is the type of the answer in the server's word: vector, scalar or matrix; "" where that is not known.
	Type string
	// Series are the values found, one for a scalar.
	Series []Series
	// WrongType is set where the answer is of a type that has no single values
	// to judge, and says which.
	WrongType string
	// Error is set where no answer came, and says why.
	Error string
	// Reason is the reason of the measurement where Error is set; v1alpha1.MeasuredError
	// if empty.
	Reason string
	// Warnings are what the source warned of beside its answer: it may be partial,
	// and is judged by nobody.
	Warnings []string
	// Infos are what it remarked beside its answer, which is whole.
	Infos []string
}

// Observation is what a metric is judged from: the answer to its query, what else
// was asked because of it, and what is known of the canary by other ways.
type Observation struct {
	Answer
	// Examples are some of the series that an expectation of success counts, with all
	// of their labels; asked for only where WantsExamples.
	Examples []Series
	// BeyondBuckets is set where a quantile lies beyond the last finite bucket: it is
	// more than the value says, and how much is not known.
	BeyondBuckets bool
	// Comparison are the answers to the queries of a comparison, nil for other metrics.
	Comparison *ComparisonSamples
	// WarmingUp is set where nothing was asked yet, because the canary is too
	// young for the query's window, and says so. It is no measurement.
	WarmingUp string

	// Pods are the canary's pods that are to be there, Wanted is how many that
	// should be.
	Pods   []Pod
	Wanted int32
	// PodLabel is the label by which Prometheus knows pods; "pod" if empty.
	PodLabel string
	// Deployment are the labels of the Deployment.
	Deployment map[string]string
	// FalseAlarms is the probability of a false alarm that a comparison may spend;
	// that of a run with one comparison if zero.
	FalseAlarms float64
	// SampleAge is how late samples come to the endpoint that was asked.
	SampleAge SampleAge
	// Late says that the period is over: what is missing now does not come in time.
	Late bool
}

// askedAt is the time that was asked for, in a round at a time.
func (o Observation) askedAt(round time.Time) time.Time {
	if o.At.IsZero() {
		return round
	}
	return o.At
}

// Series is one value and the labels it has, as PromQL writes them; a scalar
// has none.
type Series struct {
	Labels string
	// Value is the value; of a range, the last one.
	Value float64
	// Metric has the same labels by name; nil for a scalar.
	Metric map[string]string
	// Samples are the values of a range, oldest first; nil for a single value.
	Samples []Sample
}

// Sample is one value of a range.
type Sample struct {
	Time  time.Time
	Value float64
}

// Pod is a canary pod.
type Pod struct {
	Name   string
	Labels map[string]string
}

// Size is about how many bytes an answer takes in memory, rather more than less.
func (a Answer) Size() int {
	const (
		itself  = 1 << 10
		another = 16 // what each string takes beside its bytes
	)
	out := itself + sizeOf(a.Series)
	for _, texts := range [][]string{a.Warnings, a.Infos} {
		for _, text := range texts {
			out += another + len(text)
		}
	}
	return out
}

// Size is the same of all answers of an observation.
func (o Observation) Size() int {
	out := o.Answer.Size() + sizeOf(o.Examples)
	if s := o.Comparison; s != nil {
		for _, side := range []SideSamples{s.Canary, s.Other} {
			out += sizeOf(side.Bad) + sizeOf(side.Good) + sizeOf(side.Total) + sizeOf(side.Values)
		}
	}
	return out
}

func sizeOf(all []Series) int {
	out := 0
	for _, series := range all {
		out += series.Size()
	}
	return out
}

// Size is the same of a series.
func (s Series) Size() int {
	const (
		itself = 512 // with a map of eight labels
		label  = 72
		sample = 32
	)
	out := itself + len(s.Labels) + sample*cap(s.Samples)
	for name, value := range s.Metric {
		out += label + len(name) + len(value)
	}
	return out
}
