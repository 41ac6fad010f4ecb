package evaluator

import (
	"errors"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
)

// TestACanaryGivesWayBeforeItsRelease where a quota has no room for both, and stays where the Deployment
// needs no pod more or the API server refuses for another reason.
func TestACanaryGivesWayBeforeItsRelease(t *testing.T) {
	forbidden := func(why string) error {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New(why))
	}
	for name, tc := range map[string]struct {
		strategy appsv1.DeploymentStrategy
		refuses  error
		gives    bool
	}{
		"a quota":        {refuses: forbidden("exceeded quota: q"), gives: true},
		"another reason": {refuses: forbidden("violates PodSecurity")},
		"no answer":      {refuses: errCut},
		"no pod more is made": {strategy: appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: new(intstr.FromInt32(0))}},
			refuses: forbidden("exceeded quota: q")},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			d := c.deployment()
			d.Spec.Strategy = tc.strategy
			c.must(c.api.Update(t.Context(), d))
			asked := 0
			c.admit = func(p *corev1.Pod) error {
				if p.GenerateName != "web-" {
					return nil
				}
				asked++
				if rs := c.canarySet(); rs == nil || *rs.Spec.Replicas == 0 {
					return nil
				}
				return tc.refuses
			}
			c.hold()
			c.passes(25)
			if run := c.run(); run.Status.Reason != v1alpha1.ReasonRolledOut {
				t.Errorf("the run is %s (%s: %s)", run.Status.Phase, run.Status.Reason, run.Status.Message)
			}
			if gave := slices.Contains(c.told(), "CanaryGivesWay"); gave != tc.gives {
				t.Errorf("told: %v", c.told())
			}
			if wants := len(tc.strategy.Type) == 0 && tc.strategy.RollingUpdate == nil; wants != (asked > 0) {
				t.Errorf("asked %d times", asked)
			}
		})
	}
}

func TestAPodThatFindsNoNodeIsLookedFor(t *testing.T) {
	const newest = "h2"
	waits := func(hash, reason string) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web-" + hash, Labels: map[string]string{"app": "web", appsv1.DefaultDeploymentUniqueLabelKey: hash}},
			Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{
				Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: reason, Message: "0/1 nodes are available",
			}}},
		}
	}
	for name, tc := range map[string]struct {
		pod  *corev1.Pod
		edit func(*observed)
		says string
	}{
		"a new pod":                   {waits(newest, corev1.PodReasonUnschedulable), func(*observed) {}, "pod web-h2 finds no node: 0/1 nodes are available"},
		"one that waits for a gate":   {waits(newest, corev1.PodReasonSchedulingGated), func(*observed) {}, ""},
		"one of another revision":     {waits("h1", corev1.PodReasonUnschedulable), func(*observed) {}, ""},
		"of what is not released yet": {waits(newest, corev1.PodReasonUnschedulable), func(seen *observed) { seen.run.Status.Phase = v1alpha1.PhaseRunning }, ""},
		"of what is rolled out":       {waits(newest, corev1.PodReasonUnschedulable), func(seen *observed) { seen.Rollout.State = lifecycle.RolloutComplete }, ""},
		"with no canary any more":     {waits(newest, corev1.PodReasonUnschedulable), func(seen *observed) { seen.Canary.Replicas = 0 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, tc.pod)
			d, err := c.e.objects.getDeployment(t.Context(), types.NamespacedName{Namespace: namespace, Name: "web"})
			if err != nil {
				t.Fatal(err)
			}
			seen := observed{run: &v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Namespace: namespace}}, deployment: d}
			seen.run.Status.Phase = v1alpha1.PhaseReleasing
			seen.Rollout = lifecycle.Rollout{State: lifecycle.RolloutUnderWay, PodHash: newest}
			seen.Canary = &lifecycle.Canary{Replicas: 1}
			tc.edit(&seen)
			if err := c.e.runs.gatherer.gatherUnschedulable(t.Context(), &seen); err != nil || seen.Rollout.Unschedulable != tc.says {
				t.Errorf("says %q (%v)", seen.Rollout.Unschedulable, err)
			}
		})
	}
}

// TestARoomThatIsDoubtfulIsToldWithTheRun, once.
func TestARoomThatIsDoubtfulIsToldWithTheRun(t *testing.T) {
	c := newCluster(t)
	d := c.deployment()
	d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxSurge: new(intstr.FromInt32(0))}
	c.must(c.api.Update(t.Context(), d))
	c.hold()
	c.passes(3)
	told := slices.DeleteFunc(c.told(), func(reason string) bool { return reason != v1alpha1.EventRoomDoubtful })
	if len(told) != 1 {
		t.Errorf("told: %v", c.told())
	}
	if events := strings.Join(c.events, "\n"); !strings.Contains(events, "spec.strategy.rollingUpdate.maxSurge is 0") {
		t.Errorf("events:\n%s", events)
	}
}
