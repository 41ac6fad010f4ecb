package analysis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
)

// Per pod: each pod of the canary is judged by the series that carry its name.
// One bad pod fails. A pod without a series, or fewer pods than the canary is to
// have, is no data, however good the others are. Series of pods that are gone,
// or of other runs, are left alone. A series that names no pod is an error: what
// it says may be about any of them.

// podLabelOf is the label that names the pod of a series.
func podLabelOf(metric v1alpha1.Metric, o Observation) string {
	return cmp.Or(metric.PodLabel, o.PodLabel, "pod")
}

// ofPods are the series of the canary's pods.
func ofPods(series []Series, label string, pods []Pod) ([]Series, problem) {
	var out []Series
	for _, s := range series {
		name := s.Metric[label]
		if name == "" {
			return nil, problem{v1alpha1.MeasuredNoPodLabel, fmt.Sprintf(
				"a series has no label %s to tell its pod by (%s); let the query keep it, as in sum by (%s) (…)", label, plaintext.Cut(s.Labels, 120), label)}
		}
		if slices.ContainsFunc(pods, func(p Pod) bool { return p.Name == name }) {
			out = append(out, s)
		}
	}
	return out, problem{}
}

// podsWithout says which pods have no series that is still there, "" if all have.
func podsWithout(tracks []track, label string, o Observation) string {
	var without []string
	for _, pod := range o.Pods {
		if !slices.ContainsFunc(tracks, func(t track) bool { return t.label[label] == pod.Name && !t.ended }) {
			without = append(without, pod.Name)
		}
	}
	slices.Sort(without)
	switch {
	case len(without) > 0:
		return fmt.Sprintf("%d of %d canary pods have no series with their name in label %s: %s", len(without), len(o.Pods), label, plaintext.Cut(strings.Join(without, ", "), 150))
	case len(o.Pods) == 0 || int32(len(o.Pods)) < o.Wanted:
		return fmt.Sprintf("there are %d of %d canary pods", len(o.Pods), max(o.Wanted, 1))
	}
	return ""
}
