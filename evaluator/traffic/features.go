package traffic

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/route"
)

// What a gateway can its GatewayClass lists (status.supportedFeatures). Before anything is laid over a route
// that is looked at. Weights and headers are of the core of each kind, so it is asked for the kind; copies of
// requests are asked for by name. A class that lists nothing says nothing. Then weights are laid, for the
// route's status tells what comes of it. Copies are not: of a filter that it does not know a gateway may say
// that it is accepted, and answer the requests of production with errors (Traefik 3.6 does).

const gatewayAPIGroup = "gateway.networking.k8s.io"

// parent is what a route names as where it belongs.
type parent struct {
	// name is for people, such as "Gateway infra/web".
	name string
	// class is the name of its GatewayClass, "" where it is not known to have one. lists are the features that
	// this lists.
	class string
	lists map[string]bool
}

// The features that are asked for, as the Gateway API calls them. A kind is one of itself.
const (
	mirrors          = "HTTPRouteRequestMirror"
	mirrorsSome      = "HTTPRouteRequestPercentageMirror"
	mirrorsMoreTimes = "HTTPRouteRequestMultipleMirrors"
)

// able finds what the gateways cannot of the routes that carry nothing yet.
func (r Router) able(ctx context.Context, run Run, f *found) error {
	for i := range f.routes {
		seen := &f.routes[i]
		if seen.record != nil || len(seen.services) == 0 || seen.isIstios() {
			continue
		}
		parents, err := r.parents(ctx, seen.object)
		if err != nil {
			return err
		}
		seen.lacks = seen.lacking(run, parents)
	}
	return nil
}

// lacking says what a gateway of a route does not list that a run needs, "" if nothing.
func (r seenRoute) lacking(run Run, parents []parent) string {
	for _, p := range parents {
		kind := r.object.GetKind()
		pending, refused := r.accepted()
		if len(p.lists) > 0 && !p.lists[kind] && pending+refused != "" { // one that has taken it, can
			return p.without(r, kind)
		}
		for _, feature := range r.needs(run) {
			if !p.lists[feature] {
				return p.without(r, feature)
			}
		}
	}
	return ""
}

// needs are the features beyond the core.
func (r seenRoute) needs(run Run) []string {
	if run.Source != v1alpha1.TrafficMirror || r.object.GetKind() != "HTTPRoute" { // of others Lay says so
		return nil
	}
	out := []string{mirrors}
	if run.Partly {
		out = append(out, mirrorsSome)
	}
	for i, service := range r.services {
		if r.MirrorsAlready(route.Overlay{Namespace: run.Namespace, Service: service, Parts: r.parts[i]}, r.user) {
			return append(out, mirrorsMoreTimes)
		}
	}
	return out
}

// without says that a parent of a route does not list a feature.
func (p parent) without(r seenRoute, feature string) string {
	var remedy string
	switch feature {
	case mirrors:
		remedy = "its answers to production might be errors; have another traffic.source"
	case mirrorsSome:
		remedy = "it might copy all requests; have weight: 100"
	case mirrorsMoreTimes:
		remedy = "a rule copies its requests already; have another traffic.source"
	default:
		remedy = "it follows no route of this kind; have a route of another, or another gateway"
	}
	switch {
	case p.class == "":
		return fmt.Sprintf("%s: nobody says whether %s can %s: %s", r, p.name, feature, remedy)
	case len(p.lists) == 0:
		return fmt.Sprintf("%s: GatewayClass %s of %s lists no supportedFeatures, and so not %s: %s", r, p.class, p.name, feature, remedy)
	}
	return fmt.Sprintf("%s: GatewayClass %s of %s does not list %s among its supportedFeatures: %s", r, p.class, p.name, feature, remedy)
}

// parents are those that a route names, with what is known of them. What may not be read is not known.
func (r Router) parents(ctx context.Context, object *unstructured.Unstructured) ([]parent, error) {
	var out []parent
	refs, _, _ := unstructured.NestedSlice(object.Object, "spec", "parentRefs")
	for _, ref := range refs {
		fields, _ := ref.(map[string]any)
		kind, name := textOr(fields["kind"], "Gateway"), textOr(fields["name"], "")
		namespace := textOr(fields["namespace"], object.GetNamespace())
		p := parent{name: fmt.Sprintf("%s %s/%s", kind, namespace, name)}
		if textOr(fields["group"], gatewayAPIGroup) == gatewayAPIGroup && kind == "Gateway" {
			gateway, err := r.get(ctx, kind, client.ObjectKey{Namespace: namespace, Name: name})
			if err != nil {
				return nil, err
			}
			p.class, _, _ = unstructured.NestedString(gateway, "spec", "gatewayClassName")
		}
		if p.class != "" {
			class, err := r.get(ctx, "GatewayClass", client.ObjectKey{Name: p.class})
			if err != nil {
				return nil, err
			}
			p.lists = featuresOf(class)
		}
		out = append(out, p)
	}
	return out, nil
}

// get reads an object of the Gateway API, nil where there is none, or where Holdfast may not.
func (r Router) get(ctx context.Context, kind string, key client.ObjectKey) (map[string]any, error) {
	out := &unstructured.Unstructured{}
	out.SetGroupVersionKind(schema.GroupVersionKind{Group: gatewayAPIGroup, Version: "v1", Kind: kind})
	err := r.Live.Get(ctx, key, out)
	switch {
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err), meta.IsNoMatchError(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read %s %s: %w", kind, key, err)
	}
	return out.Object, nil
}

// featuresOf are those that a GatewayClass lists: objects with a name, in versions before 1.2 names.
func featuresOf(class map[string]any) map[string]bool {
	out := map[string]bool{}
	list, _, _ := unstructured.NestedSlice(class, "status", "supportedFeatures")
	for _, entry := range list {
		name, _ := entry.(string)
		if fields, is := entry.(map[string]any); is {
			name, _ = fields["name"].(string)
		}
		out[name] = true
	}
	return out
}
