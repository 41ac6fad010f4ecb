package lifecycle

import (
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
)

// Move is one step of a run: the actions in their order, then the status.
type Move struct {
	Actions []Action
	Status  v1alpha1.CanaryRunStatus
	// Ask is what is to be asked first, nil if nothing is. Then nothing of this plan is
	// carried out, and another is made with the answer.
	Ask Ask
	// Questions are to be put to hooks when the status is written. They are asked aside; the answers are
	// Snapshot.Answers, and the run is planned anew with each.
	Questions []HookQuestion
	// Requeue is after how long to plan again if nothing has happened until
	// then; 0 is never.
	Requeue time.Duration
}

// Action is something to do to the cluster. Taken twice it does nothing more
// than taken once.
type Action interface{ isAction() }

type (
	// CreateCanary makes the run's ReplicaSet with this many pods, if the run's
	// status is still the one that was planned from.
	CreateCanary struct{ Replicas int32 }
	// ScaleCanary gives the run's ReplicaSet this many pods.
	ScaleCanary struct{ Replicas int32 }
	// DeleteCanary deletes the run's ReplicaSet, and its pods if it has any.
	DeleteCanary struct{}
	// CreateBaseline makes the ReplicaSet of the baseline, as CreateCanary does.
	CreateBaseline struct{ Replicas int32 }
	// ScaleBaseline gives the ReplicaSet of the baseline this many pods.
	ScaleBaseline struct{ Replicas int32 }
	// DeleteBaseline deletes the ReplicaSet of the baseline, as DeleteCanary does.
	DeleteBaseline struct{}
	// EmptyLeftover gives a ReplicaSet of an earlier attempt no pods.
	EmptyLeftover struct{ Name string }
	// DeleteLeftover deletes a ReplicaSet of an earlier attempt.
	DeleteLeftover struct{ Name string }
	// PutOut deletes a pod that a ReplicaSet of the run has adopted.
	PutOut struct{ Pod UnwantedPod }
	// DeleteLeft deletes a pod of the run that nothing else would delete.
	DeleteLeft struct{ Pod UnwantedPod }
	// Quarantine takes the labels of its template off a pod that is kept; of a stray, all but Holdfast's.
	Quarantine struct{ Pod KeptPod }
	// Readmit gives a pod the labels of its template back.
	Readmit struct{ Pod KeptPod }
	// ServeCanary makes the Services of the canary's own.
	ServeCanary struct{}
	// ShareTraffic has routes give the canary this share of the requests; none makes them what their
	// user asked for.
	ShareTraffic struct{ Share }
	// StopServing deletes the Services of the canary's own.
	StopServing struct{}
	// Autoscale has an autoscaler keep the canary between so many pods.
	Autoscale struct{ Least, Most int32 }
	// StopAutoscaling deletes an autoscaler of the run.
	StopAutoscaling struct{ Name string }
	// Release asks the webhook to swap the held template in, if the Deployment
	// still carries the hold of this ID.
	Release struct{ Hold string }
	// Revert takes the record off the Deployment and remembers the template, if
	// the Deployment still carries the hold of this ID.
	Revert struct {
		Hold      string
		Rejection hold.Rejection
	}
	// GiveWay makes the update that waits behind the hold of this ID the held one, if the
	// Deployment still carries that.
	GiveWay struct{ Hold string }
)

func (CreateCanary) isAction()    {}
func (ScaleCanary) isAction()     {}
func (DeleteCanary) isAction()    {}
func (CreateBaseline) isAction()  {}
func (ScaleBaseline) isAction()   {}
func (DeleteBaseline) isAction()  {}
func (EmptyLeftover) isAction()   {}
func (DeleteLeftover) isAction()  {}
func (PutOut) isAction()          {}
func (DeleteLeft) isAction()      {}
func (Quarantine) isAction()      {}
func (Readmit) isAction()         {}
func (ServeCanary) isAction()     {}
func (ShareTraffic) isAction()    {}
func (StopServing) isAction()     {}
func (Autoscale) isAction()       {}
func (StopAutoscaling) isAction() {}
func (Release) isAction()         {}
func (Revert) isAction()          {}
func (GiveWay) isAction()         {}
