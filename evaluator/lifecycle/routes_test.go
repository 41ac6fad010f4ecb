package lifecycle

import (
	"strings"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// routes are what sends requests in a world: one route, which gives the canary this share.
type routes struct {
	share            Share
	served, gone     bool
	unreached        bool // nobody is behind the Service of the canary
	fresh            bool // there is a second one, which gives it nothing yet
	silent           bool // nobody says that he follows it
	refused, pending string
	takenOff         time.Time     // zero before the first time
	slow             time.Duration // how long it takes until a share that is asked for is on it, or off
}

func (r routes) view(source v1alpha1.TrafficSource, ready int32) Routing {
	out := Routing{Percent: r.share.Percent, Match: r.share.matched(), Served: r.served && !r.gone, Refused: r.refused, Pending: r.pending}
	switch {
	case r.gone:
		out.NoRoute = "no route sends requests to a Service of Deployment web"
	case source.ByRoutes():
		out.Routes = []string{"HTTPRoute/web"}
	}
	if !r.share.IsNothing() {
		out.Laid, out.Whole = []string{"HTTPRoute/web"}, []string{"HTTPRoute/web"}
	}
	if r.silent {
		out.Silent = out.Whole
	}
	if r.fresh {
		out.Routes, out.Percent = []string{"HTTPRoute/next", "HTTPRoute/web"}, -1
	}
	if r.served {
		out.Services = []string{"web-canary"}
	}
	if out.Served && !r.unreached {
		out.Endpoints = ready
	}
	return out
}

// routesDo takes an action on routes, and holds the others against them: pods that are asked for get what
// they are asked, and go when nobody has asked them for the drain time.
func (w *world) routesDo(action Action) bool {
	w.t.Helper()
	in := w.input()
	if takesCanary(action) && SourceOf(in).ByRoutes() {
		drain := w.planOf(in).Traffic.Drain.Duration
		if !w.routes.share.IsNothing() || w.now.Before(w.routes.takenOff.Add(drain)) {
			w.t.Errorf("%s: the canary goes while routes give it %s, or within the drain time\n%s", w.now, w.routes.share, w.tail())
		}
	}
	switch a := action.(type) {
	case ServeCanary:
		w.routes.served = true
	case StopServing:
		if !w.routes.share.IsNothing() {
			w.t.Errorf("the Service of the canary goes while routes give it %s\n%s", w.routes.share, w.tail())
		}
		w.routes.served = false
	case ShareTraffic:
		w.now = w.now.Add(w.routes.slow)
		if !a.IsNothing() && readyPods(in.Pods) < in.Run.Status.Replicas && w.routes.share.IsNothing() && !in.Run.Status.Weight.IsSomething() {
			w.t.Errorf("routes give a canary %s that is not Ready\n%s", a.Share, w.tail())
		}
		if !w.routes.share.IsNothing() && a.IsNothing() {
			w.routes.takenOff = w.now
		}
		w.routes.share, w.routes.fresh = a.Share, false
	default:
		return false
	}
	return true
}

func (w *world) routesHappen(what string) bool {
	word, why, _ := strings.Cut(what, " ")
	switch {
	case word == "refuse":
		w.routes.refused = why
	case word == "wait":
		w.routes.pending = why
	case word == "take":
		slow, err := time.ParseDuration(why)
		w.routes.slow = slow
		return err == nil
	case what == "are silent":
		w.routes.silent = true
	case what == "are accepted":
		w.routes.pending = ""
	case what == "lose the share":
		w.routes.share = Share{}
	case what == "are gone":
		w.routes.gone, w.routes.share = true, Share{}
	case what == "reach nobody":
		w.routes.unreached = true
	case what == "reach the canary":
		w.routes.unreached = false
	case what == "are two":
		w.routes.fresh = true
	case what == "are back":
		w.routes.gone = false
	default:
		return false
	}
	return true
}
