package lifecycle

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// A canary that is kept for people to look at is a part of the application no longer. As long as its pods
// have the labels of its template, Services send them requests, autoscalers count them, and a
// PodDisruptionBudget over the application counts one that is not Ready against those that are: with
// maxUnavailable: 1 no healthy pod may be evicted, and nodes cannot be drained, for as long as somebody
// looks. So its pods lose these labels:
//
//   - all pods of a canary that failed;
//   - a pod of canary or baseline that has not been Ready for readyDeadline, where nothing comes of that
//     because a person, a freeze window or nobody decides. It has no requests anyway, and has the labels back
//     when it is Ready, or when the run goes on.
//
// Behind a gate, paused or inconclusive, pods that are Ready stay where they are. It follows from the verdict
// that is stored and from the pods alone, so it is the same after a restart.

// quarantine puts pods in quarantine and takes them out, and says when to look again; the zero time is never.
func quarantine(in Snapshot, c course) (actions []Action, next time.Time) {
	for _, pod := range in.Others.Strays {
		actions = append(actions, Quarantine{pod})
	}
	before := in.Run.Status
	if in.Run.Deleting || c.out.Phase.Ended() || before.CreatedAt == nil || c.out.CreatedAt == nil ||
		before.Verdict != c.out.Verdict || AttemptOf(before) != AttemptOf(c.out) {
		return actions, time.Time{}
	}
	for _, set := range []podSet{in.canary(0), in.baseline(0)} {
		for _, p := range byPodName(set.pods) {
			if p.DeletionTimestamp != nil || hasEnded(p) {
				continue
			}
			why, at := whyQuarantined(c, set.role, p, in.Now)
			kept := KeptPod{Name: p.Name, UID: p.UID, Role: set.role, Why: why}
			_, is := p.Labels[v1alpha1.QuarantineLabel]
			switch {
			case why != "" && !is:
				actions = append(actions, Quarantine{kept})
			case why == "" && is:
				actions = append(actions, Readmit{kept})
			}
			if !at.IsZero() && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
	}
	return actions, next
}

// whyQuarantined says why a pod belongs in quarantine, "" if it does not, and when that may change by itself.
func whyQuarantined(c course, role string, p corev1.Pod, now time.Time) (why string, next time.Time) {
	switch {
	case c.plan.Quarantine == v1alpha1.QuarantineNever:
		return "", time.Time{}
	case role == v1alpha1.RoleCanary && c.out.Verdict == v1alpha1.VerdictFail:
		return "the canary failed and is kept", time.Time{}
	case podIsReady(p), c.judged && c.out.Phase != v1alpha1.PhasePaused && c.out.Phase != v1alpha1.PhaseReleasing:
		return "", time.Time{}
	}
	since := p.CreationTimestamp.Time
	if r := find(p, corev1.PodReady); r != nil {
		since = later(since, r.LastTransitionTime.Time)
	}
	allowed := c.plan.ReadyDeadline.Duration
	if at := since.Add(allowed); now.Before(at) {
		return "", at
	}
	return fmt.Sprintf("it has not been Ready for %s (readyDeadline), and is kept", Short(allowed)), time.Time{}
}

// isOut says whether the canary gets no requests because it failed.
func (s *course) isOut() bool {
	return s.out.Verdict == v1alpha1.VerdictFail && s.plan.Quarantine != v1alpha1.QuarantineNever
}
