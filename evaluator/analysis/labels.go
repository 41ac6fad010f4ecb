package analysis

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Labels: somebody, a person or a program, marks a pod of the canary or the
// Deployment with a label, and that fails the canary. No label, no failure.
// Without a pod there is nothing to look at, which is no data.

func labelsRule(w v1alpha1.LabelWatch) string {
	where := "canary pod"
	if w.Of == v1alpha1.LabelsOfDeployment {
		where = "Deployment"
	}
	return fmt.Sprintf("no %s matches %s", where, metav1.FormatLabelSelector(&w.Selector))
}

func judgeLabels(m *v1alpha1.Measurement, w v1alpha1.LabelWatch, o Observation) {
	selector, err := metav1.LabelSelectorAsSelector(&w.Selector)
	if err != nil {
		refuse(m, v1alpha1.MeasuredError, fmt.Sprintf("selector %s: %s", metav1.FormatLabelSelector(&w.Selector), err))
		return
	}
	if w.Of == v1alpha1.LabelsOfDeployment {
		concludeLabels(m, selector, "the Deployment", selector.Matches(labels.Set(o.Deployment)))
		return
	}
	if len(o.Pods) == 0 {
		m.Outcome, m.Reason, m.Message = v1alpha1.OutcomeNoData, v1alpha1.MeasuredNoData, "there are no canary pods"
		return
	}
	var marked []string
	for _, pod := range o.Pods {
		if selector.Matches(labels.Set(pod.Labels)) {
			marked = append(marked, pod.Name)
		}
	}
	slices.Sort(marked)
	concludeLabels(m, selector, "pod "+strings.Join(marked, ", "), len(marked) > 0)
}

func concludeLabels(m *v1alpha1.Measurement, selector labels.Selector, what string, found bool) {
	if found {
		m.Outcome, m.Reason, m.Message = v1alpha1.OutcomeFailed, v1alpha1.MeasuredLabelFound, fmt.Sprintf("%s matches %s", what, selector)
		return
	}
	m.Outcome, m.Reason, m.Message = v1alpha1.OutcomePassed, v1alpha1.MeasuredNoLabel, fmt.Sprintf("nothing matches %s", selector)
}
