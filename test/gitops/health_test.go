package gitops_test

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/gitops"
	"holdfast.dev/holdfast/test/gitops/argocd"
)

// What engines say of the Deployment's health, and what waits for it.

func TestHealthIsProgressingWhileAnUpdateIsHeld(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		s := open(t, m, good)
		s.wantHealth(gitops.Healthy)
		run := s.try("v2")
		s.awaitHealth(gitops.Progressing)
		s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
		s.awaitRolledOut()
		s.awaitHealth(gitops.Healthy)
	}, asking, marked, owning, comparing)
}

// TestHealthIsDegradedAfterARejection until Git says something else.
func TestHealthIsDegradedAfterARejection(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		s := open(t, m, good)
		run := s.try("v2", crashing)
		s.awaitPhase(run.Name, v1alpha1.PhaseReverted)
		s.awaitHealth(gitops.Degraded)
		s.stays(true)
		s.wantHealth(gitops.Degraded)
		s.commit("v1")
		s.round()
		s.awaitHealth(gitops.Healthy)
		s.stays(true)
	}, asking)
}

// TestHealthStaysDegradedUntilASyncWhereTheLiveObjectIsCompared: once Git is back
// at v1 it says what the live object says, so that nothing is sent.
func TestHealthStaysDegradedUntilASyncWhereTheLiveObjectIsCompared(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		s := open(t, m, good)
		run := s.try("v2", crashing)
		s.awaitPhase(run.Name, v1alpha1.PhaseReverted)
		s.awaitHealth(gitops.Degraded)
		s.commit("v1")
		s.stays(true)
		s.wantHealth(gitops.Degraded)
		if err := s.engine.Sync(t.Context(), s.git); err != nil {
			t.Fatal(err)
		}
		s.awaitHealth(gitops.Healthy)
		s.stays(true)
	}, comparing)
}

// TestHealthCheckOfFluxLastsUntilTheVerdict: a Kustomization with wait: true is
// ready with the release, and fails with the revert, before its timeout.
func TestHealthCheckOfFluxLastsUntilTheVerdict(t *testing.T) {
	untilTheVerdict(t, modes[0], func(s *shop, args ...string) error {
		s.try("v2", args...)
		return newFlux(s.t, s.namespace).Wait(s.t.Context(), "web", patience)
	})
}

// TestHealthHoldsBackTheNextWaveOfArgoCD: the Service is one wave later than the
// Deployment, so that the sync ends with the verdict, and fails with the revert.
func TestHealthHoldsBackTheNextWaveOfArgoCD(t *testing.T) {
	m := argo("Argo CD", asking, argocd.Settings{CompareOptions: recommended, ServerSideApply: true})
	untilTheVerdict(t, m, func(s *shop, args ...string) error {
		s.commit("v2", args...)
		s.git[1].SetAnnotations(map[string]string{"argocd.argoproj.io/sync-wave": "1"})
		return s.engine.Sync(s.t.Context(), s.git)
	})
}

// untilTheVerdict tells of a good and a bad version that something waits for.
func untilTheVerdict(t *testing.T, m mode, wait func(s *shop, args ...string) error) {
	t.Helper()
	t.Parallel()
	t.Run("it ends well with the release", func(t *testing.T) {
		t.Parallel()
		s := open(t, m, good)
		if err := wait(s); err != nil {
			t.Error(err)
		}
		s.wantImage("v2")
	})
	t.Run("it fails with the revert", func(t *testing.T) {
		t.Parallel()
		s := open(t, m, good)
		if err := wait(s, crashing); err == nil || strings.Contains(err.Error(), "deadline exceeded") {
			t.Errorf("it ends with %v, want that web has failed", err)
		}
		s.awaitPhase(s.newRun().Name, v1alpha1.PhaseReverted)
		s.wantImage("v1")
	})
}
