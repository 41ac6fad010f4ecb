package show

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/outlook"
	"holdfast.dev/holdfast/internal/hold"
)

// chapter is something that happened to a Deployment.
type chapter struct {
	at    time.Time
	cells []string
}

// History is what became of the updates of a Deployment, the oldest first: its runs, and what its annotations
// remember of those that passed without one.
func History(runs []v1alpha1.CanaryRun, annotations map[string]string, now time.Time) *metav1.Table {
	var chapters []chapter
	for i := range runs {
		run := &runs[i]
		s := run.Status
		chapters = append(chapters, chapter{run.CreationTimestamp.Time, []string{
			stamp(run.CreationTimestamp.Time), run.Name, string(s.Phase), s.Reason, tookUntilEnd(run, now), s.Validation, decidedBy(run), outlook.PlanName(run), s.Message,
		}})
	}
	if skipped, err := hold.ParseSkipped(annotations[v1alpha1.SkippedAnnotation]); err == nil && !skipped.At.IsZero() {
		chapters = append(chapters, chapter{skipped.At, []string{
			stamp(skipped.At), "", "Passed without a canary", v1alpha1.ReasonSkipped, "", "", skipped.User, "", skipped.Reason,
		}})
	}
	slices.SortStableFunc(chapters, func(a, b chapter) int { return a.at.Compare(b.at) })
	t := table("Asked", "Run", "Status", "Reason", "Took", "Validation", "Decided by", "Plan+", "Message+")
	for _, c := range chapters {
		addRow(t, c.cells...)
	}
	return t
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05Z") }

// tookUntilEnd is how long a run took, or has taken.
func tookUntilEnd(run *v1alpha1.CanaryRun, now time.Time) string {
	end := now
	if run.Status.FinishedAt != nil {
		end = run.Status.FinishedAt.Time
	} else if run.Status.Phase.Ended() {
		return ""
	}
	took := lifecycle.Short(max(end.Sub(run.CreationTimestamp.Time), 0).Truncate(time.Second))
	if !run.Status.Phase.Ended() {
		took += " so far"
	}
	return took
}

func decidedBy(run *v1alpha1.CanaryRun) string {
	if run.Spec.Decision == "" {
		return ""
	}
	return fmt.Sprintf("%s (%s)", cmp.Or(run.Spec.DecidedBy, "a person"), run.Spec.Decision)
}
