package gather

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestStrays(t *testing.T) {
	now := metav1.Now()
	rs := appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: "web-run", UID: "live"}}
	pod := func(owner types.UID, kind string, ends bool, labels ...string) corev1.Pod {
		p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Labels: map[string]string{}}}
		if owner != "" {
			p.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(&metav1.ObjectMeta{UID: owner}, appsv1.SchemeGroupVersion.WithKind(kind))}
		}
		if ends {
			p.DeletionTimestamp = &now
		}
		for _, label := range labels {
			p.Labels[label] = "true"
		}
		return p
	}
	for name, tc := range map[string]struct {
		pod  corev1.Pod
		want bool
	}{
		"its ReplicaSet is there":               {pod("live", "ReplicaSet", true), false},
		"its ReplicaSet is gone":                {pod("gone", "ReplicaSet", true), true},
		"it is gone, and the pod does not end":  {pod("gone", "ReplicaSet", false), false}, // garbage collection sees to it
		"it is gone, and the pod left already":  {pod("gone", "ReplicaSet", true, v1alpha1.QuarantineLabel), false},
		"it has none, and counts in no budget":  {pod("", "", true), false},
		"it is of another controller":           {pod("gone", "StatefulSet", true), false},
		"an earlier one of the same name is it": {pod("earlier", "ReplicaSet", true), true},
	} {
		if got := len(Strays([]appsv1.ReplicaSet{rs}, []corev1.Pod{tc.pod})) == 1; got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

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
			left := LeftPods(tc.over, map[string]*appsv1.ReplicaSet{v1alpha1.RoleCanary: tc.current}, sets, []corev1.Pod{tc.pod})
			if got := len(left) == 1; got != tc.want {
				t.Errorf("left are %+v", left)
			}
		})
	}
}
