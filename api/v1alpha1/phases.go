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

	// PhaseReleased: an end; the held template is the stable one.
	PhaseReleased Phase = "Released"
	// PhasePassed: an end; the verdict of a dry run, or of a run that a user
	// made, was Pass.
	PhasePassed Phase = "Passed"
	// PhaseReverted: an end; the held template was rejected.
	PhaseReverted Phase = "Reverted"
	// PhaseCanceled: an end; the held update was withdrawn.
	PhaseCanceled Phase = "Canceled"
	// PhaseSuperseded: an end; a newer held template took its place.
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
	// ConditionStableServed: False while a Service sends requests to canary pods and to none
	// of the stable ones. Runs that met none have none.
	ConditionStableServed = "StableServed"
	// ConditionStableComplete: False while a ConfigMap or Secret is gone that the stable
	// template names. Runs that met none have none.
	ConditionStableComplete = "StableComplete"
	// ConditionAutoscaled: True while the autoscaler of the canary scales it, by scale.hpa of
	// the plan; False where it does not, with why. Runs whose plan has none have none.
	ConditionAutoscaled = "Autoscaled"
	// ConditionPolicyApplied: True where policies changed the plan of the run; its
	// message says which and how. Runs whose plan none changed have none.
	ConditionPolicyApplied = "PolicyApplied"
	// ConditionRoundsInTime: False while the run is measured less often than its plan says, for more rounds
	// are due than can be measured; True after it. Runs that never were have none.
	ConditionRoundsInTime = "RoundsInTime"
)

// Reasons of runs that wait, start or go on.
const (
	// ReasonDeploymentRollingOut: the Deployment is still rolling its stable template out.
	ReasonDeploymentRollingOut = "DeploymentRollingOut"
	// ReasonDeploymentNotFound: there is no Deployment of the name that a run made by hand
	// gives.
	ReasonDeploymentNotFound = "DeploymentNotFound"
	// ReasonPlanNotFound: there is no CanaryPlan of the name that was asked for; the
	// message says where one is looked for.
	ReasonPlanNotFound = "PlanNotFound"
	// ReasonPlanInvalid: the plan cannot be followed; the message names field and remedy.
	// The run goes on when it is put right.
	ReasonPlanInvalid = "PlanInvalid"
	// ReasonCanaryInvalid: the template cannot run as a canary, or the API server refused
	// the ReplicaSet, in its words.
	ReasonCanaryInvalid = "CanaryInvalid"
	// ReasonCanaryStarting: the pods of the canary are made and not all of them are Ready.
	ReasonCanaryStarting = "CanaryStarting"
	// ReasonCanaryReady: all canary pods are Ready.
	ReasonCanaryReady = "CanaryReady"
	// ReasonMeasuring: the metrics of the plan are measured.
	ReasonMeasuring = "Measuring"
	// ReasonStretched: more rounds are due than can be measured in time, so the intervals of all runs of the
	// namespace are longer; the message says by how much.
	ReasonStretched = "Stretched"
	// ReasonQueued: the run waits for its turn, by maxRuns of its plan or of a policy; the
	// message has its place.
	ReasonQueued = "Queued"
	// ReasonQueuedInCluster: the run waits for its turn, by the flag --max-runs; the
	// message has its place.
	ReasonQueuedInCluster = "QueuedInCluster"
	// ReasonPolicyApplied: policies changed the plan of the run; the message says which
	// and how.
	ReasonPolicyApplied = "PolicyApplied"
	// ReasonStartAt: the time to start has not come.
	ReasonStartAt = "StartAt"
	// ReasonStartAtInvalid: the time to start is none, or had long passed when the run was
	// made.
	ReasonStartAtInvalid = "StartAtInvalid"
	// ReasonNextStep: the canary is made as large as the next step of the plan says.
	ReasonNextStep = "NextStep"
	// ReasonDeploymentPaused: spec.paused of the Deployment is set; what is held is tried, or released, when
	// it is resumed.
	ReasonDeploymentPaused = "DeploymentPaused"
	// ReasonScaledToZero: the Deployment is scaled to zero; its canary is made when there are replicas again.
	ReasonScaledToZero = "ScaledToZero"
	// ReasonRecreate: the strategy of the Deployment is Recreate, and nobody asks for a canary beside it. Of
	// a run that is held all the same: annotate the Deployment with holdfast.dev/beside-recreate=true, or
	// promote the run.
	ReasonRecreate = "Recreate"
	// ReasonCanaryGivesWay: the canary passed, and its place is needed for a pod of its own release: it goes
	// before that is rolled out.
	ReasonCanaryGivesWay = "CanaryGivesWay"
	// ReasonPodsTakenAway: so many pods of the run were deleted, evicted or drained that its period begins
	// anew, or, time and again, that nobody can judge it.
	ReasonPodsTakenAway = "PodsTakenAway"
	// ReasonShareLost: routes no longer gave the canary its share of the requests, so that its period begins
	// anew, or, time and again, that nobody can judge it.
	ReasonShareLost = "ShareLost"
	// ReasonServiceLeft: a Service sends requests to canary pods and to none of the stable ones, so that nothing
	// can be judged; the message names it, and what to do.
	ReasonServiceLeft = "ServiceLeft"
	// ReasonServed: no Service has left the stable pods any longer; what broke under all the requests begins
	// anew.
	ReasonServed = "Served"
	// ReasonReferenceGone: a ConfigMap or Secret is gone without which the stable template cannot start pods.
	ReasonReferenceGone = "ReferenceGone"
	// ReasonComplete: what was gone is there again.
	ReasonComplete = "Complete"
	// ReasonAutoscaled: the autoscaler of the canary scales it.
	ReasonAutoscaled = "Autoscaled"
	// ReasonAutoscalerStarts: the autoscaler of the canary has not come to a number of pods yet.
	ReasonAutoscalerStarts = "AutoscalerStarts"
	// ReasonAutoscalerIdle: the autoscaler of the canary comes to no number of pods; the
	// message has what it says. The canary has the pods of its step, and the run goes on.
	ReasonAutoscalerIdle = "AutoscalerIdle"
	// ReasonGateClosed: a hook of the plan has not said yes yet, and the run waits for it; the message names it,
	// and says since when and what it answered.
	ReasonGateClosed = "GateClosed"
	// ReasonPreRollout: the canary pods are Ready, and hooks of the plan are asked before anything is measured.
	ReasonPreRollout = "PreRollout"
	// ReasonUnjudged: nothing judges the run; it lives until it is deleted.
	ReasonUnjudged = "Unjudged"
)

// Reasons of runs that people decide about, or that time does.
const (
	// ReasonPausedByUser: spec.paused of the run is set.
	ReasonPausedByUser = "PausedByUser"
	// ReasonResumed: it is no longer set, or a gate was approved.
	ReasonResumed = "Resumed"
	// ReasonRetried: spec.attempt was raised: the run begins anew with fresh pods.
	ReasonRetried = "Retried"
	// ReasonApproval: a step of the plan waits for approval.
	ReasonApproval = "ApprovalNeeded"
	// ReasonManual: the plan leaves the verdict to a person.
	ReasonManual = "DecisionNeeded"
	// ReasonPromoted: a person decided that the update is released.
	ReasonPromoted = "Promoted"
	// ReasonAborted: a person decided that it is not.
	ReasonAborted = "Aborted"
	// ReasonManualLate: nobody decided within the deadline of the plan; what it assumes
	// then holds.
	ReasonManualLate = "ManualDeadline"
	// ReasonDeadline: the run took longer than the deadline of its plan.
	ReasonDeadline = "DeadlineExceeded"
	// ReasonFreezeWindow: the run passed, and waits for the end of a freeze window.
	ReasonFreezeWindow = "FreezeWindow"
)

// Reasons of verdicts.
const (
	// ReasonPeriodOver: the canary was good to the end of the period.
	ReasonPeriodOver = "PeriodOver"
	// ReasonNotWorse: the period ended early, for nothing is worse.
	ReasonNotWorse = "NotWorse"
	// ReasonMetricOutOfRange: values of a metric were not where they must be, more often
	// in a row than failureLimit.
	ReasonMetricOutOfRange = "MetricOutOfRange"
	// ReasonWorse: a comparison has shown the canary to be worse.
	ReasonWorse = "Worse"
	// ReasonLabelFound: a label that a metric watches for is there: somebody or something
	// else has judged.
	ReasonLabelFound = "LabelFound"
	// ReasonAlertFiring: an alert that a metric watches for fires.
	ReasonAlertFiring = "AlertFiring"
	// ReasonHookRefused: a hook of the plan said no, more often in a row than its failureLimit.
	ReasonHookRefused = "HookRefused"
	// ReasonRollbackAsked: a hook of type Rollback said yes.
	ReasonRollbackAsked = "RollbackAsked"
	// ReasonCrashed: containers of the canary restarted more often than restartLimit; the
	// message has the exit code.
	ReasonCrashed = "Crashed"
	// ReasonImagePull: an image cannot be pulled.
	ReasonImagePull = "ImagePull"
	// ReasonContainerConfig: a container cannot be made, for example without a Secret that
	// it names.
	ReasonContainerConfig = "ContainerConfig"
	// ReasonUnschedulable: no node takes a canary pod.
	ReasonUnschedulable = "Unschedulable"
	// ReasonPodsNotCreated: the API server refuses the pods, by a quota for example.
	ReasonPodsNotCreated = "PodsNotCreated"
	// ReasonNotReady: not all canary pods are Ready, or were within readyDeadline.
	ReasonNotReady = "NotReady"
	// ReasonBaselineSick: the pods of the stable template do not get Ready either, so
	// nothing can be compared.
	ReasonBaselineSick = "BaselineSick"
	// ReasonBaselineInvalid: the API server refused the ReplicaSet of the baseline, in its
	// words.
	ReasonBaselineInvalid = "BaselineInvalid"
	// ReasonProbeFailed: the sidecar that measures requests, or what redirects them to it, did not get to run or
	// is refused, so the canary was not Ready within readyDeadline and nothing is known of the application in
	// it.
	ReasonProbeFailed = "ProbeFailed"
	// ReasonErrorLimit: a metric could not be measured, more often in a row than
	// errorLimit.
	ReasonErrorLimit = "ErrorLimit"
	// ReasonNoDataLimit: the query of a metric found nothing, more often in a row than
	// noDataLimit.
	ReasonNoDataLimit = "NoDataLimit"
	// ReasonTampered: a pod of the run, or the template of its ReplicaSet, was changed by
	// others; the message names what and where.
	ReasonTampered = "Tampered"
	// ReasonAutoscalerRefused: the API server refuses the HorizontalPodAutoscaler of the canary, in its words,
	// or Holdfast has no right to make one; put it right, then raise attempt.
	ReasonAutoscalerRefused = "AutoscalerRefused"
	// ReasonRoutesRefuse: no route sends requests to a Service of the Deployment, or one cannot carry the
	// canary's share of them; the message names it and says why.
	ReasonRoutesRefuse = "RoutesRefuse"
	// ReasonRoutesPending: the pods are Ready, and routes did not give the canary its share
	// within readyDeadline; the message says what is waited for.
	ReasonRoutesPending = "RoutesPending"
	// ReasonUnsettled: long after the period there was still no measurement in which every
	// metric was good, and none was bad often enough to fail.
	ReasonUnsettled = "Unsettled"
)

// Reasons of releases and other ends.
const (
	// ReasonReleaseRefused: the API server refuses the released template, in its words.
	ReasonReleaseRefused = "ReleaseRefused"
	// ReasonRolledOut: the Deployment has rolled the released template out.
	ReasonRolledOut = "RolledOut"
	// ReasonRolloutStuck: it did not within its progressDeadlineSeconds.
	ReasonRolloutStuck = "RolloutStuck"
	// ReasonWithdrawn: a later request asked for the stable template again.
	ReasonWithdrawn = "Withdrawn"
	// ReasonBypassed: the template was let through without the verdict of this run.
	ReasonBypassed = "Bypassed"
	// ReasonSkipped: so it was, because a user who may asked for it.
	ReasonSkipped = "Skipped"
	// ReasonSuperseded: a later request asked for another template, which is held in its
	// place.
	ReasonSuperseded = "Superseded"
	// ReasonDeploymentGone: the Deployment was deleted.
	ReasonDeploymentGone = "DeploymentGone"
	// ReasonRecordUnreadable: the held record was edited, or copied from elsewhere: it is
	// dropped and nothing of it was run.
	ReasonRecordUnreadable = "RecordUnreadable"
	// ReasonUnguarded: the Deployment is no longer guarded: the held update goes through
	// without a verdict.
	ReasonUnguarded = "Unguarded"
)

// Reasons of measurements.
const (
	// MeasuredInRange: the value is where it must be.
	MeasuredInRange = "InRange"
	// MeasuredBelowMin: the value is below the range.
	MeasuredBelowMin = "BelowMin"
	// MeasuredAboveMax: the value is above the range.
	MeasuredAboveMax = "AboveMax"
	// MeasuredNaN: the value is no number, as the share of no requests is.
	MeasuredNaN = "NaN"
	// MeasuredInfinite: the value is infinite, as anything divided by no requests is.
	MeasuredInfinite = "Infinite"
	// MeasuredNoData: the query found nothing.
	MeasuredNoData = "NoData"
	// MeasuredError: Prometheus gave no answer, or an error; the message says which.
	MeasuredError = "Error"
	// MeasuredProbeFailed: the probe of a pod cannot be read; that says nothing of the
	// application in it.
	MeasuredProbeFailed = "ProbeFailed"
	// MeasuredWrongType: the query has no number or vector for its result.
	MeasuredWrongType = "WrongType"
	// MeasuredNotReady: fewer pods are Ready than there must be.
	MeasuredNotReady = "NotReady"
	// MeasuredAllHealthy: all pods are Ready.
	MeasuredAllHealthy = "AllHealthy"
	// MeasuredPartialData: Prometheus warned that its answer may not be whole.
	MeasuredPartialData = "PartialData"
	// MeasuredFewGood: fewer samples of a series are good than must be.
	MeasuredFewGood = "FewGoodSamples"
	// MeasuredPodMissing: a canary pod has no series of its own.
	MeasuredPodMissing = "PodMissing"
	// MeasuredNoPodLabel: a series does not say which pod it is of.
	MeasuredNoPodLabel = "NoPodLabel"
	// MeasuredDataLate: nothing was found, and the samples of the endpoint come later than
	// its delay says; the message says which delay helps.
	MeasuredDataLate = "DataLate"
	// MeasuredBeyondBuckets: a quantile is in range as far as its histogram tells, and
	// lies beyond the last finite bucket.
	MeasuredBeyondBuckets = "BeyondBuckets"
	// MeasuredFirstValue: there is nothing yet to measure a deviation from.
	MeasuredFirstValue = "FirstValue"
	// MeasuredTooManySeries: there are more series than a deviation is remembered for.
	MeasuredTooManySeries = "TooManySeries"
	// MeasuredOutOfList: more of the values are bad than is borne.
	MeasuredOutOfList = "OutOfList"
	// MeasuredInList: no more of the values are bad than is borne.
	MeasuredInList = "InList"
	// MeasuredNoListLabel: no series has the label that a list is about.
	MeasuredNoListLabel = "NoListLabel"
	// MeasuredNoStatus: too many requests do not say how they ended, or not in a
	// form that is known.
	MeasuredNoStatus = "NoStatus"
	// MeasuredNoCount: a value is no count of anything.
	MeasuredNoCount = "NoCount"
	// MeasuredLabelFound: a label that is watched for is there.
	MeasuredLabelFound = "LabelFound"
	// MeasuredNoLabel: no label that is watched for is there.
	MeasuredNoLabel = "NoLabel"
	// MeasuredWorse: a comparison shows the canary to be worse.
	MeasuredWorse = "Worse"
	// MeasuredNotWorse: a comparison shows that it is not.
	MeasuredNotWorse = "NotWorse"
	// MeasuredUndecided: a comparison shows neither yet.
	MeasuredUndecided = "Undecided"
	// MeasuredGathering: a comparison has too little for a pass yet, and the period is not
	// over. It counts against no limit.
	MeasuredGathering = "Gathering"
	// MeasuredTooFew: a comparison has too little for a pass, and the period is over.
	MeasuredTooFew = "TooFew"
	// MeasuredAlertFiring: an alert that is watched for fires.
	MeasuredAlertFiring = "AlertFiring"
	// MeasuredNoAlert: none does.
	MeasuredNoAlert = "NoAlert"
	// MeasuredHookYes: a hook said yes.
	MeasuredHookYes = "HookYes"
	// MeasuredHookNo: it said no.
	MeasuredHookNo = "HookNo"
	// MeasuredHookNone: it gave no answer.
	MeasuredHookNone = "HookNone"
)

// Reasons of other events about Deployments and namespaces.
const (
	// EventHeld: an update is held, and which run tries it by which plan.
	EventHeld = "Held"
	// EventRunNameTaken: a run of the name that the hold needs is there and is
	// another's; delete it.
	EventRunNameTaken = "RunNameTaken"
	// EventRunNotCreated: the API server refuses the run of a held update, in its
	// words; it is tried again, and the update stays held.
	EventRunNotCreated = "RunNotCreated"
	// EventPodLeft: somebody kept the ReplicaSet of a run from going, or orphaned its pods, and one of them
	// was left; it is deleted. Or a pod would take too long to end, or one of too many that take long; it is
	// given less time.
	EventPodLeft = "PodLeft"
	// EventAutoscalerCounts: a HorizontalPodAutoscaler of the Deployment counts the pods of a run that begins.
	EventAutoscalerCounts = "AutoscalerCounts"
	// EventPodQuarantined: a pod that is kept has lost the labels of its template, and is no part of the
	// application any more; the message says why, and how to find it.
	EventPodQuarantined = "PodQuarantined"
	// EventPodReadmitted: a pod has them back: it is Ready, or the run goes on.
	EventPodReadmitted = "PodReadmitted"
	// EventPodNotQuarantined: the API server does not let the labels of a pod be changed, in its words.
	EventPodNotQuarantined = "PodNotQuarantined"
	// EventPodPutOut: a pod that is not the run's own was among those of its ReplicaSet,
	// and is deleted; the message says why. It was neither counted nor measured.
	EventPodPutOut = "PodPutOut"
	// EventUngatedUpdate: the pod template was changed and Holdfast was not asked,
	// so there was no canary.
	EventUngatedUpdate = "UngatedUpdate"
	// EventUpdatesTooFast: several updates in a row were superseded before their runs had a
	// verdict, so nothing gets out; the message says what helps.
	EventUpdatesTooFast = "UpdatesTooFast"
	// EventUntried: an update passed without a canary, because the strategy of the Deployment is Recreate and
	// nobody asks for one beside it.
	EventUntried = "UntriedUpdate"
	// EventRoomDoubtful: a canary is a pod more, and by a field of the Deployment there may be no room for
	// it; the message names the field and what to do.
	EventRoomDoubtful = "RoomDoubtful"
	// EventConfigMapsProtected: an update is held, and the ConfigMaps that the stable template names have a
	// finalizer of Holdfast, as the plan asks.
	EventConfigMapsProtected = "ConfigMapsProtected"
	// EventConfigMapKept: a ConfigMap was deleted that the stable template needs, and stays usable by a
	// finalizer of Holdfast; the message says until when, and what to do.
	EventConfigMapKept = "ConfigMapKept"
	// EventNotProtected: a ConfigMap has no finalizer of Holdfast though the plan asks for it, or Holdfast
	// cannot take it off; the message says why, and what to do.
	EventNotProtected = "NotProtected"
	// EventKilled: a firing alert names the pod, and it is evicted for its controller to make another; or it
	// would be, with --kill=dry-run.
	EventKilled = "KilledForAlert"
	// EventNotKilled: a firing alert names the pod, and it is not evicted; the message says why.
	EventNotKilled = "NotKilledForAlert"
	// EventCanaryAnnotationInvalid: the annotation holdfast.dev/canary of a namespace
	// has a value that is none.
	EventCanaryAnnotationInvalid = "CanaryAnnotationInvalid"
	// EventCanaryLabelSet: a namespace is guarded, or no longer, and by what.
	EventCanaryLabelSet = "CanaryLabelSet"
)
