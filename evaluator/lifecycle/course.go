package lifecycle

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/policy"
)

// course is how a run goes: on what terms, and what status it has come to. What it is to know of pods or of
// the Deployment it is told.
type course struct {
	terms
	out v1alpha1.CanaryRunStatus
	// at is the time as it is stored, in whole seconds.
	at metav1.Time
}

// enter moves the run to a phase; the message may change without a move.
func (s *course) enter(phase v1alpha1.Phase, reason, message string) {
	s.out.Phase, s.out.Reason, s.out.Message = phase, reason, clip(message, maxMessage)
}

func (s *course) condition(kind string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&s.out.Conditions, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: clip(message, maxMessage),
		LastTransitionTime: s.at,
	})
}

func (s *course) findCondition(kind string) *metav1.Condition {
	return meta.FindStatusCondition(s.out.Conditions, kind)
}

// judge writes a verdict. It takes no action: a later step acts on what was stored.
func (s *course) judge(verdict v1alpha1.Verdict, reason, message string) Move {
	s.out.Verdict = verdict
	phase := s.out.Phase
	if phase == "" || phase == v1alpha1.PhasePaused || phase == v1alpha1.PhaseScheduled {
		phase = v1alpha1.PhaseWaiting
		if s.out.CreatedAt != nil {
			phase = v1alpha1.PhaseRunning
		}
	}
	switch {
	case verdict == v1alpha1.VerdictPass && !s.endsPassed():
		phase = v1alpha1.PhaseReleasing
	case verdict == v1alpha1.VerdictInconclusive && s.plan.OnInconclusive == v1alpha1.InconclusivePause:
		phase = v1alpha1.PhasePaused
	case verdict == v1alpha1.VerdictFail && s.plan.OnFailure == v1alpha1.FailureFreeze && reason != v1alpha1.ReasonRollbackAsked:
		phase = v1alpha1.PhaseFrozen
	}
	s.enter(phase, reason, message)
	s.condition(v1alpha1.ConditionAnalyzed, analyzed[verdict], reason, message)
	return Move{Requeue: soon}
}

// policyApplied says in the status what policies changed in the plan of the run.
func (s *course) policyApplied(in Snapshot) {
	changes := in.Run.Spec.Policies
	if in.Run.Spec.PlanRef != "" && s.out.Plan != nil && in.Run.Status.Plan == nil {
		changes = in.Ref.Changes
	}
	if len(changes) == 0 || meta.FindStatusCondition(s.out.Conditions, v1alpha1.ConditionPolicyApplied) != nil {
		return
	}
	s.condition(v1alpha1.ConditionPolicyApplied, metav1.ConditionTrue, v1alpha1.ReasonPolicyApplied, policy.Sentences(changes, maxMessage))
}

// maxMessage bounds the messages of a run in bytes; they quote what others wrote.
const maxMessage = 1000

// clip makes one line of at most limit bytes out of a message.
func clip(message string, limit int) string {
	return plaintext.Cut(analysis.OneLine(strings.ToValidUTF8(message, "?")), limit)
}
