package traffic

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/probe"
	"holdfast.dev/holdfast/internal/route"
	"holdfast.dev/holdfast/internal/surround"
)

// RBAC gives Holdfast no right to routes, and none to make Services, but by manifests/components/traffic.

// NoRight says that canaries get no requests but by the Deployment's Services, and what to do.
const NoRight = "Holdfast may not change routes or make Services, as traffic.source of the plan asks. Have your administrator install it " +
	"with traffic.enabled=true of the chart, or the component traffic; or have source: Service"

// kinds are the kinds of routes, the same kind in its newest version first. A cluster may have none of them.
var kinds = append([]schema.GroupVersionKind{
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"},
	{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "GRPCRoute"},
}, virtualServices...)

// Router lays shares over routes.
type Router struct {
	// Live is the API server itself, and Writer writes to it.
	Live   listing.Lister
	Writer client.Writer
	// Key seals records. Without one shares can be taken off only, by records of whoever wrote them.
	Key hold.Key

	// most is how many bytes of routes are read at most, and of Services; 0 is what is usual for lists.
	most int64
}

// mostToTell is how many bytes are read for a warning: the answer to a request waits for it.
const mostToTell = 8 << 20

// NewRouter makes one that works by the API server of a manager.
func NewRouter(mgr ctrl.Manager, key hold.Key) (Router, error) {
	lists, err := listing.NewServer(mgr.GetConfig(), mgr.GetHTTPClient(), mgr.GetRESTMapper())
	if err != nil {
		return Router{}, fmt.Errorf("look at routes: %w", err)
	}
	live := struct {
		client.Reader
		*listing.Server
	}{mgr.GetAPIReader(), lists}
	return Router{Live: live, Writer: mgr.GetClient(), Key: key}, nil
}

// open opens the record of a route.
func (r Router) open(on *unstructured.Unstructured) (route.Record, error) {
	encoded := on.GetAnnotations()[v1alpha1.OverlayAnnotation]
	if len(r.Key) == 0 {
		return route.ReadOf(encoded, on.GetUID())
	}
	return route.Open(r.Key, encoded, on.GetUID())
}

// Run is what must be known of a run.
type Run struct {
	Namespace, Name string
	UID             types.UID
	// Source is where its canary has its requests from, and Matches which of them it is to have in any case, step by
	// step; nil is none.
	Source  v1alpha1.TrafficSource
	Matches []*v1alpha1.RequestMatch
	// Deployment is the name of the Deployment, and Pods the labels of its pods' template.
	Deployment string
	Pods       map[string]string
	// Measured are the ports of the canary's pods that are measured by the probe in them.
	Measured []probe.Port
}

// found is what there is in the namespace of a run.
type found struct {
	all      []corev1.Service // that select pods
	services []corev1.Service // of the Deployment
	routes   []seenRoute      // that reach one of them, or carry an overlay of the run
}

// seenRoute is a route as it is in the cluster.
type seenRoute struct {
	route.Dialect
	object *unstructured.Unstructured
	// user are the rules that its user asks for.
	user []any
	// record is of the overlay on it, nil where there is none; mine says whether that is the run's, and
	// whole that it is all there.
	record      *route.Record
	mine, whole bool
	// unsealed says that the record is not by the key there is: it serves to take the share off, and is written anew
	// where the share is laid.
	unsealed bool
	// services are those of the Deployment that it sends requests to, and parts those of each that its pods are in.
	services []string
	parts    [][]string
	// unknown says that nobody knows whether the Deployment's pods are in a part of a Service.
	unknown string
}

func (r seenRoute) String() string { return r.object.GetKind() + "/" + r.object.GetName() }

// canaryOf is the name of the Service of the canary beside one of the Deployment's. Where routes name it no text of a
// user has it; others are to know it beforehand.
func (r Run) canaryOf(service string) string {
	const suffix = "-canary"
	if r.Source != v1alpha1.TrafficWeighted && len(service)+len(suffix) <= 63 {
		return service + suffix
	}
	hash := sha256.Sum256([]byte(string(r.UID) + "/" + service))
	const most = 63 - len("-canary-") - 8
	return service[:min(len(service), most)] + "-canary-" + hex.EncodeToString(hash[:4])
}

// Look finds what routes give the canary of a run. Where Holdfast may not do so, those in whose status it is
// have it still.
func (r Router) Look(ctx context.Context, run Run, told *v1alpha1.WeightStatus) (lifecycle.Routing, error) {
	seen, err := r.find(ctx, run)
	out := seen.view(run)
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

// Doubt is why the canary of a Deployment may not get its requests from a source, "" if nothing speaks against it,
// before there is a run: there is no Service; routes are not there, have no room, or no gateway follows them as they
// are. pods are the labels of the Deployment's pods.
func (r Router) Doubt(ctx context.Context, namespace, deployment string, plan *v1alpha1.CanaryPlanSpec, pods map[string]string) (string, error) {
	source := plan.TrafficSource()
	run := Run{Namespace: namespace, Deployment: deployment, Source: source, Matches: lifecycle.MatchesOf(plan), Pods: pods}
	r.most = mostToTell
	seen, err := r.find(ctx, run)
	if err == nil && source != v1alpha1.TrafficWeighted { // only who may make Services of canaries may look who is behind them
		_, err = r.endpoints(ctx, namespace, deployment)
	}
	if apierrors.IsForbidden(err) {
		return NoRight, nil
	}
	if err != nil {
		return "", err
	}
	view := seen.view(run)
	if why := cmp.Or(view.NoRoute, view.Refused); why != "" {
		return why, nil
	}
	for _, s := range seen.routes {
		if pending, refused := s.accepted(); pending+refused != "" {
			return cmp.Or(refused, pending), nil
		}
	}
	return "", nil
}

// view is what the routes say, and what is to be said of them.
func (f found) view(run Run) lifecycle.Routing {
	if run.Source != v1alpha1.TrafficWeighted {
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
		return fmt.Sprintf("traffic.source is Weighted, and no Service selects the pods of Deployment %s; make one and a route to it, or have source: Service", run.Deployment)
	}
	names := ""
	for _, s := range f.services {
		names += " " + s.Name
	}
	return fmt.Sprintf("traffic.source is Weighted, and no HTTPRoute, GRPCRoute or VirtualService of the namespace sends requests to a Service of Deployment %s (%s); make one, or have source: Service",
		run.Deployment, names[1:])
}

// cannot says why the overlay cannot be laid over a route, "" if it can.
func (r seenRoute) cannot(run Run) string {
	if r.unknown != "" {
		return r.unknown
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

func (r seenRoute) recordOf(run Run, o route.Overlay) route.Record {
	return route.Record{
		UID: r.object.GetUID(), Run: run.Name, Service: o.Service, Canary: o.Canary, Parts: o.Parts, Percent: o.Percent, Match: o.Match, Rules: r.user,
	}
}

func (r seenRoute) overlay(run Run, percent int32, match []route.Header) route.Overlay {
	return route.Overlay{
		Namespace: run.Namespace, Service: r.services[0], Canary: run.canaryOf(r.services[0]), Parts: r.parts[0], Percent: int64(percent), Match: match,
	}
}

// find reads the Services and the routes of the namespace.
func (r Router) find(ctx context.Context, run Run) (found, error) {
	var out found
	var err error
	if out.all, err = r.services(ctx, run.Namespace); err != nil {
		return out, err
	}
	out.services = serving(out.all, run.Pods)
	if run.Source != v1alpha1.TrafficWeighted {
		return out, nil
	}
	err = r.eachRoute(ctx, run.Namespace, func(seen seenRoute) {
		if seen.record != nil || slices.ContainsFunc(out.services, func(s corev1.Service) bool { return seen.Names(run.Namespace, s.Name, seen.user) }) {
			out.routes = append(out.routes, seen)
		}
	})
	if err != nil {
		return out, err
	}
	return out, r.reach(ctx, run, &out)
}

func (r Router) services(ctx context.Context, namespace string) ([]corev1.Service, error) {
	var out []corev1.Service
	err := r.Live.Each(ctx, listing.Query{Kind: corev1.SchemeGroupVersion.WithKind("Service"), Namespace: namespace, Most: r.most}, func(object []byte) error {
		service, err := listing.Decode[corev1.Service](object)
		if err == nil && len(surround.Selector(service)) > 0 {
			out = append(out, service)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list Services: %w", err)
	}
	return out, nil
}

// Without are the labels that pods of a canary leave out, so that they are behind none of the Services, and counted by no
// autoscaler of their Deployment, which has this selector.
func (r Router) Without(ctx context.Context, namespace string, selector *metav1.LabelSelector, pods map[string]string) ([]string, error) {
	services, err := r.services(ctx, namespace)
	return Apart(services, selector, pods), err
}

// eachRoute visits the routes of a namespace, of whichever kinds the cluster has.
func (r Router) eachRoute(ctx context.Context, namespace string, visit func(seenRoute)) error {
	there := map[schema.GroupKind]bool{}
	for _, kind := range kinds {
		if there[kind.GroupKind()] {
			continue // in a newer version
		}
		dialect, _ := route.DialectOf(kind.Group, kind.Kind)
		err := r.Live.Each(ctx, listing.Query{Kind: kind, Namespace: namespace, Most: r.most}, func(object []byte) error {
			fields, err := listing.Decode[map[string]any](object)
			if err != nil {
				return err
			}
			seen := seenRoute{Dialect: dialect, object: &unstructured.Unstructured{Object: fields}}
			seen.object.SetGroupVersionKind(kind)
			seen.user = dialect.RulesOf(fields)
			record, err := r.open(seen.object)
			if err != nil { // with another key, it says still how the share comes off
				record, err = route.ReadOf(seen.object.GetAnnotations()[v1alpha1.OverlayAnnotation], seen.object.GetUID())
				seen.unsealed = true
			}
			if err == nil && !dialect.TooMany(record.Rules) {
				seen.read(record)
			}
			visit(seen)
			return nil
		})
		if err != nil && !meta.IsNoMatchError(err) && !apierrors.IsNotFound(err) {
			return fmt.Errorf("list %ss: %w", kind.Kind, err)
		}
		there[kind.GroupKind()] = err == nil
	}
	return nil
}

// read finds what the user of a route asks for that has a record.
func (r *seenRoute) read(record route.Record) {
	standing, err := r.StandingOn(r.object.GetNamespace(), record, r.user)
	if err != nil {
		return
	}
	r.record, r.user = &record, standing.User
	r.whole = sameRules(record.Rules, standing.User)
}

// served says whether the Services of the canary are there, and how many Ready pods the one with the
// fewest has.
func (r Router) served(ctx context.Context, run Run, seen found) (all bool, fewest int32, err error) {
	fewest = -1
	own := seen.servicesOf(run)
	for _, name := range seen.reached(run) {
		n, err := r.endpoints(ctx, run.Namespace, run.canaryOf(name))
		if err != nil || !slices.Contains(own, run.canaryOf(name)) {
			return false, 0, err
		}
		if fewest < 0 || n < fewest {
			fewest = n
		}
	}
	return fewest >= 0, max(fewest, 0), nil
}

// servicesOf are the names of the Services of the canary's own.
func (f found) servicesOf(run Run) []string {
	var out []string
	for i := range f.all {
		if owner := metav1.GetControllerOf(&f.all[i]); owner != nil && owner.UID == run.UID {
			out = append(out, f.all[i].Name)
		}
	}
	return out
}

// reached are the Services of the Deployment beside which the canary has one: where routes give it its share, those that
// they send requests to.
func (f found) reached(run Run) []string {
	var out []string
	if run.Source != v1alpha1.TrafficWeighted {
		for _, s := range f.services {
			out = append(out, s.Name)
		}
		return out
	}
	for _, r := range f.routes {
		out = append(out, r.services...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (r Router) endpoints(ctx context.Context, namespace, service string) (int32, error) {
	ready := map[string]bool{}
	err := r.Live.Each(ctx, listing.Query{
		Kind: discoveryv1.SchemeGroupVersion.WithKind("EndpointSlice"), Namespace: namespace,
		Selector: labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: service}),
	}, func(object []byte) error {
		slice, err := listing.Decode[discoveryv1.EndpointSlice](object)
		for _, e := range slice.Endpoints {
			if e.TargetRef != nil && e.Conditions.Ready != nil && *e.Conditions.Ready {
				ready[e.TargetRef.Name] = true
			}
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("list EndpointSlices of Service %q: %w", service, err)
	}
	return int32(len(ready)), nil
}
