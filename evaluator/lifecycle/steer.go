package lifecycle

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// steer has the routes give the canary what it is to have, before all else that a move does, and keeps its
// pods until they have given it nothing for the drain time. With the move it returns what the status is to
// say of the share.
func steer(in Snapshot, c course, p Move) (Move, *v1alpha1.WeightStatus) {
	if !NeedsTraffic(in) {
		return p, c.out.Weight
	}
	if in.Run.Status.Verdict != c.out.Verdict && c.out.Verdict != "" || c.out.Reason == v1alpha1.ReasonShareLost && begunAnew(in.Run.Status) < begunAnew(c.out) {
		return p, c.out.Weight // nothing is done about a verdict, or a share that was lost, before it is stored
	}
	t, want := in.Traffic, wantedShare(in, c, p)
	if !t.Served && t.Refused+t.NoRoute+t.Taken == "" && c.out.Verdict == "" && !c.out.Phase.Ended() && !in.Run.Deleting && c.out.CreatedAt != nil {
		p.Actions = append(p.Actions, ServeCanary{})
		p.Requeue = sooner(p.Requeue, soon)
	}
	if !want.IsNothing() && !t.gives(want) || want.IsNothing() && len(t.Laid) > 0 {
		p.Actions = append([]Action{ShareTraffic{want}}, p.Actions...)
		p.Requeue = sooner(p.Requeue, soon)
	}
	weight := weightOf(c.out.Weight, want, t.Routes, c.at)
	if want.IsNothing() {
		return drain(in, c, p, *weight)
	}
	return p, weight
}

// weightOf is what a status says of the share that routes are to give, from what it said before.
func weightOf(before *v1alpha1.WeightStatus, want Share, routes []string, now metav1.Time) *v1alpha1.WeightStatus {
	same := before != nil && shareOf(before).is(want)
	if same && (want.IsNothing() || slices.Equal(before.Routes, routes)) {
		return before
	}
	out := &v1alpha1.WeightStatus{Percent: want.Percent, Match: want.Match, Since: now}
	if same {
		out.Since = before.Since
	}
	if !want.IsNothing() {
		out.Routes = routes
	}
	return out
}

// drain keeps the pods of the canary until no route has given it anything for the drain time. That counts
// from the look that finds so: a write may take long. Routes that had something at the look before stand in
// the status until then. With the last of the pods goes their Service.
func drain(in Snapshot, c course, p Move, weight v1alpha1.WeightStatus) (Move, *v1alpha1.WeightStatus) {
	laid := in.Traffic.Laid
	if had := len(weight.Routes) > 0 || !shareOf(in.Run.Status.Weight).IsNothing(); had && len(laid) == 0 {
		weight.Since = metav1.NewTime(roundUp(in.Now))
	}
	weight.Routes = laid
	var drain time.Duration
	if c.plan.ByRoutes() {
		drain = c.plan.Traffic.Drain.Duration
	}
	at := roundUp(weight.Since.Add(drain))
	switch {
	case (len(laid) > 0 || in.Now.Before(at)) && slices.ContainsFunc(p.Actions, takesCanary):
		p.Actions = slices.DeleteFunc(p.Actions, takesCanary)
		p.Requeue = sooner(p.Requeue, max(at.Sub(in.Now), time.Millisecond))
	case (c.out.Phase.Ended() || in.Run.Deleting) && in.Canary == nil && len(laid) == 0:
		if len(in.Traffic.Services) > 0 {
			p.Actions = append(p.Actions, StopServing{})
		}
		return p, nil
	}
	return p, &weight
}

// takesCanary says whether an action takes the pods of the canary away.
func takesCanary(a Action) bool {
	switch a := a.(type) {
	case DeleteCanary:
		return true
	case ScaleCanary:
		return a.Replicas == 0
	}
	return false
}

// wantedShare is what the routes are to give the canary when a move is made.
func wantedShare(in Snapshot, c course, p Move) Share {
	stands := shareOf(in.Run.Status.Weight)
	_, preRolls := nextPreRollout(c.plan, in.Run.Status, c.number())
	switch {
	case c.out.Phase.Ended(), in.Run.Deleting, !in.Deployment.Exists, in.Deployment.Deleting:
		return Share{}
	case c.out.Verdict == v1alpha1.VerdictFail, in.Traffic.Refused != "",
		c.out.Reason == v1alpha1.ReasonRoutesRefuse, c.out.Reason == v1alpha1.ReasonRoutesPending && c.out.Verdict != "":
		return Share{}
	case readyPods(in.Pods) == 0, in.Traffic.Endpoints == 0, slices.ContainsFunc(p.Actions, takesCanary):
		return Share{} // there is nobody to answer
	case c.out.Phase == v1alpha1.PhaseStarting && (preRolls || !ownPodsOf(in, c).areReady(in.Deployment.MinReady) || in.Traffic.Endpoints < c.out.Replicas):
		return stands
	case c.out.Phase == v1alpha1.PhasePaused && c.readyAt() == nil:
		return stands
	}
	return askedShare(c.plan, c.step())
}
