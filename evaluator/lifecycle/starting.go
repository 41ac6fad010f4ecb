package lifecycle

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// availableGrace is how much later than minReadySeconds say a ReplicaSet may tell that its pods are
// available.
const availableGrace = 10 * time.Second

// start: the pods of a step are made; all of them must get Ready before the deadline, and stay so for
// minReadySeconds. A crash, an image that cannot be pulled and a container that cannot be configured are not
// waited out.
func (s *planner) start() Move {
	s.mend()
	if !s.judged {
		return s.unjudged()
	}
	if p, over := s.troubled(); over {
		return p
	}
	own, minReady := ownPodsOf(s.in, s.course), s.in.Deployment.MinReady
	ready := own.areReady(minReady)
	if ready {
		if p, asks := s.preRollout(); asks {
			return p
		}
	}
	unlaid := sharingOf(s.in, s.course).whyNotLaid(s.out.Replicas, s.in.Now)
	if ready && unlaid == "" {
		at := metav1.NewTime(roundUp(s.in.Now))
		s.out.Step.ReadyAt, s.out.Step.PodsMadeBy = &at, madeBy(s.in.allPods())
		if s.out.ReadyAt == nil {
			s.out.ReadyAt = &at
		}
		s.enter(v1alpha1.PhaseRunning, v1alpha1.ReasonMeasuring, "the canary is measured")
		return Move{Requeue: soon}
	}
	allowed := s.plan.ReadyDeadline.Duration
	if own.areReady(0) { // and have to be so for minReadySeconds
		allowed += time.Duration(minReady)*time.Second + availableGrace
	}
	deadline := later(s.out.Step.StartedAt.Time, preRolledAt(s.plan, s.out)).Add(allowed)
	reason, message := whyNotReady(s.in, s.course)
	if ready {
		reason, message = v1alpha1.ReasonRoutesPending, unlaid
	}
	if !s.in.Now.Before(deadline) {
		if p, aside := s.aside(); aside {
			return p
		}
		within := Short(allowed) + ": " + message
		if ready {
			return s.judge(v1alpha1.VerdictInconclusive, reason, "the canary did not have its share of the requests within "+within)
		}
		if reason == v1alpha1.ReasonBaselineSick {
			return s.judge(v1alpha1.VerdictInconclusive, reason, "the baseline was not Ready within "+within)
		}
		if why := probeHinders(s.in.Canary, s.in.Pods); why != "" {
			return s.judge(v1alpha1.VerdictInconclusive, v1alpha1.ReasonProbeFailed, "the canary was not Ready within "+Short(allowed)+": "+why)
		}
		return s.judge(v1alpha1.VerdictFail, reason, "the canary was not Ready within "+within)
	}
	s.enter(v1alpha1.PhaseStarting, startReason(s.out.Reason), message)
	p := Move{Actions: repair(s.in, s.course), Requeue: s.in.until(deadline)}
	if ready { // nothing of what is waited for is watched
		p.Requeue = min(p.Requeue, lookAgain)
		if wait := sharingOf(s.in, s.course).heardAt().Sub(s.in.Now); wait > 0 {
			p.Requeue = min(p.Requeue, wait)
		}
	}
	return p
}

// whyNotReady says what keeps the pods of the step from being Ready, and what cannot be told of them.
func whyNotReady(in Snapshot, c course) (reason, message string) {
	reason, message = ownPodsOf(in, c).whyNot(in.Deployment.MinReady)
	if unclear := in.Others.Unclear; unclear != "" {
		message += "; " + unclear
	}
	return reason, message
}

// startReason says why the pods are started: for the first time, for the next
// step, or to be measured again after a pause or in the place of others.
func startReason(before string) string {
	switch before {
	case v1alpha1.ReasonNextStep, v1alpha1.ReasonResumed, v1alpha1.ReasonPodsTakenAway, v1alpha1.ReasonShareLost, v1alpha1.ReasonPreRollout:
		return before
	}
	return v1alpha1.ReasonCanaryStarting
}

// mend completes a status that was tampered with.
func (s *course) mend() {
	if s.out.CreatedAt == nil {
		s.out.CreatedAt = new(s.at)
	}
	if s.out.Step == nil {
		s.out.Step = &v1alpha1.StepStatus{Number: 1, StartedAt: *s.out.CreatedAt}
	}
}

// unjudged: nobody asked for a verdict. The canary is kept until its run is deleted.
func (s *planner) unjudged() Move {
	s.mend()
	message := "nothing judges this run; its canary lives until the run is deleted"
	switch {
	case s.in.cannotBeMade():
		message += "; its pods cannot be made again: " + s.in.Invalid
	case !s.in.canary(s.out.Replicas).isReady(s.in.Deployment.MinReady):
		_, why := whyNotReady(s.in, s.course)
		message += "; " + why
	case s.out.ReadyAt == nil:
		at := metav1.NewTime(roundUp(s.in.Now))
		s.out.ReadyAt = &at
	}
	phase := v1alpha1.PhaseRunning
	if s.out.ReadyAt == nil {
		phase = v1alpha1.PhaseStarting
	}
	s.enter(phase, v1alpha1.ReasonUnjudged, message)
	return Move{Actions: repair(s.in, s.course)}
}

// troubled looks for what no more waiting will mend: the canary's fails the
// run; the baseline's leaves it without a verdict, and so does what others did to
// either: what was measured may be of that.
func (s *planner) troubled() (Move, bool) {
	if changed := s.in.Others.Changed; changed != "" {
		return s.judge(v1alpha1.VerdictInconclusive, v1alpha1.ReasonTampered, changed), true
	}
	if s.in.cannotBeMade() {
		return s.judge(v1alpha1.VerdictFail, v1alpha1.ReasonCanaryInvalid, s.in.Invalid), true
	}
	if why := sharingOf(s.in, s.course).whyRefused(s.out.ReadyAt != nil); why != "" {
		return s.judge(v1alpha1.VerdictInconclusive, v1alpha1.ReasonRoutesRefuse, why), true
	}
	if t := s.trouble(s.in.Pods, s.in.Now); t.reason != "" && (t.reason != v1alpha1.ReasonCrashed || len(s.in.Around.Left) == 0) {
		return s.judge(v1alpha1.VerdictFail, t.reason, t.message), true
	}
	// Baseline pods run what is stable already, so what ails them is no fault of the update. There is nothing
	// left to compare with.
	if t := s.trouble(s.in.BaselinePods, s.in.Now); s.wantsBaseline() && t.reason != "" {
		return s.judge(v1alpha1.VerdictInconclusive, v1alpha1.ReasonBaselineSick,
			"the baseline, which runs the stable template, is in trouble: "+t.message), true
	}
	return Move{}, false
}

// repair brings back a canary, and a baseline, that somebody deleted or scaled,
// and gives them the size of the step.
func repair(in Snapshot, c course) []Action {
	if in.cannotBeMade() {
		return nil
	}
	return ownPodsOf(in, c).repair()
}

// cannotBeMade says whether a canary that somebody deleted cannot be brought back:
// the run has containers by names that the Deployment no longer has, for example.
func (in Snapshot) cannotBeMade() bool { return in.Canary == nil && in.Invalid != "" }

// lookAgain is how often a pod is looked at of which it cannot be told whose it is, and routes that do not
// give a canary its share yet.
const lookAgain = 5 * time.Second

// until is how long to wait for a time, also looking again when a pull that
// fails now would count, and at what is not clear.
func (in Snapshot) until(at time.Time) time.Duration {
	if again := in.Now.Add(lookAgain); in.Others.Unclear != "" && again.Before(at) {
		at = again
	}
	if grace := nextGraceEnd(in.allPods(), in.Now); !grace.IsZero() && grace.Before(at) {
		at = grace
	}
	return max(at.Sub(in.Now), time.Millisecond)
}
