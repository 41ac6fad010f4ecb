package evaluator

import (
	"errors"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"

	"holdfast.dev/holdfast/api/v1alpha1"
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
