package gitops_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestAHeldUpdateStaysHeldHoweverOftenItIsSynced: an engine that asks the API
// server finds it in sync; one that does not finds it out of sync and applies it
// each time, which changes nothing.
func TestAHeldUpdateStaysHeldHoweverOftenItIsSynced(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		s := open(t, m, patient)
		s.hold("v2")
		s.stays(m.sight == asking)
		s.wantRuns(1)
		s.wantImage("v1")
	}, asking, marked, owning, comparing)
}

func TestANewerCommitTakesThePlaceOfTheHeldOne(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		s := open(t, m, patient)
		first := s.hold("v2")
		second := s.hold("v3")
		s.awaitPhase(first.Name, v1alpha1.PhaseSuperseded)
		s.awaitCanary("v3")
		if second.Spec.Hold == first.Spec.Hold {
			t.Error("both runs are for the same hold")
		}
		s.stays(m.sight == asking)
		s.wantRuns(2)
		s.wantImage("v1")
	}, asking, marked, owning, comparing)
}

// TestAGitRevertWithdrawsTheHeldUpdate with every engine that asks the API server.
func TestAGitRevertWithdrawsTheHeldUpdate(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		s := open(t, m, patient)
		run := s.hold("v2")
		before := s.deployment().Spec
		s.commit("v1")
		s.wantInSync(s.round(), false)
		s.awaitPhase(run.Name, v1alpha1.PhaseCanceled)
		if diff := cmp.Diff(before, s.deployment().Spec); diff != "" {
			t.Errorf("the spec changed:\n%s", diff)
		}
		s.stays(true)
	}, asking, marked, owning)
}

// TestAGitRevertIsNotSeenByComparingWithTheLiveObject: the live object is v1, as
// Git says, so that such an engine sends nothing. A person's sync withdraws the
// held update.
func TestAGitRevertIsNotSeenByComparingWithTheLiveObject(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		s := open(t, m, patient)
		run := s.hold("v2")
		s.commit("v1")
		s.stays(true)
		s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
		if err := s.engine.Sync(t.Context(), s.git); err != nil {
			t.Fatal(err)
		}
		s.awaitPhase(run.Name, v1alpha1.PhaseCanceled)
		s.wantImage("v1")
		s.stays(true)
	}, comparing)
}

// TestAGitRevertThatWasNotSeenIsMadeUpForAfterTheRelease: then the live object
// differs, and what Git says is a rollback, which passes at once.
func TestAGitRevertThatWasNotSeenIsMadeUpForAfterTheRelease(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		s := open(t, m, good)
		run := s.try("v2")
		s.commit("v1")
		s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
		s.wantInSync(s.round(), false)
		s.wantImage("v1")
		s.awaitRolledOut()
		s.stays(true)
		s.wantRuns(1)
	}, comparing)
}
