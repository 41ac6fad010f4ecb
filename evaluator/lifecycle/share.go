package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Where a plan says so the canary has a Service of its own, made with its pods and deleted after them; and
// where it says so, the routes that send requests to a Service of the Deployment carry a weight for it. The
// order keeps requests from failing:
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
	// Laid those that carry an overlay of this run, Whole those of them whose overlay is all there. Foreign
	// carry that of another run.
	Routes, Laid, Whole, Foreign []string
	// Silent are those of Whole of which nobody says whether he follows them. They are taken to be followed when
	// the drain time is over: a plan says by it how long whoever follows its routes may be behind.
	Silent []string
	// Percent is the share that all Routes give the canary; -1 where they do not give it the same. Match says
	// which requests they give it in any case (route.Text), "" where there are none.
	Percent int32
	Match   string
	// Served says whether each route finds a Service of the canary, and Endpoints how many Ready pods the one
	// with the fewest has. Services are the names of those that the canary has.
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

// sharing is the share of the requests that the step under way asks for, and what routes give the canary of
// it.
type sharing struct {
	plan  *v1alpha1.CanaryPlanSpec
	asked Share
	given Routing
	// stored is the share that stands in the status, begunAt when the step under way was begun.
	stored  *v1alpha1.WeightStatus
	begunAt time.Time
	atGate  bool
}

func sharingOf(in Snapshot, c course) sharing {
	out := sharing{plan: c.plan, asked: askedShare(c.plan, c.step()), given: in.Traffic, stored: in.Run.Status.Weight, atGate: c.atGate()}
	if c.out.Step != nil {
		out.begunAt = c.out.Step.StartedAt.Time
	}
	return out
}

// whyNotLaid says why the routes do not give so many Ready pods what the step asks for yet, "" if they do.
func (s sharing) whyNotLaid(pods int32, now time.Time) string {
	t := s.given
	switch {
	case !s.plan.Served():
		return ""
	case t.NoRoute != "":
		return "all pods are Ready; " + t.NoRoute
	case t.Taken != "":
		return "all pods are Ready; " + t.Taken
	case !t.Served || t.Endpoints < pods:
		return fmt.Sprintf("all pods are Ready; the Service of the canary has %d of %d yet", t.Endpoints, pods)
	case !t.gives(s.asked) && t.Pending != "":
		return "all pods are Ready; " + t.Pending
	case !t.gives(s.asked):
		return fmt.Sprintf("all pods are Ready; the share of %s is laid over %s", s.asked, plural(int32(len(t.Routes)), "route"))
	case t.Pending != "":
		return "the routes give the canary its share; " + t.Pending
	case now.Before(s.heardAt()):
		return fmt.Sprintf("the routes give the canary its share; nobody says of %s that it is followed, so that is waited for as long as traffic.drain says (%s)",
			strings.Join(t.Silent, " and "), Short(s.plan.Traffic.Drain.Duration))
	}
	return ""
}

// heardAt is when whoever follows the routes is taken to know the share of the step, where nobody says it:
// the drain time after it was laid. It is zero where somebody does.
func (s sharing) heardAt() time.Time {
	if len(s.given.Silent) == 0 || s.stored == nil {
		return time.Time{}
	}
	laid := later(s.stored.Since.Time, s.begunAt) // begun later, it was laid anew, for it was lost
	return roundUp(laid.Add(s.plan.Traffic.Drain.Duration))
}

// isOff says whether, in a step that is measured, routes do not give the canary its share: Holdfast took it
// off, for nobody was there to answer, or others did. A route that is new has it in a moment. Behind a gate
// the canary has shown what it had to.
func (s sharing) isOff() bool {
	t := s.given
	switch {
	case !s.plan.ByRoutes() || s.atGate:
		return false
	case s.stored == nil || !shareOf(s.stored).is(s.asked) || t.NoRoute != "":
		return true
	}
	stands := func(route string) bool { return slices.Contains(t.Routes, route) }
	return !slices.ContainsFunc(s.stored.Routes, stands) || slices.ContainsFunc(s.stored.Routes, func(route string) bool {
		return stands(route) && !slices.Contains(t.Whole, route) && !slices.Contains(t.Foreign, route)
	})
}

// whyLost says for a share that is off what became of it; "" where nobody is there yet to answer requests.
func (s sharing) whyLost(ready int32) string {
	switch t := s.given; {
	case ready == 0:
		return ""
	case t.NoRoute != "":
		return "the routes are gone that gave the canary its share of the requests"
	case t.Endpoints == 0:
		return ""
	default:
		return fmt.Sprintf("routes did not give the canary its %s of the requests for a while (%s)", s.asked, strings.Join(t.Routes, " and "))
	}
}

// whyRefused says why routes cannot give the canary its share, "" if they can. Services that are not there
// are a reason too, unless the canary was given something or was measured before: what was there and is gone
// may be in the middle of being made anew.
func (s sharing) whyRefused(measured bool) string {
	switch {
	case !s.plan.Served():
		return ""
	case s.stored.IsSomething() || measured:
		return s.given.Refused
	}
	return cmp.Or(s.given.Refused, s.given.NoRoute)
}
