package lifecycle

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// A canary stays until its release is rolled out, so that no capacity is lost. Where its place is needed for
// that, it gives way: it has its verdict, and nobody needs it any more.
//
// A quota is asked beforehand, for a ReplicaSet whose pod is refused tries again after a time that doubles,
// and who reads the Deployment sees ReplicaFailure: the canary goes first, and then the template is released.
// A node that is missing shows when there is a pod that waits for it.

// How long a release waits for a canary that gives way.
const (
	// roomWait is for its pods to end: a node that is gone would keep them for ever.
	roomWait = 10 * time.Minute
	// quotaWait is for the quota to be counted anew, which is a moment later. Others may have taken the
	// place, and a rollout need not wait for it where pods may be unavailable.
	quotaWait = time.Minute
)

// NeedsRoom says whether the next step depends on whether there is room for the canary and a pod of its
// release.
func NeedsRoom(status v1alpha1.CanaryRunStatus) bool {
	kept := status.Reason == v1alpha1.ReasonFreezeWindow || status.Reason == v1alpha1.ReasonDeploymentPaused
	return status.Phase == v1alpha1.PhaseReleasing && !kept
}

// makeRoom keeps the release back until the canary has given way. Its reason is written first, so that it is
// the same whoever goes on from there.
func (s *planner) makeRoom() (Move, bool) {
	kept := s.findCondition(v1alpha1.ConditionReleaseAllowed)
	gives := kept != nil && kept.Reason == v1alpha1.ReasonCanaryGivesWay
	switch {
	case gives && kept.Status == metav1.ConditionTrue:
		return Move{}, false // it has
	case gives:
		return waitForRoom(s.in, kept.LastTransitionTime.Time)
	case kept != nil && kept.Status == metav1.ConditionFalse:
		return Move{}, false // something else kept it until now
	case s.in.Full == "" || len(s.in.stepAside()) == 0:
		return Move{}, false
	}
	s.keepFromRelease(v1alpha1.ReasonCanaryGivesWay,
		"the canary passed and gives way before the update is released, for there is no room for it and a pod of the Deployment: "+s.in.Full)
	return Move{Requeue: soon}, true
}

func waitForRoom(in Snapshot, since time.Time) (Move, bool) {
	within := func(d time.Duration) bool { return in.Now.Before(since.Add(d)) }
	actions, pods := in.stepAside(), len(in.Pods)+len(in.BaselinePods)
	waits := (len(actions) > 0 || pods > 0) && within(roomWait) || in.Full != "" && within(quotaWait)
	return Move{Actions: actions, Requeue: soon}, waits
}

// stepAside leaves the canary and its baseline without pods.
func (in Snapshot) stepAside() []Action {
	return slices.Concat(in.canary(0).empty(), in.baseline(0).empty())
}

// exceededQuota is in what the API server says where a ResourceQuota forbids something.
const exceededQuota = "exceeded quota"

// inTheWay says why the Deployment's own pods have no room, where there is that of the canary; "" if they
// have.
func (in Snapshot) inTheWay() string {
	r := in.Rollout
	switch {
	case len(in.stepAside()) == 0:
		return ""
	case strings.Contains(r.Failure, exceededQuota):
		return r.Failure
	}
	return r.Unschedulable
}

// giveWayToRollout has the canary go in the middle of the rollout. The reason is written first.
func (s *planner) giveWayToRollout(why string) Move {
	if s.out.Reason == v1alpha1.ReasonCanaryGivesWay {
		return Move{Actions: s.in.stepAside(), Requeue: s.rolloutRequeue(s.in.Now)}
	}
	s.enter(v1alpha1.PhaseReleasing, v1alpha1.ReasonCanaryGivesWay,
		"the held template is the stable one now; the canary gives way, for there is no room for it and a pod of the Deployment: "+why)
	return Move{Requeue: soon}
}

// rolloutRequeue is when to look at the rollout of a release again: soon at first, when it shows whether
// there is room, and for a long one every rolloutPoll.
func (s *course) rolloutRequeue(now time.Time) time.Duration {
	c := s.findCondition(v1alpha1.ConditionRolledOut)
	if c == nil {
		return soon
	}
	return min(max(now.Sub(c.LastTransitionTime.Time), soon), rolloutPoll)
}
