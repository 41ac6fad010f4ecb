package e2e

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// startAt is the annotation for a time so far from now.
func startAt(after time.Duration) (annotation string, at time.Time) {
	at = time.Now().Add(after).UTC().Truncate(time.Second)
	return fmt.Sprintf("%s: %q", v1alpha1.StartAtAnnotation, at.Format(time.RFC3339)), at
}

// TestARunStartsAtItsTime, and has no canary before.
func TestARunStartsAtItsTime(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: planOf(calm), noLoad: true, replicas: 1})
	annotation, at := startAt(20 * time.Second)
	run := s.newestRun(s.must("apply", "-f", "-", annotate(s.web("v2"), annotation)))
	s.awaitReason(run.Name, v1alpha1.ReasonStartAt)
	awaitNone(s, "canary ReplicaSets", &appsv1.ReplicaSetList{}, client.HasLabels{v1alpha1.RunLabel})
	released := s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
	if released.Status.CreatedAt.Time.Before(at) {
		t.Errorf("the canary was made at %s, before %s", released.Status.CreatedAt, at)
	}
	s.wantImage("v2")
}

// TestATimeLongPastIsAMistake: it is told, and neither started at once nor waited for.
func TestATimeLongPastIsAMistake(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: planOf(calm), noLoad: true, replicas: 1})
	annotation, at := startAt(-time.Hour)
	s.must("apply", "-f", "-", annotate(s.web("v2"), annotation))
	s.wantEvents(v1alpha1.ReasonStartAtInvalid)
	awaitNone(s, "runs", &v1alpha1.CanaryRunList{})
	s.wantImage("v1")
	s.must("apply", "-f", "-", fmt.Sprintf(byHandRun, "late")+fmt.Sprintf("  startAt: %q\n  containers: [{name: app, image: \"holdfast.test/app:v2\"}]\n", at.Format(time.RFC3339)))
	if late := s.awaitPhase("late", v1alpha1.PhaseCanceled); late.Status.Reason != v1alpha1.ReasonStartAtInvalid {
		t.Errorf("a run made by hand ends for %s: %s", late.Status.Reason, late.Status.Message)
	}
}

// TestADeadlineEndsWhatNobodyDecides: the update is reverted, never released.
func TestADeadlineEndsWhatNobodyDecides(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: with(planOf(calm), "manual: {deadline: 8h}", "deadline: 30s"), noLoad: true, replicas: 1})
	run := s.holdV2()
	s.awaitReason(run.Name, v1alpha1.ReasonManual)
	ended := s.wantReverted(run.Name, v1alpha1.ReasonDeadline)
	if ended.Status.Verdict != v1alpha1.VerdictInconclusive {
		t.Errorf("verdict %s: %s", ended.Status.Verdict, ended.Status.Message)
	}
}
