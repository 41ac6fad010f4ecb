package gather_test

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
	"holdfast.dev/holdfast/evaluator/evaluatortest"
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
		"no answer":      {refuses: evaluatortest.ErrCut},
		"no pod more is made": {strategy: appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: new(intstr.FromInt32(0))}},
			refuses: forbidden("exceeded quota: q")},
	} {
		t.Run(name, func(t *testing.T) {
			c := evaluatortest.NewCluster(t)
			d := c.Deployment()
			d.Spec.Strategy = tc.strategy
			c.Must(c.API.Update(t.Context(), d))
			asked := 0
			c.Admit = func(p *corev1.Pod) error {
				if p.GenerateName != "web-" {
					return nil
				}
				asked++
				if rs := c.CanarySet(); rs == nil || *rs.Spec.Replicas == 0 {
					return nil
				}
				return tc.refuses
			}
			c.Hold()
			c.Passes(25)
			if run := c.Run(); run.Status.Reason != v1alpha1.ReasonRolledOut {
				t.Errorf("the run is %s (%s: %s)", run.Status.Phase, run.Status.Reason, run.Status.Message)
			}
			if gave := slices.Contains(c.Told(), "CanaryGivesWay"); gave != tc.gives {
				t.Errorf("told: %v", c.Told())
			}
			if wants := len(tc.strategy.Type) == 0 && tc.strategy.RollingUpdate == nil; wants != (asked > 0) {
				t.Errorf("asked %d times", asked)
			}
		})
	}
}

// TestARoomThatIsDoubtfulIsToldWithTheRun, once.
func TestARoomThatIsDoubtfulIsToldWithTheRun(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	d := c.Deployment()
	d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxSurge: new(intstr.FromInt32(0))}
	c.Must(c.API.Update(t.Context(), d))
	c.Hold()
	c.Passes(3)
	told := slices.DeleteFunc(c.Told(), func(reason string) bool { return reason != v1alpha1.EventRoomDoubtful })
	if len(told) != 1 {
		t.Errorf("told: %v", c.Told())
	}
	if events := strings.Join(c.Events, "\n"); !strings.Contains(events, "spec.strategy.rollingUpdate.maxSurge is 0") {
		t.Errorf("events:\n%s", events)
	}
}
