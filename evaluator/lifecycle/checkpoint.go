package lifecycle

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// WriteBudget is how many statuses are written a second that have nothing new but good rounds, in the whole
// cluster. All else is written when it happens. DefaultWriteBudget writes each round while there are few
// runs.
type WriteBudget float64

// DefaultWriteBudget writes each round of up to 50 runs that are measured every 10 s.
const DefaultWriteBudget WriteBudget = 5

// oldestStatus is how old a status gets, whatever the budget: people look at it, and what is made up for
// after a change of leader is no more than that.
const oldestStatus = 10 * time.Minute

// Every is how often the status of each run is written while so many are measured: all get the same share.
func (b WriteBudget) Every(runs int) time.Duration {
	if b <= 0 {
		return oldestStatus
	}
	return time.Duration(min(float64(runs)/float64(b), oldestStatus.Seconds()) * float64(time.Second))
}

// quietStart is for how long the status of a run does not tell of each thing that becomes of its pods while
// they start: most are Ready within, and then that is written.
const quietStart = 5 * time.Second

// MayWait says whether a status need not be written yet that follows on another. That is so if nothing but
// rounds has come in which all was good as before, and the run had its share of the budget less than every
// ago: of what limits are on nothing is ever known to one evaluator alone. And it is so while pods have just
// begun to start.
func MayWait(before, after v1alpha1.CanaryRunStatus, every time.Duration, now time.Time) bool {
	if now.Before(quietUntil(before, now)) {
		return onlyStarts(before, after)
	}
	return before.AsOf != nil && now.Before(before.AsOf.Add(every)) && onlyGoodRounds(before, after)
}

// beginnings are the transitions with which a run begins.
var beginnings = []string{
	v1alpha1.EventHeld, v1alpha1.ReasonPolicyApplied, v1alpha1.EventRoomDoubtful, v1alpha1.EventAutoscalerCounts, string(TransitionStarted),
}

// BeginsQuietly says whether a status and its log need not be written yet of a run that has none: its canary
// is made and has just begun to start. Who goes on finds that canary, as after a step that was cut short.
//
// A run that needed a place has its status written at once, for by that it has the place; and so has one that
// a user made, for it has its plan in it.
func BeginsQuietly(in Snapshot, stored, after v1alpha1.CanaryRunStatus, log *v1alpha1.TransitionLog, clusterLimit int) bool {
	if stored.Phase != "" || in.Run.Spec.ByHand() || !in.Now.Before(quietUntil(after, in.Now)) || after.Verdict != "" ||
		len(after.Hooks) > 0 { // when a hook was first asked is a part of the question
		return false
	}
	if spec, _ := askedPlan(in); clusterLimit > 0 || spec.MaxRuns != nil {
		return false
	}
	return log == nil || !slices.ContainsFunc(log.Untold, func(t v1alpha1.LoggedTransition) bool { return !slices.Contains(beginnings, t.Kind) })
}

// BegunQuietly says whether a run has come to its first status and the time is over for which that may wait.
func BegunQuietly(stored, known v1alpha1.CanaryRunStatus, now time.Time) bool {
	return stored.Phase == "" && known.Phase != "" && !now.Before(quietUntil(known, now))
}

// quietUntil is the end of the quiet start of the step under way, the zero time where pods do not start, or
// started by a clock that is ahead.
func quietUntil(status v1alpha1.CanaryRunStatus, now time.Time) time.Time {
	if status.Phase != v1alpha1.PhaseStarting || status.Step == nil || status.Step.StartedAt.After(now.Add(quietStart)) {
		return time.Time{}
	}
	return status.Step.StartedAt.Add(quietStart)
}

// onlyStarts says whether all that is new is how far the pods are that start.
func onlyStarts(before, after v1alpha1.CanaryRunStatus) bool {
	for _, status := range []*v1alpha1.CanaryRunStatus{&before, &after} {
		status.Message, status.Scale = "", ""
		status.Canary, status.Baseline = withoutPods(status.Canary), withoutPods(status.Baseline)
	}
	return equality.Semantic.DeepEqual(before, after)
}

// withoutPods is what is known of a set but for its pods, which can be found out again while nothing is
// measured.
func withoutPods(set *v1alpha1.OwnSet) *v1alpha1.OwnSet {
	if set == nil {
		return nil
	}
	return &v1alpha1.OwnSet{Name: set.Name, UID: set.UID, Print: set.Print}
}

func onlyGoodRounds(before, after v1alpha1.CanaryRunStatus) bool {
	if before.Phase != v1alpha1.PhaseRunning && before.Phase != v1alpha1.PhasePaused || before.Step == nil || after.Step == nil ||
		len(before.Metrics) != len(after.Metrics) || !equality.Semantic.DeepEqual(withoutRounds(before), withoutRounds(after)) {
		return false
	}
	for i, was := range before.Metrics {
		if !sameStanding(was, after.Metrics[i]) {
			return false
		}
		if newest, _ := analysis.Newest(after.Metrics[i]); newest.Reason == v1alpha1.MeasuredHookYes { // it cannot be asked about a time that is over
			return false
		}
	}
	return true
}

// withoutRounds is a status without what every round changes, and how often there is one. It shares the rest
// with the status.
func withoutRounds(status v1alpha1.CanaryRunStatus) v1alpha1.CanaryRunStatus {
	step := *status.Step
	step.Measured = 0
	status.Conditions = withoutPace(status.Conditions)
	status.Step, status.Measured, status.Metrics, status.AsOf = &step, 0, nil, nil
	status.Validation, status.Duration = "", ""
	return status
}

// sameStanding says whether a metric stands as before: by the outcome of the newest measurement, and with
// nothing more that a limit is on. How many pods there were cannot be asked again.
func sameStanding(was, is v1alpha1.MetricStatus) bool {
	before, measured := analysis.Newest(was)
	after, still := analysis.Newest(is)
	return was.Name == is.Name && measured == still && before.Outcome == after.Outcome && (was.Name != analysis.Pods || before.Value == after.Value) && was.ConsecutiveFailures == is.ConsecutiveFailures &&
		was.ConsecutiveErrors == is.ConsecutiveErrors && was.ConsecutiveNoData == is.ConsecutiveNoData
}

// Written is a status as it is written now.
func Written(status v1alpha1.CanaryRunStatus, now time.Time) v1alpha1.CanaryRunStatus {
	status.AsOf = nil
	if status.Phase == v1alpha1.PhaseRunning || status.Phase == v1alpha1.PhasePaused {
		status.AsOf = &metav1.Time{Time: now.Truncate(time.Second)}
	}
	return status
}
