package lifecycle

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// Transition is something that happened to a run, or to its Deployment, and that people want to hear of.
type Transition struct {
	// Number is which one of the run's it is, from 1; 0 where it has no run.
	Number int64
	// Time is when it was written into the log; zero before, and where it has no run.
	Time time.Time
	Kind TransitionKind
	// Message says what happened, in the words of the status, and Reason in one word.
	Message, Reason string
	// Subject is what it happened to, where that is a part of the run or beside it: a pod, an autoscaler.
	Subject string
	// Metric and Measurement are those of TransitionFailed, TransitionErrors and TransitionNoData.
	Metric      string
	Measurement v1alpha1.Measurement
}

// TransitionKind is one word for a transition.
type TransitionKind string

// Reasons of events about a run and its Deployment: the transitions of the run.
const (
	// TransitionPlanInvalid: the plan cannot be followed; put the field right that the message
	// names.
	TransitionPlanInvalid TransitionKind = "PlanInvalid"
	// TransitionNotCreated: the API server does not take the pods of the run at present,
	// because of a quota; it is tried again.
	TransitionNotCreated TransitionKind = "PodsNotCreated"
	// TransitionScheduled: the canary is made at the time that was asked for.
	TransitionScheduled TransitionKind = "Scheduled"
	// TransitionDeploymentPaused: the Deployment is paused; the run goes on when it is resumed.
	TransitionDeploymentPaused TransitionKind = "DeploymentPaused"
	// TransitionScaledToZero: the Deployment was scaled to zero, and its canary is gone too; it is made when
	// there are replicas again.
	TransitionScaledToZero TransitionKind = "ScaledToZero"
	// TransitionQueued: the run waits for its turn.
	TransitionQueued TransitionKind = "Queued"
	// TransitionStarted: the canary is made. Written together with Held, it is a part of that event.
	TransitionStarted TransitionKind = "CanaryStarted"
	// TransitionStep: the canary is made as large as the next step says.
	TransitionStep TransitionKind = "NextStep"
	// TransitionPaused: a person decides; the message says what about.
	TransitionPaused TransitionKind = "Paused"
	// TransitionInconclusive: errors, missing data, the deadline, or what others did to its pods
	// kept the run from a verdict: promote, abort or retry it, or apply another update.
	TransitionInconclusive TransitionKind = "Inconclusive"
	// TransitionGateClosed: a hook of the plan does not say yes, and the run waits for it.
	TransitionGateClosed TransitionKind = "GateClosed"
	// TransitionGateOpened: it said yes.
	TransitionGateOpened TransitionKind = "GateOpened"
	// TransitionHookPassed: a hook of type PreRollout or PostRollout said yes.
	TransitionHookPassed TransitionKind = "HookPassed"
	// TransitionHookFailed: it did not; the message has its answer, in short.
	TransitionHookFailed TransitionKind = "HookFailed"
	// TransitionResumed: the run goes on after a pause.
	TransitionResumed TransitionKind = "Resumed"
	// TransitionTakenAway: so many pods of the run were deleted, evicted or drained that its period begins anew.
	TransitionTakenAway TransitionKind = "PodsTakenAway"
	// TransitionShareLost: routes no longer gave the canary its share of the requests, and its period begins
	// anew.
	TransitionShareLost TransitionKind = "ShareLost"
	// TransitionServiceLeft: a Service sends requests to canary pods and to none of the stable ones; nothing is
	// judged until it goes to both.
	TransitionServiceLeft TransitionKind = "ServiceLeft"
	// TransitionNotAutoscaled: the autoscaler of the canary does not scale it; the message says why, in its
	// words.
	TransitionNotAutoscaled TransitionKind = "NotAutoscaled"
	// TransitionReferenceGone: a ConfigMap or Secret is gone without which the stable template cannot start
	// pods; create it again.
	TransitionReferenceGone TransitionKind = "ReferenceGone"
	// TransitionRetried: the run begins anew with fresh pods.
	TransitionRetried TransitionKind = "Retried"
	// TransitionPromoted: a person had the update released.
	TransitionPromoted TransitionKind = "Promoted"
	// TransitionRecreate: the strategy of the Deployment is Recreate, and nobody asks for a canary beside it:
	// there is none; the message says what to do.
	TransitionRecreate TransitionKind = "Recreate"
	// TransitionGivesWay: the canary passed, and goes before its release is rolled out, for both do not fit.
	TransitionGivesWay TransitionKind = "CanaryGivesWay"
	// TransitionWindow: the run passed, and waits for the end of a freeze window.
	TransitionWindow TransitionKind = "FreezeWindow"
	// TransitionReady: all canary pods are Ready. Written together with Held or CanaryStarted, as where pods
	// are quick, it is a part of that event.
	TransitionReady TransitionKind = "CanaryReady"
	// TransitionFailed: the first measurement of a row that was out of range, with value, range
	// and query.
	TransitionFailed TransitionKind = "MeasurementFailed"
	// TransitionErrors: the first of a row that could not be made, with why.
	TransitionErrors TransitionKind = "MeasurementError"
	// TransitionNoData: the first of a row for which the query found nothing.
	TransitionNoData TransitionKind = "MeasurementNoData"
	// TransitionPassed: the verdict is Pass; the held update is released.
	TransitionPassed TransitionKind = "Passed"
	// TransitionFrozen: the canary failed and stays, for you to look at: promote, abort or retry
	// the run, or apply another update.
	TransitionFrozen TransitionKind = "Frozen"
	// TransitionUnguarded: the guard was lifted: the held update goes through without a verdict.
	TransitionUnguarded TransitionKind = "Unguarded"
	// TransitionReleaseRefused: the API server refuses the released template, in its words.
	TransitionReleaseRefused TransitionKind = "ReleaseRefused"
	// TransitionReleased: the Deployment has the held template, and rolls it out.
	TransitionReleased TransitionKind = "Released"
	// TransitionDryRun: the verdict of a dry run, or of a run made by hand, is Pass; nothing is
	// released.
	TransitionDryRun TransitionKind = "RunPassed"
	// TransitionRolledOut: the Deployment has rolled it out.
	TransitionRolledOut TransitionKind = "RolledOut"
	// TransitionRolloutStuck: it did not within its progressDeadlineSeconds; the template stays.
	TransitionRolloutStuck TransitionKind = "RolloutStuck"
	// TransitionReverted: the update was rejected, and why. The Deployment stays on its stable
	// template.
	TransitionReverted TransitionKind = "Reverted"
	// TransitionCanceled: the hold ended without a verdict, and why.
	TransitionCanceled TransitionKind = "Canceled"
	// TransitionSuperseded: another update took the place of this one.
	TransitionSuperseded TransitionKind = "Superseded"
)

// Transitions are what happened between two statuses of a run, in their order.
func Transitions(before, after v1alpha1.CanaryRunStatus) []Transition {
	var out []Transition
	tell := func(happened bool, kind TransitionKind) {
		if happened {
			out = append(out, Transition{Kind: kind, Message: after.Message, Reason: after.Reason})
		}
	}
	newReason := func(reason string) bool { return after.Reason == reason && before.Reason != reason }
	entered := func(phase v1alpha1.Phase) bool { return after.Phase == phase && before.Phase != phase }

	tell(entered(v1alpha1.PhaseWaiting) && after.Reason == v1alpha1.ReasonPlanInvalid ||
		after.Phase == v1alpha1.PhaseWaiting && newReason(v1alpha1.ReasonPlanInvalid), TransitionPlanInvalid)
	tell(after.Phase == v1alpha1.PhaseWaiting && newReason(v1alpha1.ReasonPodsNotCreated), TransitionNotCreated)
	tell(entered(v1alpha1.PhaseScheduled), TransitionScheduled)
	tell(newReason(v1alpha1.ReasonDeploymentPaused), TransitionDeploymentPaused)
	tell(newReason(v1alpha1.ReasonScaledToZero), TransitionScaledToZero)
	tell(newReason(v1alpha1.ReasonRecreate), TransitionRecreate)
	tell(queued(after.Reason) && !queued(before.Reason), TransitionQueued)
	tell(AttemptOf(before) < AttemptOf(after), TransitionRetried)
	out = append(out, askedHooks(before, after)...)
	tell(before.CreatedAt == nil && after.CreatedAt != nil && after.Verdict == "", TransitionStarted)
	tell(newReason(v1alpha1.ReasonNextStep) || after.Reason == v1alpha1.ReasonNextStep && stepOf(before) != stepOf(after), TransitionStep)
	tell(newReason(v1alpha1.ReasonResumed) || newReason(v1alpha1.ReasonServed), TransitionResumed)
	anew := begunAnew(before) < begunAnew(after)
	tell(anew && after.Reason != v1alpha1.ReasonShareLost, TransitionTakenAway)
	tell(anew && after.Reason == v1alpha1.ReasonShareLost, TransitionShareLost)
	tell(before.ReadyAt == nil && after.ReadyAt != nil, TransitionReady)
	out = append(out, around(before, after)...)
	out = append(out, notAutoscaled(before, after)...)
	out = append(out, streaks(before, after)...)
	tell(before.Verdict == "" && after.Verdict == v1alpha1.VerdictPass && after.Phase == v1alpha1.PhaseReleasing, TransitionPassed)
	tell(waitsForPerson(after) && !waitsForPerson(before), TransitionPaused)
	tell(after.Phase == v1alpha1.PhasePaused && after.Verdict != "" && (entered(v1alpha1.PhasePaused) || before.Verdict == ""), TransitionInconclusive)
	tell(entered(v1alpha1.PhaseFrozen), TransitionFrozen)
	tell(newReason(v1alpha1.ReasonPromoted) && after.Phase == v1alpha1.PhaseReleasing && before.Phase != v1alpha1.PhaseReleasing, TransitionPromoted)
	tell(newReason(v1alpha1.ReasonFreezeWindow), TransitionWindow)
	tell(newReason(v1alpha1.ReasonCanaryGivesWay), TransitionGivesWay)
	tell(entered(v1alpha1.PhaseReleasing) && after.Reason == v1alpha1.ReasonUnguarded, TransitionUnguarded)
	tell(newReason(v1alpha1.ReasonReleaseRefused), TransitionReleaseRefused)
	tell(!releaseSeen(before) && releaseSeen(after), TransitionReleased)
	tell(entered(v1alpha1.PhaseReleased) && after.Reason == v1alpha1.ReasonRolledOut, TransitionRolledOut)
	tell(entered(v1alpha1.PhaseReleased) && after.Reason != v1alpha1.ReasonRolledOut, TransitionRolloutStuck)
	tell(entered(v1alpha1.PhasePassed), TransitionDryRun)
	tell(entered(v1alpha1.PhaseReverted), TransitionReverted)
	tell(entered(v1alpha1.PhaseCanceled), TransitionCanceled)
	tell(entered(v1alpha1.PhaseSuperseded), TransitionSuperseded)
	return out
}

// waitsForPerson says whether a run without a verdict is paused, and not by a hook, of which that tells.
func waitsForPerson(s v1alpha1.CanaryRunStatus) bool {
	return s.Phase == v1alpha1.PhasePaused && s.Verdict == "" && s.Reason != v1alpha1.ReasonGateClosed
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

func begunAnew(s v1alpha1.CanaryRunStatus) int32 {
	if s.Step == nil {
		return 0
	}
	return s.Step.BegunAnew
}

func releaseSeen(s v1alpha1.CanaryRunStatus) bool {
	return meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionRolledOut) != nil
}

// streaks are the metrics whose newest measurement is the first of a row that
// did not pass.
func streaks(before, after v1alpha1.CanaryRunStatus) []Transition {
	kinds := map[v1alpha1.Outcome]TransitionKind{
		v1alpha1.OutcomeFailed: TransitionFailed,
		v1alpha1.OutcomeError:  TransitionErrors,
		v1alpha1.OutcomeNoData: TransitionNoData,
	}
	var out []Transition
	for _, metric := range after.Metrics {
		m, ok := analysis.Newest(metric)
		if !ok || metric.Streak != 1 || kinds[m.Outcome] == "" || !isNew(before, after, metric.Name) || m.Reason == v1alpha1.MeasuredGathering {
			continue
		}
		out = append(out, Transition{Kind: kinds[m.Outcome], Message: m.Message, Metric: metric.Name, Measurement: m})
	}
	return out
}

// isNew says whether the newest measurement of a metric is one of the round that the later status has and the
// one before it has not. Metrics of other steps are not in that round.
func isNew(before, after v1alpha1.CanaryRunStatus, metric string) bool {
	return before.Measured != after.Measured && taken(analysis.Find(before.Metrics, metric)) != taken(analysis.Find(after.Metrics, metric))
}

// taken is how many measurements of a metric there were.
func taken(m v1alpha1.MetricStatus) int32 { return m.Passed + m.Failed + m.Errors + m.NoData }

// Measured are the outcomes of the measurements that one status has and the one
// before it has not.
func Measured(before, after v1alpha1.CanaryRunStatus) []v1alpha1.Outcome {
	var out []v1alpha1.Outcome
	for _, metric := range after.Metrics {
		if m, ok := analysis.Newest(metric); ok && isNew(before, after, metric.Name) {
			out = append(out, m.Outcome)
		}
	}
	return out
}
