package traffic

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/route"
)

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
	// unsealed says that the record is not by the key there is: it serves to take the share off, and is written
	// anew where the share is laid.
	unsealed bool
	// services are those of the Deployment that it sends requests to, and parts those of each that its pods are
	// in.
	services []string
	parts    [][]string
	// lacks is what a gateway does not list that the run needs, "" where it is not looked for, or nothing.
	lacks string
	// unknown says that nobody knows whether the Deployment's pods are in a part of a Service.
	unknown string
}

func (r seenRoute) String() string { return r.object.GetKind() + "/" + r.object.GetName() }

func (r seenRoute) recordOf(run Run, o route.Overlay) route.Record {
	return route.Record{
		UID: r.object.GetUID(), Run: run.Name, Service: o.Service, Canary: o.Canary, Parts: o.Parts, Percent: o.Percent, Mirror: o.Mirror, Match: o.Match, Rules: r.user,
	}
}

func (r seenRoute) overlay(run Run, percent int32, match []route.Header) route.Overlay {
	return route.Overlay{
		Namespace: run.Namespace, Service: r.services[0], Canary: run.canaryOf(r.services[0]), Parts: r.parts[0], Percent: int64(percent), Match: match,
		Mirror: run.Source == v1alpha1.TrafficMirror,
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
	if !run.Source.ByRoutes() {
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
	r.whole = sameRules(record.Rules, standing.User) && r.IsLaid(r.object.GetNamespace(), record, r.user)
	r.record, r.user = &record, standing.User
}
