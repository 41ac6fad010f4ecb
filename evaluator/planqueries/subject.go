package planqueries

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/measure"
)

// lookBack is how old the pods are taken to be: windows that are longer are not asked, and comparisons read
// the samples of that time.
const lookBack = 30 * time.Minute

// subjectOf is what is measured: the pods of a Deployment, by ReplicaSet, in place of a canary's and of a
// baseline's.
func subjectOf(namespace, deployment string, plan *v1alpha1.CanaryPlanSpec, pods map[string][]string, now time.Time) measure.Subject {
	readyAt := metav1.NewTime(now.Add(-lookBack))
	s := measure.Subject{
		Run: types.NamespacedName{Namespace: namespace, Name: deployment}, Deployment: deployment,
		Status:   v1alpha1.CanaryRunStatus{ReadyAt: &readyAt, Step: &v1alpha1.StepStatus{Number: 1, ReadyAt: &readyAt}},
		Analysis: *plan.Analysis.DeepCopy(), PodNames: pods,
	}
	s.Analysis.Metrics = metricsOf(plan)
	for set, names := range pods {
		s.Canary = append(s.Canary, set)
		for _, name := range names {
			s.Pods = append(s.Pods, corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}})
		}
	}
	slices.Sort(s.Canary)
	if len(s.Canary) == 0 { // no series is of such a pod
		s.Canary = []string{deployment}
	}
	s.Status.Replicas = int32(len(s.Pods))
	if plan.Baseline != nil {
		s.Baseline, s.BaselinePods = s.Canary, s.Pods
	}
	return s
}
