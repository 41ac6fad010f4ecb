package runs

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

// startAt is the annotation for a time so far from now.
func startAt(after time.Duration) (annotation string, at time.Time) {
	at = time.Now().Add(after).UTC().Truncate(time.Second)
	return fmt.Sprintf("%s: %q", v1alpha1.StartAtAnnotation, at.Format(time.RFC3339)), at
}

// TestARunStartsAtItsTime, and has no canary before.
func TestARunStartsAtItsTime(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.PlanOf(shop.Calm), NoLoad: true, Replicas: 1})
	annotation, at := startAt(20 * time.Second)
	run := s.NewestRun(s.Must("apply", "-f", "-", shop.Annotate(s.Web("v2"), annotation)))
	s.AwaitReason(run.Name, v1alpha1.ReasonStartAt)
	shop.AwaitNone(s, "canary ReplicaSets", &appsv1.ReplicaSetList{}, client.HasLabels{v1alpha1.RunLabel})
	released := s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	if released.Status.CreatedAt.Time.Before(at) {
		t.Errorf("the canary was made at %s, before %s", released.Status.CreatedAt, at)
	}
	s.WantImage("v2")
}

// TestATimeLongPastIsAMistake: it is told, and neither started at once nor waited for.
func TestATimeLongPastIsAMistake(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.PlanOf(shop.Calm), NoLoad: true, Replicas: 1})
	annotation, at := startAt(-time.Hour)
	s.Must("apply", "-f", "-", shop.Annotate(s.Web("v2"), annotation))
	s.WantEvents(v1alpha1.ReasonStartAtInvalid)
	shop.AwaitNone(s, "runs", &v1alpha1.CanaryRunList{})
	s.WantImage("v1")
	s.Must("apply", "-f", "-", fmt.Sprintf(byHandRun, "late")+fmt.Sprintf("  startAt: %q\n  containers: [{name: app, image: \"holdfast.test/app:v2\"}]\n", at.Format(time.RFC3339)))
	if late := s.AwaitPhase("late", v1alpha1.PhaseCanceled); late.Status.Reason != v1alpha1.ReasonStartAtInvalid {
		t.Errorf("a run made by hand ends for %s: %s", late.Status.Reason, late.Status.Message)
	}
}

// TestADeadlineEndsWhatNobodyDecides: the update is reverted, never released.
func TestADeadlineEndsWhatNobodyDecides(t *testing.T) {
	stage.Long(t)
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.With(shop.PlanOf(shop.Calm), "manual: {deadline: 8h}", "deadline: 30s"), NoLoad: true, Replicas: 1})
	run := s.HoldV2()
	s.AwaitReason(run.Name, v1alpha1.ReasonManual)
	ended := s.WantReverted(run.Name, v1alpha1.ReasonDeadline)
	if ended.Status.Verdict != v1alpha1.VerdictInconclusive {
		t.Errorf("verdict %s: %s", ended.Status.Verdict, ended.Status.Message)
	}
}
