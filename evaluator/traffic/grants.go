package traffic

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"holdfast.dev/holdfast/internal/listing"
)

// No share is laid over routes of other namespaces (docs/adr/0050): a ReferenceGrant says that such send
// requests here, and who expects them to be shared is told.

// referenceGrants are the versions in which they are served.
var referenceGrants = []schema.GroupVersionKind{
	{Group: gatewayAPIGroup, Version: "v1", Kind: "ReferenceGrant"},
	{Group: gatewayAPIGroup, Version: "v1beta1", Kind: "ReferenceGrant"},
}

// grant is what is read of a ReferenceGrant.
type grant struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		From []struct {
			Group     string `json:"group"`
			Kind      string `json:"kind"`
			Namespace string `json:"namespace"`
		} `json:"from"`
		To []struct {
			Group string `json:"group"`
			Kind  string `json:"kind"`
			Name  string `json:"name"`
		} `json:"to"`
	} `json:"spec"`
}

// elsewhere says which routes of other namespaces may send requests to a Service of the Deployment, past its
// canary: "" where none may, or Holdfast may not know.
func (r Router) elsewhere(ctx context.Context, run Run, services []corev1.Service) (string, error) {
	if !run.Source.ByRoutes() || len(services) == 0 {
		return "", nil
	}
	says := ""
	for _, version := range referenceGrants {
		err := r.Live.Each(ctx, listing.Query{Kind: version, Namespace: run.Namespace, Most: r.most}, func(object []byte) error {
			g, err := listing.Decode[grant](object)
			if from, to := g.lets(services); says == "" && from != "" {
				says = fmt.Sprintf("ReferenceGrant %s lets %s send requests to Service %s, and traffic.source %s lays no share over routes of other namespaces; have such a route in namespace %s (its parentRefs may name a Gateway of another), or source: Service",
					g.Metadata.Name, from, to, run.Source, run.Namespace)
			}
			return err
		})
		switch {
		case err == nil, apierrors.IsForbidden(err):
			return says, nil
		case !meta.IsNoMatchError(err) && !apierrors.IsNotFound(err):
			return "", fmt.Errorf("list ReferenceGrants: %w", err)
		}
	}
	return "", nil
}

// lets says which routes it lets send requests to which of the Services, both "" where it lets none.
func (g grant) lets(services []corev1.Service) (from, to string) {
	i := slices.IndexFunc(services, func(s corev1.Service) bool {
		for _, t := range g.Spec.To {
			if t.Group == "" && t.Kind == "Service" && (t.Name == "" || t.Name == s.Name) {
				return true
			}
		}
		return false
	})
	var routes []string
	for _, f := range g.Spec.From {
		if f.Group == gatewayAPIGroup && (f.Kind == "HTTPRoute" || f.Kind == "GRPCRoute") {
			routes = append(routes, fmt.Sprintf("%ss of namespace %s", f.Kind, f.Namespace))
		}
	}
	if i < 0 || len(routes) == 0 {
		return "", ""
	}
	return strings.Join(routes, " and "), services[i].Name
}
