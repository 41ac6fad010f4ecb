package plan

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// start: the canary pods are made; all of them must get Ready before the
// deadline. A crash, an image that cannot be pulled and a container that cannot
// be configured are not waited out.
func (s *step) start() Plan {
	if s.out.CreatedAt == nil { // a status that was tampered with
		at := s.now()
		s.out.CreatedAt = &at
	}
	if trouble := findTrouble(s.in.Pods, *s.in.Run.Spec.Plan.RestartLimit, s.in.Now); trouble.reason != "" {
		return s.judge(v1alpha1.VerdictFail, trouble.reason, trouble.message)
	}
	if s.canaryIsReady() {
		at := metav1.NewTime(roundUp(s.in.Now))
		s.out.ReadyAt = &at
		s.enter(v1alpha1.PhaseRunning, v1alpha1.ReasonMeasuring, "the canary is measured")
		return Plan{Requeue: soon}
	}
	deadline := s.out.CreatedAt.Add(s.in.Run.Spec.Plan.ReadyDeadline.Duration)
	if !s.in.Now.Before(deadline) {
		reason, message := whyNotReady(s.in.Canary, s.in.Pods, s.out.Replicas)
		return s.judge(v1alpha1.VerdictFail, reason, "the canary was not Ready within "+
			Short(s.in.Run.Spec.Plan.ReadyDeadline.Duration)+": "+message)
	}
	_, message := whyNotReady(s.in.Canary, s.in.Pods, s.out.Replicas)
	s.enter(v1alpha1.PhaseStarting, v1alpha1.ReasonCanaryStarting, message)
	return Plan{Actions: s.repair(), Requeue: s.until(deadline)}
}

// repair brings back a canary that somebody deleted or scaled.
func (s *step) repair() []Action {
	switch c := s.in.Canary; {
	case c == nil:
		return []Action{CreateCanary{s.out.Replicas}}
	case !c.Deleting && c.Replicas != s.out.Replicas:
		return []Action{ScaleCanary{s.out.Replicas}}
	}
	return nil
}

func (s *step) canaryIsReady() bool {
	if s.in.Canary == nil || readyPods(s.in.Pods) < s.out.Replicas {
		return false
	}
	return s.in.Deployment.MinReady == 0 || s.in.Canary.Available >= s.out.Replicas
}

// until is how long to wait for a time, also looking again when a pull that
// fails now would count.
func (s *step) until(at time.Time) time.Duration {
	if grace := nextGraceEnd(s.in.Pods, s.in.Now); !grace.IsZero() && grace.Before(at) {
		at = grace
	}
	return max(at.Sub(s.in.Now), time.Millisecond)
}
