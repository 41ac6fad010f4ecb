package lifecycle

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plan"
)

// TestAFreezeWindowOfAPolicyCounts, though the plan of the run has none.
func TestAFreezeWindowOfAPolicyCounts(t *testing.T) {
	now := time.Date(2026, 3, 7, 12, 0, 0, 0, time.UTC)
	builtIn := plan.BuiltIn().Spec
	from, to := metav1.NewTime(now.Add(-time.Hour)), metav1.NewTime(now.Add(time.Hour))
	in := Snapshot{
		Now:        now,
		Run:        Run{Name: "r", Spec: v1alpha1.CanaryRunSpec{Hold: "h", Plan: &builtIn}, Status: v1alpha1.CanaryRunStatus{Phase: v1alpha1.PhaseReleasing, Verdict: v1alpha1.VerdictPass}},
		Deployment: Deployment{Exists: true, Guarded: true, Held: "h"},
	}
	if p := Next(in); len(p.Actions) != 1 {
		t.Errorf("without one: %+v", p.Actions)
	}
	in.FreezeWindows = []v1alpha1.FreezeWindow{{From: &from, To: &to}}
	if p := Next(in); len(p.Actions) != 0 || p.Status.Reason != v1alpha1.ReasonFreezeWindow {
		t.Errorf("with one: %+v, %s", p.Actions, p.Status.Reason)
	}
}
