package traffic

import (
	"cmp"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"holdfast.dev/holdfast/internal/surround"
)

// serving are the Services, in the order of their names, that select pods with these labels. One of a run is
// none, whatever somebody has it select.
func serving(services []corev1.Service, pods map[string]string) []corev1.Service {
	var out []corev1.Service
	for _, s := range services {
		if owner := metav1.GetControllerOf(&s); owner != nil && owner.Kind == "CanaryRun" {
			continue
		}
		if selector := surround.Selector(s); len(selector) > 0 && labels.SelectorFromSet(selector).Matches(labels.Set(pods)) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b corev1.Service) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// demands are the labels of some pods that a selector asks for, of whatever values. What it forbids no pod
// comes to have by leaving a label out.
func demands(selector *metav1.LabelSelector, pods map[string]string) map[string]string {
	out := map[string]string{}
	if parsed, err := metav1.LabelSelectorAsSelector(selector); err != nil || !parsed.Matches(labels.Set(pods)) {
		return out
	}
	for key := range selector.MatchLabels {
		out[key] = pods[key]
	}
	for _, e := range selector.MatchExpressions {
		if e.Operator == metav1.LabelSelectorOpIn || e.Operator == metav1.LabelSelectorOpExists {
			out[e.Key] = pods[e.Key]
		}
	}
	return out
}

// Apart are the keys of labels without which none of the Services selects pods of these labels, nor the
// selector of their Deployment, by which an autoscaler of that finds the pods that it counts: as few as come
// together by taking, one after the other, the key by which most of those that are left select. Among equals
// the last in the order of their names is taken: what stands before it, app, is what else most often is
// selected by.
func Apart(services []corev1.Service, selector *metav1.LabelSelector, pods map[string]string) []string {
	left := serving(append(slices.Clone(services), corev1.Service{Spec: corev1.ServiceSpec{Selector: demands(selector, pods)}}), pods)
	var out []string
	for len(left) > 0 {
		counts := map[string]int{}
		for _, s := range left {
			for key := range s.Spec.Selector {
				counts[key]++
			}
		}
		most := slices.MaxFunc(slices.Sorted(maps.Keys(counts)), func(a, b string) int {
			return cmp.Or(cmp.Compare(counts[a], counts[b]), cmp.Compare(a, b))
		})
		out = append(out, most)
		left = slices.DeleteFunc(left, func(s corev1.Service) bool { _, selects := s.Spec.Selector[most]; return selects })
	}
	return out
}
