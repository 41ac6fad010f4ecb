package gather

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestTooManyEnding(t *testing.T) {
	pod := func(name string, began time.Duration, grace int64) corev1.Pod {
		over := metav1.NewTime(time.Unix(0, 0).Add(began + time.Duration(grace)*time.Second))
		return corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{v1alpha1.RoleLabel: v1alpha1.RoleCanary}, DeletionTimestamp: &over, DeletionGracePeriodSeconds: &grace,
		}}
	}
	for name, tc := range map[string]struct {
		size   int
		ending []corev1.Pod
		want   []string
	}{
		"none":                                  {1, nil, nil},
		"one of one":                            {1, []corev1.Pod{pod("a", 0, 600)}, nil},
		"as many as the canary has":             {2, []corev1.Pod{pod("a", 0, 600), pod("b", 0, 600)}, nil},
		"the first of two, of one":              {1, []corev1.Pod{pod("a", 0, 600), pod("b", time.Second, 600)}, []string{"a"}},
		"by when it began, not when it is over": {1, []corev1.Pod{pod("a", 0, 600), pod("b", time.Second, 30)}, []string{"a"}},
		"one after another":                     {2, []corev1.Pod{pod("a", 0, 60), pod("b", 1, 60), pod("c", 2, 60), pod("d", 3, 60)}, []string{"b", "a"}},
		"the size is not known":                 {0, []corev1.Pod{pod("a", 0, 600)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, left := range tooManyEnding(tc.size, tc.ending) {
				got = append(got, left.Name)
				if *left.Grace != shortGrace {
					t.Errorf("%s has %d s", left.Name, *left.Grace)
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestWhoTakesItsTime(t *testing.T) {
	canaryPod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{v1alpha1.RoleLabel: v1alpha1.RoleCanary}}}
	with := func(role string, grace int64) corev1.Pod {
		p := *canaryPod.DeepCopy()
		p.Labels[v1alpha1.RoleLabel], p.DeletionTimestamp, p.DeletionGracePeriodSeconds = role, &metav1.Time{Time: time.Unix(0, 0)}, &grace
		return p
	}
	for name, tc := range map[string]struct {
		pod  corev1.Pod
		want bool
	}{
		"one that runs":           {canaryPod, false},
		"one that is ending":      {with(v1alpha1.RoleCanary, 30), true},
		"one that was told to":    {with(v1alpha1.RoleCanary, shortGrace), false},
		"a finalizer keeps it":    {with(v1alpha1.RoleCanary, 0), false},
		"a baseline: it is known": {with(v1alpha1.RoleBaseline, 30), false},
	} {
		if got := takesItsTime(tc.pod); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
