package lifecycle

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// A transition is written before it is told: with the status that it led to, in the log of that. Who
// evaluates tells what the log has, and takes it out with a later write. Killed between the two it is told
// again, by the next; so each is told at least once, in its order, and by its number known as the same.

// maxUntold is the limit of status.transitions.untold.
const maxUntold = 250

// untoldFor is how long transitions that were told stay in the log for want of another reason to write: each
// is a write less where one follows, and told twice where the evaluator ends before it.
const untoldFor = 30 * time.Second

// Logged is a log with what happened now added to it, and without what was told: all up to a number.
func Logged(log *v1alpha1.TransitionLog, told int64, now time.Time, happened []Transition) *v1alpha1.TransitionLog {
	if log == nil && len(happened) == 0 {
		return nil
	}
	out := &v1alpha1.TransitionLog{}
	if log != nil {
		out.Count = log.Count
		out.Untold = slices.DeleteFunc(slices.Clone(log.Untold), func(t v1alpha1.LoggedTransition) bool { return t.Number <= told })
	}
	for _, t := range happened {
		out.Count++
		out.Untold = append(out.Untold, v1alpha1.LoggedTransition{
			Number: out.Count, Time: metav1.NewTime(now), Kind: string(t.Kind), Reason: t.Reason, Message: t.Message, Subject: t.Subject, Metric: t.Metric,
		})
	}
	if len(out.Untold) == 0 {
		out.Untold = nil
	}
	out.Untold = out.Untold[max(0, len(out.Untold)-maxUntold):]
	return out
}

// Untold are the transitions of a status after those that were told, in their order.
func Untold(status v1alpha1.CanaryRunStatus, told int64) []Transition {
	if status.Transitions == nil {
		return nil
	}
	var out []Transition
	for _, t := range status.Transitions.Untold {
		if t.Number <= told {
			continue
		}
		transition := Transition{
			Number: t.Number, Time: t.Time.Time, Kind: TransitionKind(t.Kind), Reason: t.Reason, Message: t.Message, Subject: t.Subject, Metric: t.Metric,
		}
		if t.Metric != "" {
			transition.Measurement, _ = analysis.Newest(analysis.Find(status.Metrics, t.Metric))
		}
		out = append(out, transition)
	}
	return out
}

// Forgettable says how long from now the log of a status may be left as it is, once all up to a number is
// told; false where it has nothing of that.
func Forgettable(status v1alpha1.CanaryRunStatus, told int64, now time.Time) (time.Duration, bool) {
	if status.Transitions == nil || len(status.Transitions.Untold) == 0 || status.Transitions.Untold[0].Number > told {
		return 0, false
	}
	return max(0, status.Transitions.Untold[0].Time.Add(untoldFor).Sub(now)), true
}
