package plan

import (
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Next plans the next step of a run. The first of these that applies decides:
//
//  1. a run that is being deleted is left to the garbage collector;
//  2. an ended run stays as it ended; a canary left over is deleted;
//  3. without its Deployment a run ends, and while that is being deleted it
//     waits for the garbage collector;
//  4. a hold that ended otherwise ends its run (see holdEnded);
//  5. a verdict that stands in the status is acted on, whatever was measured since;
//  6. a Deployment no longer guarded gets the held update without a verdict;
//  7. otherwise the run goes its course: Waiting, Starting, Running.
func Next(in Input) Plan {
	s := step{in: in, out: *in.Run.Status.DeepCopy()}
	p := s.next()
	p.Status = s.finish()
	return p
}

// step is one call of Next: its input and the status it comes to.
type step struct {
	in  Input
	out v1alpha1.CanaryRunStatus
}

func (s *step) next() Plan {
	switch {
	case s.in.Run.Deleting:
		return Plan{}
	case s.out.Phase.Ended():
		return Plan{Actions: s.deleteCanary()}
	case !s.in.Deployment.Exists:
		return s.end(v1alpha1.PhaseCanceled, v1alpha1.ReasonDeploymentGone, "the Deployment is gone")
	case s.in.Deployment.Deleting:
		return Plan{}
	case s.in.Deployment.Held != s.in.Run.Spec.Hold:
		return s.holdEnded()
	case s.out.Phase == v1alpha1.PhaseReleasing:
		return s.release()
	case s.out.Verdict != "":
		return s.revert()
	case !s.in.Deployment.Guarded:
		return s.guardLifted()
	}
	switch s.out.Phase {
	case v1alpha1.PhaseStarting:
		return s.start()
	case v1alpha1.PhaseRunning:
		return s.measure()
	default:
		return s.wait()
	}
}

// enter moves the run to a phase; the message may change without a move.
func (s *step) enter(phase v1alpha1.Phase, reason, message string) {
	s.out.Phase, s.out.Reason, s.out.Message = phase, reason, clip(message, maxMessage)
}

// end moves the run to one of its ends and has the canary deleted before that.
func (s *step) end(phase v1alpha1.Phase, reason, message string) Plan {
	s.enter(phase, reason, message)
	at := s.now()
	s.out.FinishedAt = &at
	return Plan{Actions: s.deleteCanary()}
}

func (s *step) deleteCanary() []Action {
	if s.in.Canary == nil || s.in.Canary.Deleting {
		return nil
	}
	return []Action{DeleteCanary{}}
}

// judge writes a verdict. It takes no action: a later step acts on what was stored.
func (s *step) judge(verdict v1alpha1.Verdict, reason, message string) Plan {
	s.out.Verdict = verdict
	phase := s.out.Phase
	if phase == "" {
		phase = v1alpha1.PhaseWaiting
	}
	switch {
	case verdict == v1alpha1.VerdictPass:
		phase = v1alpha1.PhaseReleasing
	case s.in.Run.Spec.Plan.OnFailure == v1alpha1.FailureFreeze:
		phase = v1alpha1.PhaseFrozen
	}
	s.enter(phase, reason, message)
	s.condition(v1alpha1.ConditionAnalyzed, analyzed[verdict], reason, message)
	return Plan{Requeue: soon}
}

// soon is for steps whose status is planned from next; the write itself also wakes the run.
const soon = time.Second
