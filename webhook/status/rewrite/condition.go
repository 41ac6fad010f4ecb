package rewrite

import (
	"maps"
	"reflect"
	"time"

	"holdfast.dev/holdfast/internal/workload"
)

const (
	lastUpdateTime     = "lastUpdateTime"
	lastTransitionTime = "lastTransitionTime"
)

// verdict is the condition that says why an update was rejected, with the one
// reason that every tool takes for a failure. Its times are those of old as far
// as old says the same.
func verdict(old workload.Status, message string, now time.Time) map[string]any {
	c := newCondition("False", workload.ReasonDeadlineExceeded, message, now)
	was := old.Condition(workload.ConditionProgressing)
	if was["status"] != c["status"] {
		return c
	}
	c[lastTransitionTime] = was[lastTransitionTime]
	if was["reason"] == c["reason"] && was["message"] == c["message"] {
		c[lastUpdateTime] = was[lastUpdateTime]
	}
	return c
}

// dropVerdict takes a rejection that is over out of the condition. The deployment
// controller does so itself when it sees progress or completion, and would else
// keep it for the failure of a rollout of its own.
//
// Whether the rollout had been complete is not known any more. Where all pods
// are of the newest ReplicaSet and some are not available, they fell ill.
func (d Deployment) dropVerdict(s workload.Status, now time.Time) {
	if !s.TellsOfRejection() {
		return
	}
	reason, message := workload.ReasonRolloutUnderWay, "Deployment is progressing."
	if s.Count(workload.UpdatedReplicas) == d.Replicas && s.Count(workload.Replicas) == d.Replicas {
		reason, message = workload.ReasonRolloutComplete, "Deployment has successfully progressed."
	}
	setCondition(s, newCondition("True", reason, message, now))
}

func newCondition(status, reason, message string, now time.Time) map[string]any {
	at := now.UTC().Format(time.RFC3339)
	return map[string]any{
		"type": workload.ConditionProgressing, "status": status, "reason": reason, "message": message,
		lastUpdateTime: at, lastTransitionTime: at,
	}
}

// setCondition puts a condition in the place of the one of its type. The list
// is made anew, for it is shared with the status it was copied from.
func setCondition(s workload.Status, c map[string]any) {
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
func sameButTimes(a, b workload.Status) bool {
	return reflect.DeepEqual(timeless(a), timeless(b))
}

// timeless is a status whose conditions have no times and no order.
func timeless(s workload.Status) map[string]any {
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
