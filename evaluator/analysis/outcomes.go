package analysis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/query/preset"
)

// Outcomes: requests are counted by the labels that say how they ended. Where
// those are not the labels that the source is known for, or their values are no
// status, nobody can say whether requests succeed, and the message names the
// labels that there are.

// successes turns counts of requests into the share that succeeded.
func successes(metric v1alpha1.Metric, e query.Expectation, series []Series, by string, at time.Time, examples []Series) ([]track, problem) {
	request := query.RequestOf(metric, "")
	labels := request.StatusLabels()
	return sharesOf(shared{
		sort: func(s Series) (kind, string) {
			return kindOf(request.Outcome(s.Metric)), valuesOf(s, labels)
		},
		label:  strings.Join(labels, "/"),
		share:  func(bad, all float64) float64 { return (all - bad) / all },
		limits: limitsOf(e),
		unknown: func(t tally) problem {
			return problem{v1alpha1.MeasuredNoStatus, noStatus(request, t, examples)}
		},
	}, series, by, at)
}

func kindOf(outcome preset.RequestOutcome) kind {
	switch outcome {
	case preset.Succeeded:
		return countsGood
	case preset.Failed:
		return countsBad
	}
	return countsUntold
}

func valuesOf(s Series, labels []string) string {
	var out []string
	for _, label := range labels {
		if value := s.Metric[label]; value != "" {
			out = append(out, value)
		}
	}
	return strings.Join(out, "/")
}

// noStatus says what keeps requests from being told successes from failures, and
// what to do.
func noStatus(request preset.Question, t tally, examples []Series) string {
	label := strings.Join(request.StatusLabels(), " or ")
	says := fmt.Sprintf("nobody can say how %s of the requests ended: ", percent(t.untold/t.all))
	if missing := t.values[shown{countsUntold, ""}]; missing > 0 {
		says += fmt.Sprintf("series of %s have no label %s", preset.Requests(request.Source), label)
	} else {
		says += fmt.Sprintf("label %s has values that are no known status (%s)", label, t.note([]kind{countsUntold}))
	}
	if names := namesOf(examples, request); names != "" {
		says += ". Their labels are " + names
	}
	if preset.NamesStatus(request.Source) {
		return says + ". Name the right one in statusLabel, or judge a query by a list"
	}
	return says + ". Keep that label in the scrape, or judge a query by a list"
}

// maxNames is how many labels are named.
const maxNames = 10

// namesOf are the names of the labels of series, of those without a status if there
// are such; likely ones first.
func namesOf(examples []Series, request preset.Question) string {
	status := request.StatusLabels()
	silent := slices.DeleteFunc(slices.Clone(examples), func(s Series) bool { return valuesOf(s, status) != "" })
	if len(silent) > 0 {
		examples = silent
	}
	known := map[string]bool{}
	for _, s := range examples {
		for name, value := range s.Metric {
			if name != "__name__" && value != "" && !slices.Contains(status, name) {
				known[plaintext.Line(name, 40)] = true
			}
		}
	}
	names := slices.SortedFunc(slices.Values(keysOf(known)), func(a, b string) int {
		return cmp.Or(cmp.Compare(likely(a), likely(b)), strings.Compare(a, b))
	})
	if more := len(names) - maxNames; more > 0 {
		names = append(names[:maxNames], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// likely is 0 for the name of a label that may well say how a request ended.
func likely(name string) int {
	for _, word := range []string{"status", "code", "outcome", "result"} {
		if strings.Contains(strings.ToLower(name), word) {
			return 0
		}
	}
	return 1
}

// WantsExamples says whether the answer to a metric cannot be judged because
// requests do not say how they ended: Examples then help to say what labels there are.
func WantsExamples(metric v1alpha1.Metric, at time.Time, o Observation) bool {
	return metric.Expect != "" && Judge(metric, v1alpha1.MetricStatus{}, at, o).Reason == v1alpha1.MeasuredNoStatus
}
