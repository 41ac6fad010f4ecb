package lifecycle

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/plan"
)

// Snapshot is all that a step is planned from.
type Snapshot struct {
	Now time.Time
	// Since is from when on this evaluator counts the rounds of the run as they come due. It is now while it
	// still makes up for those before, and the zero time if there is no other evaluator.
	Since time.Time
	// Stretch is how many times longer than its plan says the interval of the run is; up to 1 where it is as
	// that says.
	Stretch    float64
	Run        Run
	Deployment Deployment
	// Rollout is how far the Deployment has rolled its template out. It is
	// needed while NeedsRollout says so.
	Rollout RolloutProgress
	// Canary is the run's ReplicaSet in this attempt, nil if there is none, and
	// Pods those of its pods that it made by its template.
	Canary *Canary
	Pods   []corev1.Pod
	// Baseline is the ReplicaSet of the baseline, BaselinePods its pods likewise.
	Baseline     *Canary
	BaselinePods []corev1.Pod
	// Others are what else is among them.
	Others Others
	// Leftovers are the ReplicaSets of earlier attempts.
	Leftovers []Leftover
	// Ref is the plan that spec.planRef names, as it stands now.
	Ref plan.Resolved
	// Full is why no pod of the template can be made beside the canary, by a quota; "" if one can, or none is
	// needed. It is needed while NeedsRoom says so, before the template is released.
	Full string
	// FreezeWindows are those of policies now, beside the ones in the plan.
	FreezeWindows []v1alpha1.FreezeWindow
	// MostPods is the largest canary that policies allow beside the Deployment as it is
	// scaled now; 0 is no limit.
	MostPods int32
	// CaptureForbidden says why policies do not let requests come to the probe as the run's plan asks for, "" if
	// they do.
	CaptureForbidden string
	// Line are the other runs. It is needed while NeedsLine says so.
	Line Line
	// Service is the first Service, in order of names, that selects the pods of
	// the held template; "" if none does or it was not asked for.
	Service string
	// Traffic is what routes give the canary. It is needed while NeedsTraffic says so.
	Traffic Routing
	// Autoscaler is what there is of autoscalers of the run. It is needed while NeedsAutoscaler says so.
	Autoscaler Autoscaler
	// Around is what stands beside the Deployment. It is needed while NeedsAround says so.
	Around Around
	// Invalid says why the template cannot run as a canary, "" if it can.
	Invalid string
	// Answers are by name what hooks said last, as far as this evaluator has asked them.
	Answers map[string]HookReply
	// Round is what was measured because the last plan asked for it, nil otherwise.
	Round *Round
}

// Run is a CanaryRun.
type Run struct {
	Namespace, Name string
	// CreatedAt is when the run was made.
	CreatedAt time.Time
	Deleting  bool
	Spec      v1alpha1.CanaryRunSpec
	Status    v1alpha1.CanaryRunStatus
}

// Deployment is the Deployment of a run.
type Deployment struct {
	// Exists is false also for one of the same name that is another object.
	Exists, Deleting bool
	// Guarded says whether updates of it are to be held (see package guard).
	Guarded bool
	Paused  bool
	// Hash is the hash of the template it runs.
	Hash string
	// Replicas is the number of pods wanted, MinReady its minReadySeconds.
	Replicas, MinReady int32
	// Recreates says whether its strategy is Recreate; BesideRecreate is what its annotation says of a canary
	// beside it then, nil where it says nothing.
	Recreates      bool
	BesideRecreate *bool
	// ProgressDeadline is how long its rollout may stand still, by progressDeadlineSeconds.
	ProgressDeadline time.Duration
	// Held is the ID of the hold in its record, "" if there is no record.
	Held string
	// Waiting says that a newer update waits, by the plan, until this hold has ended.
	Waiting bool
	// Unreadable says why its record cannot be opened, "" if it can or there is none.
	Unreadable string
	// Rejected says whether its memory of rejected templates names this run.
	Rejected bool
	// Skipped says whether a user who may let the run's template through.
	Skipped bool
}

// Canary is a ReplicaSet of a run, of its canary or of its baseline.
type Canary struct {
	Deleting bool
	// Foreign says that Holdfast did not make it.
	Foreign bool
	// Replicas is the number of pods it is to have, Available how many have
	// been Ready for minReadySeconds.
	Replicas, Available int32
	// Scaled is the number of pods that an autoscaler chose, 0 where none did. Replicas is that of the step
	// then.
	Scaled int32
	// Empty says that it is to have no pods and has none, those that end among them.
	Empty bool
	// CreateFailure is the message of its ReplicaFailure condition, "" if it is not True.
	CreateFailure string
}

// Leftover is a ReplicaSet of an earlier attempt.
type Leftover struct {
	Name string
	Canary
}

// Others are what is among the pods of a run and is not its own.
type Others struct {
	// Adopted are pods that its ReplicaSets control and did not make.
	Adopted []UnwantedPod
	// Left are pods of the run that nothing would ever delete: somebody keeps their ReplicaSet in its
	// deletion, or has orphaned them.
	Left []UnwantedPod
	// Strays are pods of the run that end and whose ReplicaSet is gone.
	Strays []KeptPod
	// Changed says which pod or template of the run is no longer as it was made, ""
	// if none is found.
	Changed string
	// Unclear says of which pod it cannot be told now whose it is, and why.
	Unclear string
}

// KeptPod is a pod of a run that stays, for now.
type KeptPod struct {
	Name string
	UID  types.UID
	// Role is what it is in the run, by its label.
	Role string
	// Why says for people why it is put in quarantine, "" of a stray.
	Why string
}

// UnwantedPod is a pod among those of a run that is to go.
type UnwantedPod struct {
	Name            string
	UID             types.UID
	ResourceVersion string
	// Why says by what it was told.
	Why string
	// Grace is how long it has to end, in seconds; nil for as long as it says itself.
	Grace *int64
}

// RolloutProgress is how far a Deployment has rolled its template out.
type RolloutProgress struct {
	State RolloutState
	// Message says for people what it waits for.
	Message string
	// Failure is why its pods cannot be made, "" if they can.
	Failure string
	// Unschedulable is why one of its pods finds no node, "" if none waits for one. It is looked for while
	// the run is Releasing and has a canary.
	Unschedulable string
	// PodHash is what its newest pods have as their pod-template-hash, "" where there are none to be.
	PodHash string
}

// RolloutState is one word for a rollout. Its zero value is not known.
type RolloutState string

// The states of a rollout.
const (
	// RolloutComplete: every pod is of the template and available.
	RolloutComplete RolloutState = "Complete"
	// RolloutUnderWay: that may still come.
	RolloutUnderWay RolloutState = "UnderWay"
	// RolloutStuck: it did not come within the Deployment's progress deadline.
	RolloutStuck RolloutState = "Stuck"
)

// Round is one round of measurements.
type Round struct {
	// At is the evaluation time that was asked of Prometheus.
	At time.Time
	// Observations are the answers, by name of the metric.
	Observations map[string]analysis.Observation
	// Answers are those of the hooks that were asked with it, by name.
	Answers map[string]HookReply
}
