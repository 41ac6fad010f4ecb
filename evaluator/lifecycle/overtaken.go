package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TooMany is how many runs in a row may be superseded without a verdict before it is told:
// once is a second thought, several are updates that come faster than a canary takes.
const TooMany = 3

// Overtaken counts the newest runs of a Deployment that were superseded without a verdict, one
// after the other, and says when the first of them was made. Those under way do not
// count, and neither do those that users made by hand. Any other end, also that of a person or of a
// rollback, begins the count anew.
func Overtaken(runs []*v1alpha1.CanaryRun) (inARow int, since time.Time) {
	ended := make([]*v1alpha1.CanaryRun, 0, len(runs))
	for _, run := range runs {
		if run.Status.Phase.Ended() && !run.Spec.ByHand() {
			ended = append(ended, run)
		}
	}
	slices.SortFunc(ended, func(a, b *v1alpha1.CanaryRun) int {
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), endOf(b).Compare(endOf(a)), cmp.Compare(b.Name, a.Name))
	})
	for _, run := range ended {
		if run.Status.Phase != v1alpha1.PhaseSuperseded || run.Status.Verdict != "" {
			break
		}
		inARow, since = inARow+1, run.CreationTimestamp.Time
	}
	return inARow, since
}

func endOf(run *v1alpha1.CanaryRun) time.Time {
	if run.Status.FinishedAt == nil {
		return time.Time{}
	}
	return run.Status.FinishedAt.Time
}

// PointersTo are the runs of a list, as Overtaken takes them.
func PointersTo(runs []v1alpha1.CanaryRun) []*v1alpha1.CanaryRun {
	out := make([]*v1alpha1.CanaryRun, len(runs))
	for i := range runs {
		out[i] = &runs[i]
	}
	return out
}
