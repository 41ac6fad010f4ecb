package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Where a plan says so the canary has a Service of its own, made with its pods and deleted after them; and where it
// says so, the routes that send requests to a Service of the Deployment carry a weight for it.
// The order keeps requests from failing:
//
//   - the Service is made with the pods; the weight comes when all pods of the step are Ready and the
//     Service has them, and the step begins to be measured when the routes are accepted with it;
//   - a later step keeps the weight of the one before until its own pods are Ready;
//   - a canary that failed loses the weight as soon as its verdict is stored, before anything else is done;
//   - one that passed keeps it until the Deployment has rolled the template out;
//   - pods go when the weight has been off for the drain time of the plan.
//
// It follows from the routes as they are and from the status, so it is the same after a restart.

// Routing is what routes give the canary.
type Routing struct {
	// Routes are those of the namespace that send requests to a Service of the Deployment, as kind/name, and
	// Laid those that carry an overlay of this run, Whole those of them whose overlay is all there. Foreign carry that
	// of another run.
	Routes, Laid, Whole, Foreign []string
	// Silent are those of Whole of which nobody says whether he follows them. They are taken to be followed when the
	// drain time is over: a plan says by it how long whoever follows its routes may be behind.
	Silent []string
	// Percent is the share that all Routes give the canary; -1 where they do not give it the same. Match says which
	// requests they give it in any case (route.Text), "" where there are none.
	Percent int32
	Match   string
	// Served says whether each route finds a Service of the canary, and Endpoints how many Ready pods the one with the
	// fewest has. Services are the names of those that the canary has.
	Served    bool
	Endpoints int32
	Services  []string
	// Pending is why the routes are not known to do what they say, "" if they are.
	Pending string
	// Refused is why they cannot carry the share, "" if they can.
	Refused string
	// Taken is why the Service of the canary cannot be made yet, "" if it can.
	Taken string
	// NoRoute says that there is none, "" if there is one.
	NoRoute string
}

// NeedsTraffic says whether the next step depends on what routes give the canary.
func NeedsTraffic(in Snapshot) bool {
	spec, _ := askedPlan(in)
	status := in.Run.Status
	return spec.Served() && (status.Weight != nil || status.CreatedAt != nil && !status.Phase.Ended() && !in.Run.Deleting)
}

// SourceOf is where the canary of a run has its requests from.
func SourceOf(in Snapshot) v1alpha1.TrafficSource {
	spec, _ := askedPlan(in)
	return spec.TrafficSource()
}

// IsApart says whether the pods of a run's canary are behind none of the Deployment's Services.
func IsApart(in Snapshot) bool {
	spec, _ := askedPlan(in)
	return spec.Apart()
}

// shareIsLaid says whether the routes give the canary what the step asks for, and why not yet.
func (s *planner) shareIsLaid() (why string, is bool) {
	t := s.in.Traffic
	switch {
	case !s.plan.Served():
		return "", true
	case t.NoRoute != "":
		return "all pods are Ready; " + t.NoRoute, false
	case t.Taken != "":
		return "all pods are Ready; " + t.Taken, false
	case !t.Served || t.Endpoints < s.out.Replicas:
		return fmt.Sprintf("all pods are Ready; the Service of the canary has %d of %d yet", t.Endpoints, s.out.Replicas), false
	case !t.gives(s.asked()):
		why = fmt.Sprintf("all pods are Ready; the share of %s is laid over %s", s.asked(), plural(int32(len(t.Routes)), "route"))
		if t.Pending != "" {
			why = "all pods are Ready; " + t.Pending
		}
		return why, false
	case t.Pending != "":
		return "the routes give the canary its share; " + t.Pending, false
	case s.in.Now.Before(s.heardAt()):
		return fmt.Sprintf("the routes give the canary its share; nobody says of %s that it is followed, so that is waited for as long as traffic.drain says (%s)",
			strings.Join(t.Silent, " and "), Short(s.plan.Traffic.Drain.Duration)), false
	}
	return "", true
}

// heardAt is when whoever follows the routes is taken to know the share of the step, where nobody says it: the drain time
// after it was laid. It is zero where somebody does.
func (s *planner) heardAt() time.Time {
	if len(s.in.Traffic.Silent) == 0 || s.out.Weight == nil {
		return time.Time{}
	}
	at := s.out.Weight.Since.Time
	if begun := s.out.Step.StartedAt.Time; begun.After(at) { // laid anew, for it was lost
		at = begun
	}
	return roundUp(at.Add(s.plan.Traffic.Drain.Duration))
}

// beginAnewIfShareLost begins a step anew in which routes did not give the canary its share for a while, as soon as they
// can again: whoever measures a canary that has no requests finds nothing wrong with it.
func (s *planner) beginAnewIfShareLost() (Move, bool) {
	t := s.in.Traffic
	if nobody := readyPods(s.in.Pods) == 0 || t.NoRoute == "" && t.Endpoints == 0; nobody || !s.shareIsOff() {
		return Move{}, false
	}
	message := fmt.Sprintf("routes did not give the canary its %s of the requests for a while (%s)", s.asked(), strings.Join(t.Routes, " and "))
	if t.NoRoute != "" {
		message = "the routes are gone that gave the canary its share of the requests"
	}
	return s.beginAnew(v1alpha1.ReasonShareLost, message, "when they do"), true
}

// shareIsOff says whether, in a step that is measured, routes do not give the canary its share: Holdfast took it off,
// for nobody was there to answer, or others did. A route that is new has it in a moment. Behind a gate the canary has
// shown what it had to.
func (s *planner) shareIsOff() bool {
	if !s.plan.ByRoutes() || s.atGate() {
		return false
	}
	t, stands := s.in.Traffic, s.in.Run.Status.Weight
	if stands == nil || !shareOf(stands).is(s.asked()) || t.NoRoute != "" {
		return true
	}
	return slices.ContainsFunc(stands.Routes, func(route string) bool {
		return slices.Contains(t.Routes, route) && !slices.Contains(t.Whole, route) && !slices.Contains(t.Foreign, route)
	}) || !slices.ContainsFunc(stands.Routes, func(route string) bool { return slices.Contains(t.Routes, route) })
}

// refusedByRoutes: routes that cannot give the canary its share leave the run without a verdict, and so do Services that
// are not there. What was there and is gone may be in the middle of being made anew, be it at a gate.
func (s *planner) refusedByRoutes() (Move, bool) {
	why := s.in.Traffic.Refused
	if given := s.in.Run.Status.Weight.IsSomething() || s.out.ReadyAt != nil; !given {
		why = cmp.Or(why, s.in.Traffic.NoRoute)
	}
	if !s.plan.Served() || why == "" {
		return Move{}, false
	}
	return s.judge(v1alpha1.VerdictInconclusive, v1alpha1.ReasonRoutesRefuse, why), true
}

// steer has the routes give the canary what it is to have, before all else, and keeps its pods until
// they have given it nothing for the drain time.
func (s *planner) steer(p *Move) {
	if !NeedsTraffic(s.in) {
		return
	}
	if s.in.Run.Status.Verdict != s.out.Verdict && s.out.Verdict != "" || s.out.Reason == v1alpha1.ReasonShareLost && begunAnew(s.in.Run.Status) < begunAnew(s.out) {
		return // nothing is done about a verdict, or a share that was lost, before it is stored
	}
	t, want := s.in.Traffic, s.share(*p)
	if !t.Served && t.Refused+t.NoRoute+t.Taken == "" && s.out.Verdict == "" && !s.out.Phase.Ended() && !s.in.Run.Deleting && s.out.CreatedAt != nil {
		p.Actions = append(p.Actions, ServeCanary{})
		p.Requeue = sooner(p.Requeue, soon)
	}
	before := s.out.Weight
	if before == nil || !shareOf(before).is(want) || !want.IsNothing() && !slices.Equal(before.Routes, t.Routes) {
		s.out.Weight = &v1alpha1.WeightStatus{Percent: want.Percent, Match: want.Match, Since: s.now()}
		if before != nil && shareOf(before).is(want) {
			s.out.Weight.Since = before.Since
		}
		if !want.IsNothing() {
			s.out.Weight.Routes = t.Routes
		}
	}
	if !want.IsNothing() && !t.gives(want) || want.IsNothing() && len(t.Laid) > 0 {
		p.Actions = append([]Action{ShareTraffic{want}}, p.Actions...)
		p.Requeue = sooner(p.Requeue, soon)
	}
	if want.IsNothing() {
		s.drain(p)
	}
}

// drain keeps the pods of the canary until no route has given it anything for the drain time. That counts from the look that
// finds so: a write may take long. Routes that had something at the look before stand in the status until then. With
// the last of the pods goes their Service.
func (s *planner) drain(p *Move) {
	laid, weight := s.in.Traffic.Laid, s.out.Weight
	if had := len(weight.Routes) > 0 || !shareOf(s.in.Run.Status.Weight).IsNothing(); had && len(laid) == 0 {
		weight.Since = metav1.NewTime(roundUp(s.in.Now))
	}
	weight.Routes = laid
	var drain time.Duration
	if s.plan.ByRoutes() {
		drain = s.plan.Traffic.Drain.Duration
	}
	at := roundUp(weight.Since.Add(drain))
	switch {
	case (len(laid) > 0 || s.in.Now.Before(at)) && slices.ContainsFunc(p.Actions, takesCanary):
		p.Actions = slices.DeleteFunc(p.Actions, takesCanary)
		p.Requeue = sooner(p.Requeue, max(at.Sub(s.in.Now), time.Millisecond))
	case (s.out.Phase.Ended() || s.in.Run.Deleting) && s.in.Canary == nil && len(laid) == 0:
		if len(s.in.Traffic.Services) > 0 {
			p.Actions = append(p.Actions, StopServing{})
		}
		s.out.Weight = nil
	}
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

// share is what the routes are to give the canary now.
func (s *planner) share(p Move) Share {
	stands := shareOf(s.in.Run.Status.Weight)
	switch {
	case s.out.Phase.Ended(), s.in.Run.Deleting, !s.in.Deployment.Exists, s.in.Deployment.Deleting:
		return Share{}
	case s.out.Verdict == v1alpha1.VerdictFail, s.in.Traffic.Refused != "",
		s.out.Reason == v1alpha1.ReasonRoutesRefuse, s.out.Reason == v1alpha1.ReasonRoutesPending && s.out.Verdict != "":
		return Share{}
	case readyPods(s.in.Pods) == 0, s.in.Traffic.Endpoints == 0, slices.ContainsFunc(p.Actions, takesCanary):
		return Share{} // there is nobody to answer
	case s.out.Phase == v1alpha1.PhaseStarting && s.preRolls():
		return stands
	case s.out.Phase == v1alpha1.PhaseStarting && (!s.pods().areReady(s.in.Deployment.MinReady) || s.in.Traffic.Endpoints < s.out.Replicas):
		return stands
	case s.out.Phase == v1alpha1.PhasePaused && s.readyAt() == nil:
		return stands
	}
	return s.asked()
}
