package status

import (
	"maps"
	"reflect"
	"strings"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// The condition Progressing and its reasons (source:
// k8s.io/kubernetes/pkg/controller/deployment/util).
const (
	progressing      = "Progressing"
	deadlineExceeded = "ProgressDeadlineExceeded"
	rolloutDone      = "NewReplicaSetAvailable"
	rolloutUnderWay  = "ReplicaSetUpdated"
)

const (
	lastUpdateTime     = "lastUpdateTime"
	lastTransitionTime = "lastTransitionTime"
)

// verdict is the condition that says why an update was rejected, with the one
// reason that every tool takes for a failure. Its times are those of old as far
// as old says the same.
func verdict(old Status, message string, now time.Time) map[string]any {
	c := newCondition("False", deadlineExceeded, message, now)
	was := condition(old, progressing)
	if was["status"] != c["status"] {
		return c
	}
	c[lastTransitionTime] = was[lastTransitionTime]
	if was["reason"] == c["reason"] && was["message"] == c["message"] {
		c[lastUpdateTime] = was[lastUpdateTime]
	}
	return c
}

// IsVerdict says whether the status tells of a rejection.
func IsVerdict(s Status) bool {
	message, _ := condition(s, progressing)["message"].(string)
	return strings.HasPrefix(message, v1alpha1.RejectionMessagePrefix)
}

// dropVerdict takes a rejection that is over out of the condition. The deployment
// controller does so itself when it sees progress or completion, and would else
// keep it for the failure of a rollout of its own.
//
// Whether the rollout had been complete is not known any more. Where all pods
// are of the newest ReplicaSet and some are not available, they fell ill.
func (d Deployment) dropVerdict(s Status, now time.Time) {
	if !IsVerdict(s) {
		return
	}
	reason, message := rolloutUnderWay, "Deployment is progressing."
	if count(s, updatedReplicas) == d.Replicas && count(s, "replicas") == d.Replicas {
		reason, message = rolloutDone, "Deployment has successfully progressed."
	}
	setCondition(s, newCondition("True", reason, message, now))
}

func newCondition(status, reason, message string, now time.Time) map[string]any {
	at := now.UTC().Format(time.RFC3339)
	return map[string]any{
		"type": progressing, "status": status, "reason": reason, "message": message,
		lastUpdateTime: at, lastTransitionTime: at,
	}
}

// condition is that of a type, nil if there is none.
func condition(s Status, kind string) map[string]any {
	list, _ := s["conditions"].([]any)
	for _, e := range list {
		if c, ok := e.(map[string]any); ok && c["type"] == kind {
			return c
		}
	}
	return nil
}

// setCondition puts a condition in the place of the one of its type. The list
// is made anew, for it is shared with the status it was copied from.
func setCondition(s Status, c map[string]any) {
	before, _ := s["conditions"].([]any)
	after := make([]any, 0, len(before)+1)
	set := false
	for _, e := range before {
		if old, ok := e.(map[string]any); ok && old["type"] == c["type"] {
			if !set {
				after = append(after, c)
			}
			set = true
			continue
		}
		after = append(after, e)
	}
	if !set {
		after = append(after, c)
	}
	s["conditions"] = after
}

// sameButTimes compares without regard to the times of conditions and their order.
func sameButTimes(a, b Status) bool {
	return reflect.DeepEqual(timeless(a), timeless(b))
}

// timeless is a status whose conditions have no times and no order.
func timeless(s Status) map[string]any {
	out := maps.Clone(s)
	list, ok := s["conditions"].([]any)
	if !ok {
		return out
	}
	byType := map[any]any{}
	for _, e := range list {
		c, ok := e.(map[string]any)
		if !ok {
			return out
		}
		c = maps.Clone(c)
		delete(c, lastUpdateTime)
		delete(c, lastTransitionTime)
		byType[c["type"]] = c
	}
	out["conditions"] = byType
	return out
}
