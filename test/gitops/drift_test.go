package gitops_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// setImage is somebody who goes past Git.
func (s *shop) setImage(version string) {
	s.t.Helper()
	said := s.kubectl("", "set", "image", "deployment/web", "app=holdfast.test/app:"+version)
	if !strings.Contains(said, "held") {
		s.t.Fatalf("the image set by hand was not held; kubectl said:\n%s", said)
	}
}

// TestAnImageSetByHandIsWithdrawnBySelfHealing, before it has run in anything but a canary.
func TestAnImageSetByHandIsWithdrawnBySelfHealing(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		s := open(t, m, patient)
		s.setImage("v9")
		run := s.newRun()
		s.wantInSync(s.round(), false)
		s.awaitPhase(run.Name, v1alpha1.PhaseCanceled)
		s.wantImage("v1")
		s.stays(true)
	}, asking, marked)
}

// TestAnImageSetByHandIsRolledBackAfterItsRelease where the engine compares with
// the live object: it cannot see what is held.
func TestAnImageSetByHandIsRolledBackAfterItsRelease(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		s := open(t, m, good)
		s.setImage("v9")
		run := s.newRun()
		s.wantInSync(s.round(), true)
		s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
		s.wantInSync(s.round(), false)
		s.wantImage("v1")
		s.awaitRolledOut()
		s.stays(true)
		s.wantRuns(1)
	}, owning, comparing)
}

// TestAnImageSetByHandDuringAHoldGivesWayToGit: what Git says is held again.
func TestAnImageSetByHandDuringAHoldGivesWayToGit(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		s := open(t, m, patient)
		first := s.hold("v2")
		s.setImage("v9")
		byHand := s.newRun(first.Name)
		s.awaitPhase(first.Name, v1alpha1.PhaseSuperseded)
		s.awaitPhase(byHand.Name, v1alpha1.PhaseRunning)
		s.wantInSync(s.round(), false)
		s.awaitPhase(byHand.Name, v1alpha1.PhaseSuperseded)
		s.awaitCanary("v2")
		s.awaitPhase(s.newRun(first.Name, byHand.Name).Name, v1alpha1.PhaseRunning)
		s.wantImage("v1")
		s.stays(m.sight == asking)
	}, asking, marked, owning, comparing)
}

// TestAnAutoscalerAndAHoldDoNotDisturbEachOther: Git does not say how many
// replicas there are, and somebody else does all the time.
func TestAnAutoscalerAndAHoldDoNotDisturbEachOther(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		s := open(t, m, patient, withoutReplicas)
		run := s.hold("v2")
		for _, replicas := range []string{"2", "3", "2"} {
			s.kubectl("", "scale", "deployment", "web", "--replicas="+replicas)
			s.wantInSync(s.round(), m.sight == asking)
		}
		await(s, "web runs two replicas", &appsv1.DeploymentList{}, func(d *appsv1.Deployment) bool {
			return *d.Spec.Replicas == 2 && d.Status.Replicas == 2 && d.Status.ReadyReplicas == 2
		})
		s.stays(m.sight == asking)
		s.wantRuns(1)
		if now := s.awaitPhase(run.Name, v1alpha1.PhaseRunning); !now.Status.ReadyAt.Equal(run.Status.ReadyAt) {
			t.Errorf("the run began at %v, then at %v", run.Status.ReadyAt, now.Status.ReadyAt)
		}
		s.wantImage("v1")
	}, asking, marked, owning, comparing)
}

// TestAPrunedDeploymentTakesItsHoldWithIt; made again, it has nothing to protect.
func TestAPrunedDeploymentTakesItsHoldWithIt(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		s := open(t, m, patient)
		s.hold("v2")
		all := s.git
		s.git = all[1:]
		s.wantInSync(s.round(), false)
		s.awaitGone(&appsv1.DeploymentList{})
		s.awaitGone(&v1alpha1.CanaryRunList{})
		s.wantInSync(s.round(), true)
		s.git = all
		s.wantInSync(s.round(), false)
		s.awaitRolledOut()
		s.wantImage("v2")
		s.stays(true)
		s.wantRuns(0)
	}, asking, marked, owning, comparing)
}
