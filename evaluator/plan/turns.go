package plan

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// Turn is something that happened to a run and that people want to hear of.
type Turn struct {
	Kind TurnKind
	// Message says what happened, in the words of the status, and Reason in one word.
	Message, Reason string
	// Metric and Measurement are those of TurnFailed, TurnErrors and TurnNoData.
	Metric      string
	Measurement v1alpha1.Measurement
}

// TurnKind is one word for a turn.
type TurnKind string

// Reasons of events about a run and its Deployment: the turns of the run.
const (
	// TurnPlanInvalid: the plan cannot be followed; put the field right that the message
	// names.
	TurnPlanInvalid TurnKind = "PlanInvalid"
	// TurnNotCreated: the API server does not take the pods of the run at present,
	// because of a quota; it is tried again.
	TurnNotCreated TurnKind = "PodsNotCreated"
	// TurnScheduled: the canary is made at the time that was asked for.
	TurnScheduled TurnKind = "Scheduled"
	// TurnQueued: the run waits for its turn.
	TurnQueued TurnKind = "Queued"
	// TurnStarted: the canary is made.
	TurnStarted TurnKind = "CanaryStarted"
	// TurnStep: the canary is made as large as the next step says.
	TurnStep TurnKind = "NextStep"
	// TurnPaused: a person decides; the message says what about.
	TurnPaused TurnKind = "Paused"
	// TurnInconclusive: errors, missing data, the deadline, or what others did to its pods
	// kept the run from a verdict: promote, abort or retry it, or apply another update.
	TurnInconclusive TurnKind = "Inconclusive"
	// TurnResumed: the run goes on after a pause.
	TurnResumed TurnKind = "Resumed"
	// TurnRetried: the run begins anew with fresh pods.
	TurnRetried TurnKind = "Retried"
	// TurnPromoted: a person had the update released.
	TurnPromoted TurnKind = "Promoted"
	// TurnWindow: the run passed, and waits for the end of a freeze window.
	TurnWindow TurnKind = "FreezeWindow"
	// TurnReady: all canary pods are Ready.
	TurnReady TurnKind = "CanaryReady"
	// TurnFailed: the first measurement of a row that was out of range, with value, range
	// and query.
	TurnFailed TurnKind = "MeasurementFailed"
	// TurnErrors: the first of a row that could not be made, with why.
	TurnErrors TurnKind = "MeasurementError"
	// TurnNoData: the first of a row for which the query found nothing.
	TurnNoData TurnKind = "MeasurementNoData"
	// TurnPassed: the verdict is Pass; the held update is released.
	TurnPassed TurnKind = "Passed"
	// TurnFrozen: the canary failed and stays, for you to look at: promote, abort or retry
	// the run, or apply another update.
	TurnFrozen TurnKind = "Frozen"
	// TurnUnguarded: the guard was lifted: the held update goes through without a verdict.
	TurnUnguarded TurnKind = "Unguarded"
	// TurnReleaseRefused: the API server refuses the released template, in its words.
	TurnReleaseRefused TurnKind = "ReleaseRefused"
	// TurnReleased: the Deployment has the held template, and rolls it out.
	TurnReleased TurnKind = "Released"
	// TurnDryRun: the verdict of a dry run, or of a run made by hand, is Pass; nothing is
	// released.
	TurnDryRun TurnKind = "RunPassed"
	// TurnRolledOut: the Deployment has rolled it out.
	TurnRolledOut TurnKind = "RolledOut"
	// TurnRolloutStuck: it did not within its progressDeadlineSeconds; the template stays.
	TurnRolloutStuck TurnKind = "RolloutStuck"
	// TurnReverted: the update was rejected, and why. The Deployment stays on its stable
	// template.
	TurnReverted TurnKind = "Reverted"
	// TurnCanceled: the hold ended without a verdict, and why.
	TurnCanceled TurnKind = "Canceled"
	// TurnSuperseded: another update took the place of this one.
	TurnSuperseded TurnKind = "Superseded"
)

// Turns are the turns between two statuses of a run, in their order. They
// follow from what was written alone, so each is told once per write, after it.
func Turns(before, after v1alpha1.CanaryRunStatus) []Turn {
	var out []Turn
	tell := func(happened bool, kind TurnKind) {
		if happened {
			out = append(out, Turn{Kind: kind, Message: after.Message, Reason: after.Reason})
		}
	}
	newReason := func(reason string) bool { return after.Reason == reason && before.Reason != reason }
	entered := func(phase v1alpha1.Phase) bool { return after.Phase == phase && before.Phase != phase }

	tell(entered(v1alpha1.PhaseWaiting) && after.Reason == v1alpha1.ReasonPlanInvalid ||
		after.Phase == v1alpha1.PhaseWaiting && newReason(v1alpha1.ReasonPlanInvalid), TurnPlanInvalid)
	tell(after.Phase == v1alpha1.PhaseWaiting && newReason(v1alpha1.ReasonPodsNotCreated), TurnNotCreated)
	tell(entered(v1alpha1.PhaseScheduled), TurnScheduled)
	tell(queued(after.Reason) && !queued(before.Reason), TurnQueued)
	tell(AttemptOf(before) < AttemptOf(after), TurnRetried)
	tell(before.CreatedAt == nil && after.CreatedAt != nil && after.Verdict == "", TurnStarted)
	tell(newReason(v1alpha1.ReasonNextStep) || after.Reason == v1alpha1.ReasonNextStep && stepOf(before) != stepOf(after), TurnStep)
	tell(newReason(v1alpha1.ReasonResumed), TurnResumed)
	tell(before.ReadyAt == nil && after.ReadyAt != nil, TurnReady)
	out = append(out, streaks(before, after)...)
	tell(before.Verdict == "" && after.Verdict == v1alpha1.VerdictPass && after.Phase == v1alpha1.PhaseReleasing, TurnPassed)
	tell(entered(v1alpha1.PhasePaused) && after.Verdict == "", TurnPaused)
	tell(after.Phase == v1alpha1.PhasePaused && after.Verdict != "" && (entered(v1alpha1.PhasePaused) || before.Verdict == ""), TurnInconclusive)
	tell(entered(v1alpha1.PhaseFrozen), TurnFrozen)
	tell(newReason(v1alpha1.ReasonPromoted) && after.Phase == v1alpha1.PhaseReleasing && before.Phase != v1alpha1.PhaseReleasing, TurnPromoted)
	tell(newReason(v1alpha1.ReasonFreezeWindow), TurnWindow)
	tell(entered(v1alpha1.PhaseReleasing) && after.Reason == v1alpha1.ReasonUnguarded, TurnUnguarded)
	tell(newReason(v1alpha1.ReasonReleaseRefused), TurnReleaseRefused)
	tell(!releaseSeen(before) && releaseSeen(after), TurnReleased)
	tell(entered(v1alpha1.PhaseReleased) && after.Reason == v1alpha1.ReasonRolledOut, TurnRolledOut)
	tell(entered(v1alpha1.PhaseReleased) && after.Reason != v1alpha1.ReasonRolledOut, TurnRolloutStuck)
	tell(entered(v1alpha1.PhasePassed), TurnDryRun)
	tell(entered(v1alpha1.PhaseReverted), TurnReverted)
	tell(entered(v1alpha1.PhaseCanceled), TurnCanceled)
	tell(entered(v1alpha1.PhaseSuperseded), TurnSuperseded)
	return out
}

func queued(reason string) bool {
	return reason == v1alpha1.ReasonQueued || reason == v1alpha1.ReasonQueuedInCluster
}

func stepOf(s v1alpha1.CanaryRunStatus) int32 {
	if s.Step == nil {
		return 0
	}
	return s.Step.Number
}

func releaseSeen(s v1alpha1.CanaryRunStatus) bool {
	return meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionRolledOut) != nil
}

// streaks are the metrics whose newest measurement is the first of a row that
// did not pass.
func streaks(before, after v1alpha1.CanaryRunStatus) []Turn {
	kinds := map[v1alpha1.Outcome]TurnKind{
		v1alpha1.OutcomeFailed: TurnFailed,
		v1alpha1.OutcomeError:  TurnErrors,
		v1alpha1.OutcomeNoData: TurnNoData,
	}
	var out []Turn
	for _, metric := range after.Metrics {
		m, ok := analysis.Newest(metric)
		if !ok || metric.Streak != 1 || kinds[m.Outcome] == "" || !isNew(before, after, m) || m.Reason == v1alpha1.MeasuredGathering {
			continue
		}
		out = append(out, Turn{Kind: kinds[m.Outcome], Message: m.Message, Metric: metric.Name, Measurement: m})
	}
	return out
}

// isNew says whether a measurement is one of the round that the later status has
// and the one before it has not. Metrics of other steps are not in that round.
func isNew(before, after v1alpha1.CanaryRunStatus, m v1alpha1.Measurement) bool {
	pods, _ := analysis.Newest(analysis.Find(after.Metrics, analysis.Pods))
	return before.Measured != after.Measured && m.Time.Equal(&pods.Time)
}

// Measured are the outcomes of the measurements that one status has and the one
// before it has not.
func Measured(before, after v1alpha1.CanaryRunStatus) []v1alpha1.Outcome {
	var out []v1alpha1.Outcome
	for _, metric := range after.Metrics {
		if m, ok := analysis.Newest(metric); ok && isNew(before, after, m) {
			out = append(out, m.Outcome)
		}
	}
	return out
}
