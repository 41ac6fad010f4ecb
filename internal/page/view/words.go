package view

import (
	"fmt"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/band"
)

// describe says in words what the chart of a metric draws.
func describe(m v1alpha1.MetricStatus) string {
	newest := m.Last[len(m.Last)-1]
	var out []string
	switch value := rounded(newest.Value); newest.Outcome {
	case v1alpha1.OutcomeNoData:
		out = append(out, "The newest round has no data: "+orNothing(newest.Message))
	case v1alpha1.OutcomeError:
		out = append(out, "The newest round could not be measured: "+orNothing(newest.Message))
	case v1alpha1.OutcomeFailed:
		out = append(out, "The newest round failed: "+orNothing(rounded(newest.Message)))
	default:
		if value == "" {
			out = append(out, "The newest round passed: "+orNothing(rounded(newest.Message)))
			break
		}
		text := "The newest round passed with " + value
		if newest.Range != "" {
			text += "; wanted is " + newest.Range
		}
		out = append(out, text)
	}
	if text := course(m.Last); text != "" {
		out = append(out, text)
	}
	out = append(out, tally(m))
	return line(strings.Join(out, ". ") + ".")
}

func orNothing(text string) string {
	if text = strings.TrimRight(strings.TrimSpace(text), "."); text != "" {
		return text
	}
	return "it says nothing"
}

// course says how the values of the last rounds went.
func course(last []v1alpha1.Measurement) string {
	var values []float64
	for _, m := range last {
		if v, isNumber := band.Number(m.Value); isNumber {
			values = append(values, v)
		}
	}
	if len(values) < 3 {
		return ""
	}
	first, newest, low, high := values[0], values[len(values)-1], values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	if plain(low) == plain(high) { // what differs by less is not seen either
		return fmt.Sprintf("In the last %d rounds it was %s all the time", len(values), plain(low))
	}
	return fmt.Sprintf("In the last %d rounds it went from %s to %s, between %s and %s", len(values), plain(first), plain(newest), plain(low), plain(high))
}

func plain(v float64) string { return rounded(fmt.Sprintf("%f", v)) }

// tally says how the rounds of a metric came out.
func tally(m v1alpha1.MetricStatus) string {
	var out []string
	for _, c := range []struct {
		n    int32
		what string
	}{{m.Passed, "passed"}, {m.Failed, "failed"}, {m.NoData, "had no data"}, {m.Errors, "could not be measured"}} {
		if c.n > 0 {
			out = append(out, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	if len(out) == 0 {
		return "No round is counted yet"
	}
	text := "Of all rounds " + strings.Join(out, ", ")
	if m.ConsecutiveFailures > 1 {
		text += fmt.Sprintf("; %d failed in a row", m.ConsecutiveFailures)
	}
	return text
}
