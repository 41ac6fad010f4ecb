package v1alpha1

// Phase is where a run stands.
//
// +kubebuilder:validation:Enum=Scheduled;Waiting;Starting;Running;Paused;Frozen;Releasing;Released;Passed;Reverted;Canceled;Superseded
type Phase string

// The phases of a run.
const (
	// PhaseScheduled: the run has a time to start that has not come.
	PhaseScheduled Phase = "Scheduled"
	// PhaseWaiting: for a stable Deployment, a plan or a turn.
	PhaseWaiting Phase = "Waiting"
	// PhaseStarting: the canary pods of a step are made and not all of them are Ready.
	PhaseStarting Phase = "Starting"
	// PhaseRunning: the canary is measured.
	PhaseRunning Phase = "Running"
	// PhasePaused: a person or a gate decides.
	PhasePaused Phase = "Paused"
	// PhaseFrozen: the canary failed and stays for people to look at.
	PhaseFrozen Phase = "Frozen"
	// PhaseReleasing: the verdict is Pass; the held template is being swapped
	// in, and the Deployment rolls it out.
	PhaseReleasing Phase = "Releasing"

	// PhaseReleased is an end: the held template is the stable one.
	PhaseReleased Phase = "Released"
	// PhasePassed is an end: the verdict of a dry run, or of a run that a user
	// made, was Pass.
	PhasePassed Phase = "Passed"
	// PhaseReverted is an end: the held template was rejected.
	PhaseReverted Phase = "Reverted"
	// PhaseCanceled is an end: the held update was withdrawn.
	PhaseCanceled Phase = "Canceled"
	// PhaseSuperseded is an end: a newer held template took its place.
	PhaseSuperseded Phase = "Superseded"
)

// Ended says whether a phase is an end: nothing happens in the run after it.
func (p Phase) Ended() bool {
	switch p {
	case PhaseReleased, PhasePassed, PhaseReverted, PhaseCanceled, PhaseSuperseded:
		return true
	}
	return false
}

// Types of conditions on a run.
const (
	// ConditionCanaryReady: all canary pods are Ready.
	ConditionCanaryReady = "CanaryReady"
	// ConditionAnalyzed: the analysis has come to a verdict; True on Pass,
	// False on Fail, Unknown until then and on Inconclusive.
	ConditionAnalyzed = "Analyzed"
	// ConditionRolledOut: the Deployment has rolled the released template out.
	ConditionRolledOut = "RolledOut"
	// ConditionReleaseAllowed: False while a freeze window keeps a run that
	// passed from being released, True after it. Runs that met none have none.
	ConditionReleaseAllowed = "ReleaseAllowed"
	// ConditionPolicyApplied: True where policies changed the plan of the run; its
	// message says which and how. Runs whose plan none changed have none.
	ConditionPolicyApplied = "PolicyApplied"
)

// Reasons of phases and conditions of a run, and of events about it.
const (
	ReasonDeploymentRollingOut = "DeploymentRollingOut"
	ReasonDeploymentNotFound   = "DeploymentNotFound"
	ReasonPlanNotFound         = "PlanNotFound"
	ReasonPlanInvalid          = "PlanInvalid"
	ReasonCanaryInvalid        = "CanaryInvalid"
	ReasonCanaryStarting       = "CanaryStarting"
	ReasonCanaryReady          = "CanaryReady"
	ReasonMeasuring            = "Measuring"
	// ReasonQueued and ReasonQueuedInCluster: the run waits for its turn, by the
	// limit of its plan or by that of the cluster.
	ReasonQueued          = "Queued"
	ReasonQueuedInCluster = "QueuedInCluster"
	ReasonPolicyApplied   = "PolicyApplied"
	ReasonStartAt         = "StartAt"
	// ReasonStartAtInvalid: the time to start is none, or had long passed when the
	// run was made.
	ReasonStartAtInvalid = "StartAtInvalid"
	// ReasonNextStep: the canary is made as large as the next step of the plan says.
	ReasonNextStep = "NextStep"
	// ReasonUnjudged: nothing judges the run; it lives until it is deleted.
	ReasonUnjudged = "Unjudged"

	ReasonPausedByUser = "PausedByUser"
	ReasonResumed      = "Resumed"
	ReasonRetried      = "Retried"
	ReasonApproval     = "ApprovalNeeded"
	ReasonManual       = "DecisionNeeded"
	ReasonPromoted     = "Promoted"
	ReasonAborted      = "Aborted"
	ReasonManualLate   = "ManualDeadline"
	ReasonDeadline     = "DeadlineExceeded"
	ReasonFreezeWindow = "FreezeWindow"

	ReasonBaselineSick    = "BaselineSick"
	ReasonBaselineInvalid = "BaselineInvalid"

	ReasonPeriodOver = "PeriodOver"
	// ReasonNotWorse: the period ended early, for nothing is worse.
	ReasonNotWorse = "NotWorse"

	// ReasonMetricOutOfRange: values of a metric were not where they must be.
	ReasonMetricOutOfRange = "MetricOutOfRange"
	// ReasonWorse: a comparison has shown the canary to be worse.
	ReasonWorse = "Worse"
	// ReasonLabelFound and ReasonAlertFiring: somebody or something else has judged.
	ReasonLabelFound      = "LabelFound"
	ReasonAlertFiring     = "AlertFiring"
	ReasonCrashed         = "Crashed"
	ReasonImagePull       = "ImagePull"
	ReasonContainerConfig = "ContainerConfig"
	ReasonUnschedulable   = "Unschedulable"
	ReasonPodsNotCreated  = "PodsNotCreated"
	ReasonNotReady        = "NotReady"

	ReasonErrorLimit  = "ErrorLimit"
	ReasonNoDataLimit = "NoDataLimit"
	// ReasonUnsettled: long after the period there was still no measurement in
	// which every metric was good, and none was bad often enough to fail.
	ReasonUnsettled = "Unsettled"

	ReasonReleaseRefused = "ReleaseRefused"
	ReasonRolledOut      = "RolledOut"
	ReasonRolloutStuck   = "RolloutStuck"

	ReasonWithdrawn = "Withdrawn"
	// ReasonBypassed: the template was let through without this run's verdict.
	ReasonBypassed = "Bypassed"
	// ReasonSkipped: so it was, because a user who may asked for it.
	ReasonSkipped          = "Skipped"
	ReasonSuperseded       = "Superseded"
	ReasonDeploymentGone   = "DeploymentGone"
	ReasonRecordUnreadable = "RecordUnreadable"
	ReasonUnguarded        = "Unguarded"
)

// Reasons of measurements.
const (
	MeasuredInRange    = "InRange"
	MeasuredBelowMin   = "BelowMin"
	MeasuredAboveMax   = "AboveMax"
	MeasuredNaN        = "NaN"
	MeasuredInfinite   = "Infinite"
	MeasuredNoData     = "NoData"
	MeasuredError      = "Error"
	MeasuredWrongType  = "WrongType"
	MeasuredNotReady   = "NotReady"
	MeasuredAllHealthy = "AllHealthy"

	// MeasuredPartialData: Prometheus warned that its answer may not be whole.
	MeasuredPartialData = "PartialData"
	// MeasuredFewGood: fewer samples of a series are good than must be.
	MeasuredFewGood = "FewGoodSamples"
	// MeasuredPodMissing: a canary pod has no series of its own.
	MeasuredPodMissing = "PodMissing"
	// MeasuredNoPodLabel: a series does not say which pod it is of.
	MeasuredNoPodLabel = "NoPodLabel"
	// MeasuredFirstValue: there is nothing yet to measure a deviation from.
	MeasuredFirstValue = "FirstValue"
	// MeasuredTooManySeries: more than a deviation is remembered for.
	MeasuredTooManySeries = "TooManySeries"
	// MeasuredOutOfList and MeasuredInList: more, or no more, of the values are
	// bad than is borne.
	MeasuredOutOfList = "OutOfList"
	MeasuredInList    = "InList"
	// MeasuredNoListLabel: no series has the label that a list is about.
	MeasuredNoListLabel = "NoListLabel"
	// MeasuredNoCount: a value is no count of anything.
	MeasuredNoCount = "NoCount"
	// MeasuredLabelFound and MeasuredNoLabel: what must not match does, or does not.
	MeasuredLabelFound = "LabelFound"
	MeasuredNoLabel    = "NoLabel"
	// MeasuredWorse, MeasuredNotWorse and MeasuredUndecided are what a comparison has
	// come to.
	MeasuredWorse     = "Worse"
	MeasuredNotWorse  = "NotWorse"
	MeasuredUndecided = "Undecided"
	// MeasuredGathering: a comparison has too little for a pass yet, and the period
	// is not over. It counts against no limit.
	MeasuredGathering = "Gathering"
	// MeasuredTooFew: so it is, and the period is over.
	MeasuredTooFew = "TooFew"
	// MeasuredAlertFiring and MeasuredNoAlert: an alert fires, or none does.
	MeasuredAlertFiring = "AlertFiring"
	MeasuredNoAlert     = "NoAlert"
)
