package workload

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Status is .status of a Deployment.
type Status map[string]any

// The fields of a status that are counted on. Zero is never written.
const (
	ObservedGeneration = "observedGeneration"
	Replicas           = "replicas"
	UpdatedReplicas    = "updatedReplicas"
	AvailableReplicas  = "availableReplicas"
	ReadyReplicas      = "readyReplicas"
)

// Count is a whole number of a status, 0 where there is none.
func (s Status) Count(field string) int64 {
	n, _ := s[field].(int64)
	return n
}

// Complete says whether tools that wait take the rollout of so many replicas for
// complete, by the counts alone. The rule is kubectl's, of which those of the other
// tools are parts (source: k8s.io/kubectl/pkg/polymorphichelpers).
func (s Status) Complete(wanted int64) bool {
	updated := s.Count(UpdatedReplicas)
	return updated >= wanted && s.Count(Replicas) <= updated && s.Count(AvailableReplicas) >= updated
}

// ConditionProgressing is the type of the condition that tells of a rollout.
const ConditionProgressing = string(appsv1.DeploymentProgressing)

// Reasons of the condition Progressing (source:
// k8s.io/kubernetes/pkg/controller/deployment/util).
const (
	// ReasonRolloutComplete: the rollout was complete once; pods may be ill since.
	ReasonRolloutComplete = "NewReplicaSetAvailable"
	// ReasonRolloutUnderWay: it makes progress.
	ReasonRolloutUnderWay = "ReplicaSetUpdated"
	// ReasonDeadlineExceeded: it made none within progressDeadlineSeconds.
	ReasonDeadlineExceeded = "ProgressDeadlineExceeded"
)

// Condition is that of a type, nil if there is none.
func (s Status) Condition(kind string) map[string]any {
	list, _ := s["conditions"].([]any)
	for _, e := range list {
		if c, ok := e.(map[string]any); ok && c["type"] == kind {
			return c
		}
	}
	return nil
}

// ProgressReason is the reason of the condition Progressing, "" where there is none.
func (s Status) ProgressReason() string {
	reason, _ := s.Condition(ConditionProgressing)["reason"].(string)
	return reason
}

// TellsOfRejection says whether the condition Progressing is Holdfast's own: it
// tells of an update that was rejected, not of a rollout.
func (s Status) TellsOfRejection() bool {
	message, _ := s.Condition(ConditionProgressing)["message"].(string)
	return strings.HasPrefix(message, v1alpha1.RejectionMessagePrefix)
}
