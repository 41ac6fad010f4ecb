package gather

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestASetIsEmptyWhenItsControllerSaysSoToo: the evaluator may see the last pod go before the controllers do.
func TestASetIsEmptyWhenItsControllerSaysSoToo(t *testing.T) {
	for name, tc := range map[string]struct {
		replicas int32
		status   appsv1.ReplicaSetStatus
		pods     []corev1.Pod
		empty    bool
	}{
		"it says so":                       {0, appsv1.ReplicaSetStatus{ObservedGeneration: 2, TerminatingReplicas: new(int32)}, nil, true},
		"one that does not count the last": {0, appsv1.ReplicaSetStatus{ObservedGeneration: 2}, nil, true},
		"it has not seen the last one go":  {0, appsv1.ReplicaSetStatus{ObservedGeneration: 2, TerminatingReplicas: new(int32(1))}, nil, false},
		"it has not seen the change":       {0, appsv1.ReplicaSetStatus{ObservedGeneration: 1, TerminatingReplicas: new(int32)}, nil, false},
		"it counts a pod":                  {0, appsv1.ReplicaSetStatus{ObservedGeneration: 2, Replicas: 1}, nil, false},
		"there is a pod":                   {0, appsv1.ReplicaSetStatus{ObservedGeneration: 2}, make([]corev1.Pod, 1), false},
		"it is to have one":                {1, appsv1.ReplicaSetStatus{ObservedGeneration: 2}, nil, false},
	} {
		rs := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Spec: appsv1.ReplicaSetSpec{Replicas: &tc.replicas}, Status: tc.status}
		if got := viewSet(rs, tc.pods).Empty; got != tc.empty {
			t.Errorf("%s: empty is %t", name, got)
		}
	}
}
