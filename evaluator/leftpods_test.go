package evaluator

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// A finalizer keeps the canary's ReplicaSet in its deletion, and its pod is orphaned: the pod is deleted and
// told of. With the run gone as well, there is nobody to tell.
func TestPodsThatAreLeftAreDeleted(t *testing.T) {
	leave := func(c *cluster) *corev1.Pod {
		rs, pod := c.canarySet(), c.canaryPod()
		rs.Finalizers = []string{"joe.io/keep"}
		c.must(c.api.Update(c.t.Context(), rs))
		c.must(c.api.Delete(c.t.Context(), rs))
		pod.OwnerReferences = nil
		c.must(c.api.Update(c.t.Context(), pod))
		return pod
	}
	t.Run("by a run", func(t *testing.T) {
		c := newCluster(t)
		c.hold()
		c.passes(4)
		pod := leave(c)
		c.passes(1)
		if c.exists(pod) {
			t.Error("it is still there")
		}
		if told := c.told(); !slices.Contains(told, v1alpha1.EventPodLeft) {
			t.Errorf("told was %v", told)
		}
	})
	t.Run("of a run that is gone", func(t *testing.T) {
		c := newCluster(t)
		c.hold()
		c.passes(4)
		run, pod := c.run(), leave(c)
		if err := c.e.runs.Executor.DeletePodsOfGone(t.Context(), types.NamespacedName{Namespace: namespace, Name: run.Name}); err != nil || !c.exists(pod) {
			t.Errorf("the pod of a run that is there is gone, or %v", err)
		}
		c.must(c.api.Delete(t.Context(), &run))
		if _, err := c.e.runs.Reconcile(t.Context(), request(namespace, run.Name)); err != nil {
			t.Fatal(err)
		}
		if c.exists(pod) {
			t.Error("it is still there")
		}
	})
}
