package backends

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/measure"
)

// trial is a canary whose pods are those of a set, in a world that began at a time.
type trial struct {
	run   measure.Subject
	set   string
	began time.Time
}

// tried is a canary of the pods of a set, Ready when the world is that old, and judged by a plan.
func tried(t *testing.T, set string, began time.Time, ready time.Duration, plan string) trial {
	t.Helper()
	var spec v1alpha1.CanaryPlanSpec
	if err := yaml.UnmarshalStrict([]byte(plan), &spec); err != nil {
		t.Fatal(err)
	}
	spec.SetDefaults()
	at := metav1.NewTime(began.Add(ready).Truncate(time.Second))
	run := measure.Subject{
		Run: types.NamespacedName{Namespace: members(set)[0].namespace(), Name: set}, Deployment: "web", Canary: []string{set}, Analysis: spec.Analysis,
		Status: v1alpha1.CanaryRunStatus{ReadyAt: &at, Step: &v1alpha1.StepStatus{Number: 1, StartedAt: at, ReadyAt: &at}, Replicas: 2},
	}
	return trial{run, set, began}
}

// at is what is known of it at a time: the pods that are there, and the names of those that were.
func (c trial) at(now time.Time) measure.Subject {
	s, since := c.run, now.Sub(c.began)
	s.Pods, s.PodNames = nil, map[string][]string{}
	for _, p := range members(c.set) {
		if since > p.begins {
			s.PodNames[c.set] = append(s.PodNames[c.set], p.name)
		}
		if p.isThere(since) {
			made := metav1.NewTime(c.began.Add(p.begins).Truncate(time.Second))
			s.Pods = append(s.Pods, corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: p.name, CreationTimestamp: made}})
		}
	}
	return s
}

// members are the pods of a set.
func members(set string) []pod {
	var out []pod
	for _, p := range pods {
		if p.set == set {
			out = append(out, p)
		}
	}
	return out
}
