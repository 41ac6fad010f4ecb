package act_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
)

// A finalizer keeps the canary's ReplicaSet in its deletion, and its pod is orphaned: the pod is deleted and
// told of. With the run gone as well, there is nobody to tell.
func TestPodsThatAreLeftAreDeleted(t *testing.T) {
	leave := func(c *evaluatortest.Cluster) *corev1.Pod {
		rs, pod := c.CanarySet(), c.CanaryPod()
		rs.Finalizers = []string{"joe.io/keep"}
		c.Must(c.API.Update(c.T.Context(), rs))
		c.Must(c.API.Delete(c.T.Context(), rs))
		pod.OwnerReferences = nil
		c.Must(c.API.Update(c.T.Context(), pod))
		return pod
	}
	t.Run("by a run", func(t *testing.T) {
		c := evaluatortest.NewCluster(t)
		c.Hold()
		c.Passes(4)
		pod := leave(c)
		c.Passes(1)
		if c.Exists(pod) {
			t.Error("it is still there")
		}
		if told := c.Told(); !slices.Contains(told, v1alpha1.EventPodLeft) {
			t.Errorf("told was %v", told)
		}
	})
	t.Run("of a run that is gone", func(t *testing.T) {
		c := evaluatortest.NewCluster(t)
		c.Hold()
		c.Passes(4)
		run, pod := c.Run(), leave(c)
		if err := c.Evaluator.Runs.Executor.DeletePodsOfGone(t.Context(), types.NamespacedName{Namespace: evaluatortest.Namespace, Name: run.Name}); err != nil || !c.Exists(pod) {
			t.Errorf("the pod of a run that is there is gone, or %v", err)
		}
		c.Must(c.API.Delete(t.Context(), &run))
		if _, err := c.Evaluator.Runs.Reconcile(t.Context(), evaluatortest.Request(evaluatortest.Namespace, run.Name)); err != nil {
			t.Fatal(err)
		}
		if c.Exists(pod) {
			t.Error("it is still there")
		}
	})
}
