package lifecycle

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// deadline is when a run without a verdict, or with one that no person has
// resolved, ends; zero if it has no such time.
func (s *course) deadline() time.Time {
	open := s.out.Verdict == "" || s.out.Verdict == v1alpha1.VerdictInconclusive
	switch {
	case !s.judged || s.out.CreatedAt == nil || !open:
		return time.Time{}
	case s.out.Phase.Ended() || s.out.Phase == v1alpha1.PhaseReleasing || s.out.Phase == v1alpha1.PhaseFrozen:
		return time.Time{}
	}
	return s.out.CreatedAt.Add(s.plan.Deadline.Duration)
}

func (s *course) deadlineIsOver(now time.Time) bool {
	at := s.deadline()
	return !at.IsZero() && !now.Before(at) && s.out.Reason != v1alpha1.ReasonDeadline
}

// overdue writes that the deadline is over.
func (s *course) overdue() Move {
	return s.late("there was no verdict within " + Short(s.plan.Deadline.Duration) + " of the making of the canary")
}

// late writes that there is no verdict in time; a later step reverts.
func (s *course) late(message string) Move {
	if s.out.Message != "" {
		message += "; last: " + s.out.Message
	}
	s.out.Verdict = v1alpha1.VerdictInconclusive
	s.enter(s.out.Phase, v1alpha1.ReasonDeadline, message)
	s.condition(v1alpha1.ConditionAnalyzed, metav1.ConditionUnknown, v1alpha1.ReasonDeadline, message)
	return Move{Requeue: soon}
}

// manualDeadline is until when a person may decide.
func (s *course) manualDeadline(now time.Time) time.Time {
	if s.out.ReadyAt == nil {
		return now.Add(s.plan.Manual.Deadline.Duration)
	}
	return s.out.ReadyAt.Add(s.plan.Manual.Deadline.Duration)
}

// manualLate: nobody has decided in time, and what is assumed then is no pass.
func (s *course) manualLate(now time.Time) (Move, bool) {
	m := s.plan.Manual
	if m == nil || m.Assume == v1alpha1.AssumePass || now.Before(s.manualDeadline(now)) {
		return Move{}, false
	}
	verdict := v1alpha1.VerdictInconclusive
	if m.Assume == v1alpha1.AssumeFail {
		verdict = v1alpha1.VerdictFail
	}
	return s.judge(verdict, v1alpha1.ReasonManualLate, "nobody decided within "+Short(m.Deadline.Duration)+" of Ready"), true
}

// sooner is the smaller of two times to wait, 0 being never.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
