package view

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/outlook"
	"holdfast.dev/holdfast/internal/band"
)

// Bounds of what is asked of the time before the last rounds.
const (
	// MostEarlier is how many values a metric has at most. Rounds that follow each other more closely have some
	// left out.
	MostEarlier = 600
	// earliest is how far back is asked at most.
	earliest = 24 * time.Hour
	// mostSamples is how many samples of a series are asked for, where each value is of several.
	mostSamples = 4000
)

// Question is what to ask an endpoint of the time since the canary was Ready: the query as it was sent in the
// newest round, at the times of the rounds before it.
type Question struct {
	Query string
	// From and To are the first time and the last, Step is that between two.
	From, To time.Time
	Step     time.Duration

	rule v1alpha1.Metric
	// every is the time between two values, that are of some steps each where a metric looks over a time.
	every time.Duration
}

// Earlier are values of a metric from before the last rounds, which are worked out now as they were then. How
// a round came out is not known any more, so they have no outcome.
type Earlier struct {
	Name   string  `json:"name"`
	Rounds []Point `json:"rounds,omitempty"`
	// Says is what they are in words, or why there are none.
	Says string `json:"says"`
}

// OutcomeEarlier stands where a round would have its outcome.
const OutcomeEarlier = "Earlier"

// Questions are those about a run, and of what cannot be asked why not.
func Questions(run *v1alpha1.CanaryRun) (asks []Question, never []Earlier) {
	plan := outlook.PlanOf(run)
	if plan == nil || run.Status.ReadyAt == nil {
		return nil, nil
	}
	rules := map[string]v1alpha1.Metric{}
	for _, m := range plan.AllMetrics() {
		rules[m.Name] = m
	}
	for _, m := range lastOwn(run.Status.Metrics) {
		rule, is := rules[m.Name]
		if newest, has := analysis.Newest(m); is && has && len(m.Last) > 0 {
			if why := unasked(rule, newest, plan.Analysis); why != "" {
				never = append(never, Earlier{Name: short(m.Name), Says: why})
			} else if newest.Query != "" {
				asks = append(asks, questionOf(rule, newest, run.Status.ReadyAt.Time, plan.Analysis.Interval.Duration))
			}
		}
	}
	return asks, never
}

// unasked says why the values of a metric are not asked for, "" where they are or there is nothing to be
// said.
func unasked(rule v1alpha1.Metric, newest v1alpha1.Measurement, of v1alpha1.Analysis) string {
	switch {
	case rule.Compare != nil:
		return "Earlier factors are not asked for: each is worked out of all that both sides counted until then."
	case rule.Labels != nil || rule.Alerts != nil:
		return "Earlier rounds are not asked for: it has no values."
	case of.ReadsProbes(rule):
		return "Earlier values are not asked for: they were read of the probes of pods, and no endpoint has them."
	case strings.HasSuffix(newest.Query, "…"):
		return "Earlier values are not asked for: the query is too long to be kept."
	}
	return ""
}

func questionOf(rule v1alpha1.Metric, newest v1alpha1.Measurement, ready time.Time, interval time.Duration) Question {
	interval = min(max(interval, time.Second), earliest)
	q := Question{Query: newest.Query, To: newest.Time.Time, rule: rule}
	span := min(max(q.To.Sub(ready), 0), earliest)
	if rule.Over == nil {
		q.every = every(span, interval)
		q.Step = q.every
		q.From = q.To.Add(-span.Truncate(q.every))
		return q
	}
	q.Step = analysis.Step(*rule.Over)
	span = min(span, mostSamples*q.Step-rule.Over.Duration.Duration)
	q.every = every(span, interval)
	q.From = q.To.Add(-max(span, 0).Truncate(q.Step))
	return q
}

// every is a multiple of the interval by which there are no more values in a span than there may be.
func every(span, interval time.Duration) time.Duration {
	most := MostEarlier * interval
	return interval * max(1, (span+most-1)/most)
}

// Read is what an answer to the question shows; podLabel is by what its series name a pod.
func (q Question) Read(answer analysis.Answer, podLabel string) Earlier {
	out := Earlier{Name: short(q.rule.Name)}
	if answer.Error != "" || answer.WrongType != "" {
		out.Says = line("Earlier values are not known: " + orNothing(answer.Error+answer.WrongType) + ".")
		return out
	}
	for at := q.To.Add(-q.To.Sub(q.From).Truncate(q.every)); !at.After(q.To); at = at.Add(q.every) {
		o := analysis.Observation{Answer: analysis.Answer{At: at}, PodLabel: podLabel}
		for _, s := range answer.Series {
			if cut, has := q.at(s, at); has {
				o.Series = append(o.Series, cut)
			}
		}
		if len(o.Series) == 0 {
			continue
		}
		o.Pods = podsOf(q.rule, o.Series, podLabel)
		o.Wanted = int32(len(o.Pods))
		m := analysis.Judge(q.rule, v1alpha1.MetricStatus{}, at, o)
		if v, isNumber := band.Number(m.Value); isNumber {
			r := Point{At: at.UnixMilli(), Outcome: OutcomeEarlier, Text: short(m.Value), Value: &v}
			if b := band.Bounds(m); b.Known {
				r.Low, r.High = finite(b.Low), finite(b.High)
			}
			out.Rounds = append(out.Rounds, r)
		}
	}
	out.Says = saysEarlier(out.Rounds)
	return out
}

// at is a series as a round at a time had found it, if it had.
func (q Question) at(s analysis.Series, at time.Time) (analysis.Series, bool) {
	after := at.Add(-q.Step)
	if q.rule.Over != nil {
		after = at.Add(-q.rule.Over.Duration.Duration)
	}
	from, _ := slices.BinarySearchFunc(s.Samples, after, func(s analysis.Sample, t time.Time) int { return s.Time.Compare(t) })
	to, found := slices.BinarySearchFunc(s.Samples, at, func(s analysis.Sample, t time.Time) int { return s.Time.Compare(t) })
	switch {
	case q.rule.Over == nil && !found:
		return s, false
	case q.rule.Over == nil:
		s.Value, s.Samples = s.Samples[to].Value, nil
		return s, true
	case found:
		to++
	}
	s.Samples = s.Samples[from:to]
	return s, len(s.Samples) > 0
}

// podsOf are the pods of which there are series: those that there were.
func podsOf(rule v1alpha1.Metric, series []analysis.Series, label string) (out []analysis.Pod) {
	if rule.PodLabel != "" {
		label = rule.PodLabel
	}
	known := map[string]bool{}
	for _, s := range series {
		if name := s.Metric[label]; name != "" && !known[name] {
			known[name] = true
			out = append(out, analysis.Pod{Name: name})
		}
	}
	return out
}

func saysEarlier(rounds []Point) string {
	if len(rounds) == 0 {
		return "The endpoint has no earlier values."
	}
	first, last := *rounds[0].Value, *rounds[len(rounds)-1].Value
	low, high := first, first
	for _, r := range rounds {
		low, high = min(low, *r.Value), max(high, *r.Value)
	}
	if low == high {
		return fmt.Sprintf("Since the canary was Ready it was %s all the time, in %d values asked of the endpoint.", plain(low), len(rounds))
	}
	return fmt.Sprintf("Since the canary was Ready it went from %s to %s, between %s and %s, in %d values asked of the endpoint.", plain(first), plain(last), plain(low), plain(high), len(rounds))
}
