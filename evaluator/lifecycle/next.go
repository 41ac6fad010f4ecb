package lifecycle

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Next plans the next step of a run. The first of these that applies decides:
//
//  1. the pods of a run that is being deleted are: a finalizer may keep the run
//     from the garbage collector for as long as its owner likes;
//  2. an ended run stays as it ended; what is left over of it is deleted;
//  3. without its Deployment, or with one that is being deleted, a run ends;
//  4. a hold that ended otherwise ends its run (see holdEnded);
//  5. a person who aborts is obeyed, also while the release waits;
//  6. what is being released goes on being released;
//  7. a person who promotes, or raises the attempt, is obeyed;
//  8. a run that has nothing to finish gives way to an update that waits for it;
//  9. a verdict that stands in the status is acted on, whatever was measured since;
//  10. a Deployment no longer guarded gets the held update without a verdict;
//  11. a run whose deadline is over ends;
//  12. while the Deployment is scaled to zero there is no canary either;
//  13. beside a Deployment that is to be alone there is none either (see isToBeAlone);
//  14. a canary that policies forbid since it was made is ended, without a verdict on the update;
//  15. a person who pauses is obeyed;
//  16. otherwise the run goes its course: Scheduled, Waiting, Starting, Running.
func Next(in Snapshot) Move {
	s := newPlanner(in)
	s.shrink()
	p := s.next()
	p.Actions = append(p.Actions, trim(s.in, s.course)...)
	p.Actions = append(p.Actions, takeDownLeftovers(in.Leftovers)...)
	p.Actions = append(p.Actions, in.Others.deleteLeft()...)
	if !in.Run.Deleting {
		p.Actions = append(p.Actions, in.Others.putOut()...)
	}
	p, s.out.Weight = steer(s.in, s.course, p)
	p, autoscaler, scales := autoscale(s.in, s.course, p)
	s.out.Autoscaler = autoscaler
	if scales {
		p.Requeue = sooner(p.Requeue, s.tellAutoscaler(s.in))
	}
	actions, at := quarantine(s.in, s.course)
	p.Actions = append(p.Actions, actions...)
	for _, at := range []time.Time{at, s.deadline()} {
		if !at.IsZero() {
			p.Requeue = sooner(p.Requeue, s.in.until(at))
		}
	}
	p.Status = finish(s.in, s.course)
	if at := quietUntil(p.Status, in.Now); in.Now.Before(at) {
		p.Requeue = sooner(p.Requeue, s.in.until(at))
	}
	if NeedsAround(in) && !p.Status.Phase.Ended() {
		p.Requeue = sooner(p.Requeue, AroundPace(in))
	}
	p.Ask = ask(in, p)
	return p
}

// planner is one call of Next: its snapshot, and the course that the run takes from there.
type planner struct {
	in Snapshot
	course
}

func newPlanner(in Snapshot) planner {
	s := reading(in)
	s.out = *in.Run.Status.DeepCopy()
	if s.hpa() != nil {
		s.in.Canary = in.Canary.ofStep(in.Run.Status.Replicas)
	}
	s.in.Pods = sinceMade(in.Pods, in.Run.Status.CreatedAt)
	s.in.BaselinePods = sinceMade(in.BaselinePods, in.Run.Status.CreatedAt)
	return s
}

// reading is a planner that answers questions: it shares status and pods with its snapshot, and changes
// neither.
func reading(in Snapshot) planner {
	return planner{in, course{termsOf(in), in.Run.Status, metav1.NewTime(in.Now.Truncate(time.Second))}}
}

func (s *planner) next() Move {
	spec, byHand := s.in.Run.Spec, s.byHand
	switch {
	case s.in.Run.Deleting || s.out.Phase.Ended():
		return s.ended()
	case !s.in.Deployment.Exists:
		return s.noDeployment()
	case s.in.Deployment.Deleting:
		return s.end(v1alpha1.PhaseCanceled, v1alpha1.ReasonDeploymentGone, "the Deployment is being deleted")
	case !byHand && s.in.Deployment.Held != spec.Hold:
		return s.holdEnded()
	case spec.Decision == v1alpha1.DecisionAbort:
		return s.abort()
	case s.out.Phase == v1alpha1.PhaseReleasing:
		return s.release()
	case spec.Decision == v1alpha1.DecisionPromote:
		return s.promote()
	case spec.Attempt > s.attempt():
		return s.retry(spec.Attempt)
	case !byHand && s.in.Deployment.Waiting && s.hasNothingToFinish(s.in.Deployment):
		return s.giveWay()
	case s.out.Verdict != "":
		return s.settle()
	case !byHand && !s.in.Deployment.Guarded:
		return s.guardLifted(spec.Deployment)
	case s.out.Alert != nil && s.judged && s.out.CreatedAt != nil:
		return s.judge(v1alpha1.VerdictFail, v1alpha1.ReasonAlertFiring, s.out.Alert.Message)
	case s.deadlineIsOver(s.in.Now):
		return s.overdue()
	case !byHand && s.in.Deployment.Replicas == 0 && s.out.CreatedAt != nil:
		return s.standDown(scaledToZero)
	case s.isToBeAlone(s.in.Deployment) && s.out.CreatedAt != nil:
		return s.standDown(besideRecreate)
	case s.in.CaptureForbidden != "" && s.judged && s.out.CreatedAt != nil:
		return s.judge(v1alpha1.VerdictInconclusive, v1alpha1.ReasonPlanInvalid, captureForbidden(s.in.CaptureForbidden))
	case spec.Paused:
		return s.pause()
	}
	switch s.out.Phase {
	case v1alpha1.PhaseStarting:
		return s.start()
	case v1alpha1.PhaseRunning:
		return s.measure()
	case v1alpha1.PhasePaused:
		return s.paused()
	default:
		return s.wait()
	}
}

// ended: what is left over of a run is deleted, and hooks are told of its end.
func (s *planner) ended() Move {
	p := Move{Actions: s.in.takeDown(s.out.FinishedAt)}
	if !s.in.Run.Deleting {
		var told []v1alpha1.HookStatus
		p.Questions, told = hooksOf(s.in, s.course).ofEnd(s.out, s.in.Now)
		for _, h := range told {
			s.out.SetHook(h)
		}
	}
	return p
}

// noDeployment: a run that a user made may be there before its Deployment is.
func (s *planner) noDeployment() Move {
	if s.byHand && s.out.CreatedAt == nil {
		s.enter(v1alpha1.PhaseWaiting, v1alpha1.ReasonDeploymentNotFound,
			"there is no Deployment "+s.in.Run.Spec.Deployment+" in the namespace; create it, or delete this run")
		return Move{}
	}
	return s.end(v1alpha1.PhaseCanceled, v1alpha1.ReasonDeploymentGone, "the Deployment is gone")
}

// end moves the run to one of its ends and has its pods go before that. It does not wait for them.
func (s *planner) end(phase v1alpha1.Phase, reason, message string) Move {
	s.enter(phase, reason, message)
	s.out.FinishedAt = new(s.at)
	return Move{Actions: s.in.takeDown(s.out.FinishedAt)}
}

// soon is for steps whose status is planned from next; the write itself also wakes the run.
const soon = time.Second
