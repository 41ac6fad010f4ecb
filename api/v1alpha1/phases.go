package v1alpha1

// Phase is where a run stands.
//
// +kubebuilder:validation:Enum=Scheduled;Waiting;Starting;Running;Paused;Frozen;Releasing;Released;Passed;Reverted;Canceled;Superseded
type Phase string

// The phases of a run.
const (
	// PhaseScheduled: the run has a time to start that has not come.
	PhaseScheduled Phase = "Scheduled"
	// PhaseWaiting: for a stable Deployment, a plan, quota or a turn.
	PhaseWaiting Phase = "Waiting"
	// PhaseStarting: the canary pods are made and not all of them are Ready.
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
	// PhasePassed is an end: the verdict of a dry run was Pass.
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
)

// Reasons of phases and conditions of a run, and of events about it.
const (
	ReasonDeploymentRollingOut = "DeploymentRollingOut"
	ReasonPlanNotFound         = "PlanNotFound"
	ReasonPlanInvalid          = "PlanInvalid"
	ReasonCanaryInvalid        = "CanaryInvalid"
	ReasonCanaryStarting       = "CanaryStarting"
	ReasonCanaryReady          = "CanaryReady"
	ReasonMeasuring            = "Measuring"

	ReasonPeriodOver = "PeriodOver"

	ReasonMetricOutOfRange = "MetricOutOfRange"
	ReasonCrashed          = "Crashed"
	ReasonImagePull        = "ImagePull"
	ReasonContainerConfig  = "ContainerConfig"
	ReasonUnschedulable    = "Unschedulable"
	ReasonPodsNotCreated   = "PodsNotCreated"
	ReasonNotReady         = "NotReady"

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
	MeasuredInRange   = "InRange"
	MeasuredBelowMin  = "BelowMin"
	MeasuredAboveMax  = "AboveMax"
	MeasuredNaN       = "NaN"
	MeasuredInfinite  = "Infinite"
	MeasuredNoData    = "NoData"
	MeasuredError     = "Error"
	MeasuredWrongType = "WrongType"
	// MeasuredPartialData: Prometheus warned that its answer may not be whole.
	MeasuredPartialData = "PartialData"
	MeasuredNotReady    = "NotReady"
	MeasuredAllHealthy  = "AllHealthy"
)
