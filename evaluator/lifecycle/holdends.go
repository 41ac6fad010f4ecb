package lifecycle

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// holdEnded: the Deployment carries the run's hold no more. The first of these
// that applies says why:
//
//  1. the run was releasing and the Deployment runs its template, or has been
//     seen to: released;
//  2. it stands in the Deployment's memory: reverted, or a dry run passed;
//  3. the record is one that Holdfast did not write: never run what is in it;
//  4. another hold took its place: superseded;
//  5. the Deployment runs its template all the same: let through without a
//     verdict, by a user who may skip it, because the guard was lifted, or otherwise;
//  6. otherwise the user withdrew the update.
func (s *planner) holdEnded() Move {
	d, spec := s.in.Deployment, s.in.Run.Spec
	releasing := s.out.Phase == v1alpha1.PhaseReleasing
	switch {
	case releasing && (d.Hash == spec.TemplateHash || s.seenReleased()):
		return s.released()
	case d.Rejected && s.out.Verdict == v1alpha1.VerdictPass && s.plan.DryRun && !releasing && s.out.Reason != v1alpha1.ReasonAborted:
		return s.end(v1alpha1.PhasePassed, s.out.Reason, s.out.Message)
	case d.Rejected:
		return s.end(v1alpha1.PhaseReverted, s.out.Reason, s.out.Message)
	case d.Unreadable != "":
		return s.end(v1alpha1.PhaseCanceled, v1alpha1.ReasonRecordUnreadable,
			"the held record on the Deployment cannot be opened: "+d.Unreadable+"; its template is not run, apply the update again")
	case d.Held != "":
		return s.end(v1alpha1.PhaseSuperseded, v1alpha1.ReasonSuperseded, "a newer update is held in its place")
	case d.Hash == spec.TemplateHash && d.Skipped:
		return s.end(v1alpha1.PhaseCanceled, v1alpha1.ReasonSkipped,
			"the update was let through without the verdict of this run, as "+v1alpha1.SkipAnnotation+" asked")
	case d.Hash == spec.TemplateHash && !d.Guarded:
		return s.end(v1alpha1.PhaseCanceled, v1alpha1.ReasonUnguarded,
			"the Deployment is no longer guarded; the held update passed without a verdict")
	case d.Hash == spec.TemplateHash:
		return s.end(v1alpha1.PhaseCanceled, v1alpha1.ReasonBypassed, "the update was let through without the verdict of this run")
	default:
		return s.end(v1alpha1.PhaseCanceled, v1alpha1.ReasonWithdrawn, "the held update was withdrawn")
	}
}

// hasNothingToFinish: an update waits for the end of this run, and would in vain: there is no
// canary yet, or the verdict is there and a person is waited for, or nobody wants updates tried
// any more.
func (s *course) hasNothingToFinish(d Deployment) bool {
	person := s.out.Phase == v1alpha1.PhasePaused || s.out.Phase == v1alpha1.PhaseFrozen
	return s.out.CreatedAt == nil && s.out.Verdict == "" || s.out.Verdict != "" && person || !d.Guarded
}

// giveWay ends the run for the update that waits behind it.
func (s *planner) giveWay() Move {
	p := s.end(v1alpha1.PhaseSuperseded, v1alpha1.ReasonSuperseded, "a newer update is held in its place")
	p.Actions = append([]Action{GiveWay{Hold: s.in.Run.Spec.Hold}}, p.Actions...)
	return p
}

// seenReleased says whether an earlier step saw the template swapped in.
func (s *course) seenReleased() bool {
	return s.findCondition(v1alpha1.ConditionRolledOut) != nil
}

// released: the webhook has swapped the template in. The canary stays until
// the Deployment has rolled it out, so that no capacity is lost between the two,
// unless it is in the way of that.
func (s *planner) released() Move {
	if s.unguarded() {
		return s.end(v1alpha1.PhaseCanceled, v1alpha1.ReasonUnguarded,
			"the Deployment is no longer guarded; the held update was released without a verdict")
	}
	if s.in.Deployment.Hash != s.in.Run.Spec.TemplateHash {
		const message = "another template took its place before it had rolled out"
		s.condition(v1alpha1.ConditionRolledOut, metav1.ConditionFalse, v1alpha1.ReasonSuperseded, message)
		return s.end(v1alpha1.PhaseReleased, v1alpha1.ReasonSuperseded, "released; "+message)
	}
	switch s.in.Rollout.State {
	case RolloutComplete:
		s.condition(v1alpha1.ConditionRolledOut, metav1.ConditionTrue, v1alpha1.ReasonRolledOut, "the Deployment has rolled the template out")
		return s.end(v1alpha1.PhaseReleased, v1alpha1.ReasonRolledOut, "released and rolled out")
	case RolloutStuck:
		message := "the Deployment made no progress within its deadline: " + s.in.Rollout.Message
		s.condition(v1alpha1.ConditionRolledOut, metav1.ConditionFalse, v1alpha1.ReasonRolloutStuck, message)
		return s.end(v1alpha1.PhaseReleased, v1alpha1.ReasonRolloutStuck, "released, but "+message)
	}
	s.condition(v1alpha1.ConditionRolledOut, metav1.ConditionUnknown, v1alpha1.ReasonDeploymentRollingOut, "the Deployment rolls the template out")
	if why := s.in.inTheWay(); why != "" || s.out.Reason == v1alpha1.ReasonCanaryGivesWay {
		return s.giveWayToRollout(why)
	}
	s.enter(v1alpha1.PhaseReleasing, v1alpha1.ReasonDeploymentRollingOut, "the held template is the stable one now; the Deployment rolls it out")
	return Move{Requeue: s.rolloutRequeue(s.in.Now)}
}

// guardLifted: nobody wants the update tried any more, and while it is held it
// would hang. What the user asked for is what the user gets.
func (s *course) guardLifted(deployment string) Move {
	s.enter(v1alpha1.PhaseReleasing, v1alpha1.ReasonUnguarded, fmt.Sprintf(
		"Deployment %s is no longer guarded; the held update is released without a verdict", deployment))
	// Made anew, so that its time is that of this step (see releasingFor).
	meta.RemoveStatusCondition(&s.out.Conditions, v1alpha1.ConditionAnalyzed)
	s.condition(v1alpha1.ConditionAnalyzed, metav1.ConditionUnknown, v1alpha1.ReasonUnguarded, "there is no verdict")
	return Move{Requeue: soon}
}
