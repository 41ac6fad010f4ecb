package query

import (
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// Counter is what the selector of a counter asks for, beside the pods.
type Counter struct {
	// Name is the name of the metric, "" where it is not one name.
	Name string
	// Labels are those that a series must have to be selected.
	Labels []string
	// Excluding are those of which it excludes values: it selects series without them.
	Excluding []string
}

// CounterOf reads a counter of a comparison. What is no counter, or none at all,
// asks for nothing.
func CounterOf(text string) Counter {
	t, err := ParseCounter(text)
	if err != nil {
		return Counter{}
	}
	values := samples
	values.Labels = Labels{Namespace: "of_pods", Pod: "of_pods"} // whatever they are called
	var out Counter
	for _, s := range t.Spans(values) {
		for _, m := range s.Selector.LabelMatchers {
			switch {
			case m.Name == values.Labels.Pod:
			case m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual:
				out.Name = m.Value
			case m.Name == model.MetricNameLabel:
			case m.Matches("") && (m.Type == labels.MatchNotEqual || m.Type == labels.MatchNotRegexp):
				out.Excluding = append(out.Excluding, m.Name)
			case m.Matches(""):
			case !slices.Contains(out.Labels, m.Name):
				out.Labels = append(out.Labels, m.Name)
			}
		}
	}
	return out
}

// BucketOf says whether the counter is a bucket of the histograms of which the other
// counts all: one that is there as soon as they are, whether anything fell into it or
// not. One that is narrowed down by a label more may come later.
func (c Counter) BucketOf(other Counter) bool {
	bucket := false
	for _, label := range c.Labels {
		switch {
		case label == model.BucketLabel:
			bucket = true
		case !slices.Contains(other.Labels, label):
			return false
		}
	}
	return bucket
}

// PartOf says whether the counter counts a part of what another does, told by labels
// that some series of the other has: it can have series then, and that it has none
// says that nothing was counted.
func (c Counter) PartOf(other Counter, series []map[string]string) bool {
	if c.Name == "" || c.Name != other.Name {
		return false
	}
	return slices.ContainsFunc(series, func(one map[string]string) bool {
		return !slices.ContainsFunc(c.Labels, func(label string) bool { return one[label] == "" })
	})
}

// ExcludesNothing is a label of which the counter excludes values and that no series has
// of what the other counts, so that it counts all of it; "" where there is none. Of good
// ones only a status is looked for, for a label of failures alone may yet come.
func (c Counter) ExcludesNothing(other Counter, good bool, series []map[string]string) string {
	if c.Name == "" || c.Name != other.Name || len(series) == 0 {
		return ""
	}
	for _, label := range c.Excluding {
		has := func(one map[string]string) bool { return one[label] != "" }
		if !slices.Contains(other.Excluding, label) && (!good || StatusLike(label)) && !slices.ContainsFunc(series, has) {
			return label
		}
	}
	return ""
}

// StatusLike says whether a label tells how a request ended, by its name.
func StatusLike(label string) bool {
	label = strings.ToLower(label)
	return strings.Contains(label, "code") || strings.Contains(label, "status")
}
