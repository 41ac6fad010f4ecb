package evaluator

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestLeftPods(t *testing.T) {
	now := metav1.Now()
	set := func(uid types.UID, deleting bool) *appsv1.ReplicaSet {
		rs := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: "web-run", UID: uid}}
		if deleting {
			rs.DeletionTimestamp = &now
		}
		return rs
	}
	pod := func(owner metav1.Object, kind string) corev1.Pod {
		p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Labels: map[string]string{v1alpha1.RoleLabel: v1alpha1.RoleCanary}}}
		if owner != nil {
			p.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(owner, appsv1.SchemeGroupVersion.WithKind(kind))}
		}
		return p
	}
	going := pod(nil, "")
	going.DeletionTimestamp = &now
	slowly := *going.DeepCopy()
	slowly.DeletionGracePeriodSeconds = new(int64(7200))
	live, kept, earlier := set("live", false), set("kept", true), set("earlier", true)
	for name, tc := range map[string]struct {
		over    bool
		current *appsv1.ReplicaSet
		sets    []*appsv1.ReplicaSet
		pod     corev1.Pod
		want    bool
	}{
		"of a ReplicaSet that stays":                              {false, live, []*appsv1.ReplicaSet{live}, pod(live, "ReplicaSet"), false},
		"of one that stays, after the run":                        {true, live, []*appsv1.ReplicaSet{live}, pod(live, "ReplicaSet"), false},
		"orphaned, while a ReplicaSet can adopt it":               {false, live, []*appsv1.ReplicaSet{live}, pod(nil, ""), false},
		"orphaned, before the ReplicaSet is made anew":            {false, nil, nil, pod(nil, ""), false},
		"orphaned by a ReplicaSet that is kept in its deletion":   {false, kept, []*appsv1.ReplicaSet{kept}, pod(nil, ""), true},
		"orphaned, after the run":                                 {true, nil, nil, pod(nil, ""), true},
		"of one that is kept, while the run is measured":          {false, kept, []*appsv1.ReplicaSet{kept}, pod(kept, "ReplicaSet"), false},
		"of one that is kept, after the run":                      {true, kept, []*appsv1.ReplicaSet{kept}, pod(kept, "ReplicaSet"), true},
		"of one that is kept, of an earlier attempt":              {false, live, []*appsv1.ReplicaSet{live, earlier}, pod(earlier, "ReplicaSet"), true},
		"of one that is kept, of an earlier run of the same name": {false, nil, []*appsv1.ReplicaSet{earlier}, pod(earlier, "ReplicaSet"), true},
		"going, and taking hours":                                 {false, live, []*appsv1.ReplicaSet{live}, slowly, true},
		"going already":                                           {true, nil, nil, going, false},
		"of another controller":                                   {true, nil, nil, pod(&appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{UID: "x"}}, "StatefulSet"), false},
		"of one that is no more":                                  {true, nil, nil, pod(live, "ReplicaSet"), false}, // garbage collection sees to it
	} {
		t.Run(name, func(t *testing.T) {
			var sets []appsv1.ReplicaSet
			for _, rs := range tc.sets {
				sets = append(sets, *rs)
			}
			left := leftPods(tc.over, map[string]*appsv1.ReplicaSet{v1alpha1.RoleCanary: tc.current}, sets, []corev1.Pod{tc.pod})
			if got := len(left) == 1; got != tc.want {
				t.Errorf("left are %+v", left)
			}
		})
	}
}

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
		if err := c.e.runs.executor.deletePodsOfGone(t.Context(), types.NamespacedName{Namespace: namespace, Name: run.Name}); err != nil || !c.exists(pod) {
			t.Errorf("the pod of a run that is there is gone, or %v", err)
		}
		c.must(c.api.Delete(t.Context(), &run))
		if _, err := c.e.runs.reconcileRun(t.Context(), request(namespace, run.Name)); err != nil {
			t.Fatal(err)
		}
		if c.exists(pod) {
			t.Error("it is still there")
		}
	})
}
