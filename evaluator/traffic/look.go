package traffic

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/route"
)

// Look finds what routes give the canary of a run. Where Holdfast may not do so, those in whose status it is
// have it still.
func (r Router) Look(ctx context.Context, run Run, told *v1alpha1.WeightStatus) (lifecycle.Routing, error) {
	seen, err := r.find(ctx, run)
	if err == nil {
		err = r.able(ctx, run, &seen)
	}
	out := seen.view(run)
	if err == nil && out.NoRoute != "" {
		err = r.tellElsewhere(ctx, run, seen, &out)
	}
	if err == nil {
		out.Served, out.Endpoints, err = r.served(ctx, run, seen)
	}
	if apierrors.IsForbidden(err) {
		out := lifecycle.Routing{Refused: NoRight}
		if told != nil {
			out.Laid, out.Percent, out.Match = told.Routes, told.Percent, route.Text(route.HeadersOf(told.Match))
		}
		return out, nil
	}
	return out, err
}

// tellElsewhere adds to there being no route that there are others.
func (r Router) tellElsewhere(ctx context.Context, run Run, seen found, out *lifecycle.Routing) error {
	why, err := r.elsewhere(ctx, run, seen.services)
	if why != "" {
		out.NoRoute += "; " + why
	}
	return err
}

// Doubt is why the canary of a Deployment may not get its requests from a source, "" if nothing speaks
// against it, before there is a run: there is no Service; routes are not there, have no room, or no gateway
// follows them as they are; or requests come by routes of other namespaces too. pods are the labels of the
// Deployment's pods.
func (r Router) Doubt(ctx context.Context, namespace, deployment string, plan *v1alpha1.CanaryPlanSpec, pods map[string]string) (string, error) {
	source := plan.TrafficSource()
	run := Run{Namespace: namespace, Deployment: deployment, Source: source, Matches: lifecycle.MatchesOf(plan), Partly: lifecycle.IsPartly(plan), Pods: pods}
	r.most = mostToTell
	seen, err := r.find(ctx, run)
	if err == nil && !source.ByRoutes() { // only who may make Services of canaries may look who is behind them
		_, err = r.endpoints(ctx, namespace, deployment)
	}
	if err == nil {
		err = r.able(ctx, run, &seen)
	}
	if apierrors.IsForbidden(err) {
		return NoRight, nil
	}
	if err != nil {
		return "", err
	}
	view := seen.view(run)
	if view.NoRoute != "" {
		err = r.tellElsewhere(ctx, run, seen, &view)
	}
	if why := cmp.Or(view.NoRoute, view.Refused); why != "" || err != nil {
		return why, err
	}
	for _, s := range seen.routes {
		if pending, refused := s.accepted(); pending+refused != "" {
			return cmp.Or(refused, pending), nil
		}
	}
	return r.elsewhere(ctx, run, seen.services)
}

// view is what the routes say, and what is to be said of them.
func (f found) view(run Run) lifecycle.Routing {
	if !run.Source.ByRoutes() {
		return f.viewOfServices(run)
	}
	out := lifecycle.Routing{Services: f.servicesOf(run)}
	type share struct {
		percent int32
		match   string
	}
	shares := map[share]bool{}
	for _, r := range f.routes {
		if r.mine {
			out.Laid = append(out.Laid, r.String())
		}
		if len(r.services) == 0 {
			continue
		}
		out.Routes = append(out.Routes, r.String())
		switch {
		case r.mine && r.whole:
			out.Whole = append(out.Whole, r.String())
			shares[share{int32(r.record.Percent), route.Text(r.record.Match)}] = true
			if r.silent() {
				out.Silent = append(out.Silent, r.String())
			}
			pending, refused := r.accepted()
			if out.Refused == "" {
				out.Refused = refused
			}
			if out.Pending == "" {
				out.Pending = pending
			}
		case r.mine:
			shares[share{percent: -1}] = true
		case r.record != nil:
			out.Foreign = append(out.Foreign, r.String())
			out.Pending = fmt.Sprintf("%s carries the share of run %s still", r, r.record.Run)
			fallthrough
		default:
			shares[share{}] = true
		}
		if why := r.cannot(run); why != "" && out.Refused == "" {
			out.Refused = why
		}
	}
	if len(out.Routes) == 0 {
		out.NoRoute = f.noRoute(run)
	}
	out.Percent = -1
	if len(shares) == 1 {
		all := slices.Collect(maps.Keys(shares))[0]
		out.Percent, out.Match = all.percent, all.match
	}
	if len(out.Routes) == 0 {
		out.Percent = 0
	}
	return out
}

// viewOfServices is what is to be said of a canary that has Services of its own, and no share by routes.
func (f found) viewOfServices(run Run) lifecycle.Routing {
	out := lifecycle.Routing{Services: f.servicesOf(run)}
	if len(f.services) == 0 {
		out.NoRoute = fmt.Sprintf("traffic.source is %s, and no Service selects the pods of Deployment %s; make one, or have source: None", run.Source, run.Deployment)
	}
	for _, s := range f.services {
		i := slices.IndexFunc(f.all, func(other corev1.Service) bool { return other.Name == run.canaryOf(s.Name) })
		if i < 0 {
			continue
		}
		switch owner := metav1.GetControllerOf(&f.all[i]); {
		case owner != nil && owner.UID == run.UID:
		case owner != nil && owner.Kind == "CanaryRun":
			out.Taken = fmt.Sprintf("Service %s is still that of run %s", f.all[i].Name, owner.Name)
		default:
			out.Refused = fmt.Sprintf("Service %s is not of a run: the canary of Deployment %s cannot have one of that name; rename it", f.all[i].Name, run.Deployment)
		}
	}
	return out
}

func (f found) noRoute(run Run) string {
	if len(f.services) == 0 {
		return fmt.Sprintf("traffic.source is %s, and no Service selects the pods of Deployment %s; make one and a route to it, or have source: Service", run.Source, run.Deployment)
	}
	names := ""
	for _, s := range f.services {
		names += " " + s.Name
	}
	return fmt.Sprintf("traffic.source is %s, and no HTTPRoute, GRPCRoute or VirtualService of the namespace sends requests to a Service of Deployment %s (%s); make one, or have source: Service",
		run.Source, run.Deployment, names[1:])
}

// cannot says why the overlay cannot be laid over a route, "" if it can.
func (r seenRoute) cannot(run Run) string {
	if why := cmp.Or(r.unknown, r.lacks); why != "" {
		return why
	}
	if len(r.services) > 1 {
		return fmt.Sprintf("%s sends requests to two Services of Deployment %s, %s and %s, and can carry a share of one only; have a route for each", r, run.Deployment, r.services[0], r.services[1])
	}
	for _, match := range append([]*v1alpha1.RequestMatch{nil}, run.Matches...) {
		o := r.overlay(run, 50, route.HeadersOf(match))
		if _, err := r.Lay(o, r.user); err != nil {
			return fmt.Sprintf("%s: %v", r, err)
		}
		if n := r.recordOf(run, o).Bytes(r.object.GetAnnotations()); n > route.MostAnnotations {
			return fmt.Sprintf("%s: its annotations would take %d bytes with the record of its rules, and may take %d; make two of it", r, n, route.MostAnnotations)
		}
	}
	return ""
}
