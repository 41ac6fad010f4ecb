package traffic

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/route"
)

const istio = "networking.istio.io"

// virtualServices are Istio's routes by the versions that it serves them in, all with the same fields:
// releases before
// 1.22 have no v1.
var virtualServices = []schema.GroupVersionKind{
	{Group: istio, Version: "v1", Kind: "VirtualService"},
	{Group: istio, Version: "v1beta1", Kind: "VirtualService"},
}

// subset is a part of the pods behind a Service, which Istio's routes may name.
type subset struct{ service, name string }

// destinationRule is what is read of one.
type destinationRule struct {
	Spec struct {
		Host    string `json:"host"`
		Subsets []struct {
			Name   string            `json:"name"`
			Labels map[string]string `json:"labels"`
		} `json:"subsets"`
	} `json:"spec"`
}

// subsets are those that the DestinationRules of a namespace have, by whether pods with these labels are in
// them. Istio looks for them in the namespace of whoever sends a request as well, and in its own; other
// namespaces are not looked at.
func (r Router) subsets(ctx context.Context, namespace string, pods map[string]string) (map[subset]bool, error) {
	out := map[subset]bool{}
	for _, version := range virtualServices {
		err := r.Live.Each(ctx, listing.Query{Kind: version.GroupVersion().WithKind("DestinationRule"), Namespace: namespace, Most: r.most}, func(object []byte) error {
			rule, err := listing.Decode[destinationRule](object)
			service := route.ServiceOfHost(rule.Spec.Host, namespace)
			for _, s := range rule.Spec.Subsets {
				if service != "" {
					key := subset{service, s.Name}
					out[key] = out[key] || labels.SelectorFromSet(s.Labels).Matches(labels.Set(pods))
				}
			}
			return err
		})
		switch {
		case err == nil:
			return out, nil
		case !meta.IsNoMatchError(err) && !apierrors.IsNotFound(err):
			return nil, fmt.Errorf("list DestinationRules: %w", err)
		}
	}
	return out, nil
}

// reach finds which Services of the Deployment the routes send requests to, and leaves out those that reach
// none and carry nothing of the run. Of subsets those count in which the Deployment's pods are.
func (r Router) reach(ctx context.Context, run Run, f *found) error {
	var subsets map[subset]bool
	for i := range f.routes {
		seen := &f.routes[i]
		for _, s := range f.services {
			o := route.Overlay{Namespace: run.Namespace, Service: s.Name}
			named := seen.Parts(run.Namespace, s.Name, seen.user)
			if len(named) > 0 && subsets == nil {
				var err error
				if subsets, err = r.subsets(ctx, run.Namespace, run.Pods); err != nil {
					return err
				}
			}
			unknown := false
			for _, part := range named {
				ours, known := subsets[subset{s.Name, part}]
				switch {
				case ours:
					o.Parts = append(o.Parts, part)
				case !known:
					unknown = true
					seen.unknown = fmt.Sprintf("%s sends requests to subset %s of Service %s, and no DestinationRule of the namespace says which pods that are; have one there, or leave the subset out", seen, part, s.Name)
				}
			}
			if unknown || seen.Reaches(o, seen.user) {
				seen.services = append(seen.services, s.Name)
				seen.parts = append(seen.parts, o.Parts)
			}
		}
		seen.mine = seen.record != nil && seen.record.Run == run.Name
		if seen.mine { // not of a run of that name that was deleted
			at := slices.Index(seen.services, seen.record.Service)
			seen.whole = seen.whole && seen.record.Canary == run.canaryOf(seen.record.Service) && (at < 0 || slices.Equal(seen.record.Parts, seen.parts[at]))
		}
	}
	f.routes = slices.DeleteFunc(f.routes, func(seen seenRoute) bool { return !seen.mine && len(seen.services) == 0 })
	return nil
}

// isIstios says whether a route is one of Istio's.
func (r seenRoute) isIstios() bool { return r.object.GroupVersionKind().Group == istio }

// silent says whether nobody says that he follows a route as it is, nor that he does not.
func (r seenRoute) silent() bool {
	_, says := r.reconciled()
	return r.isIstios() && !says
}

// reconciled reads what Istio says of a VirtualService as it is now, if it does: releases that have been told
// to (PILOT_ENABLE_STATUS) say whether all proxies have it. says is false where nothing is said of it as it
// is.
func (r seenRoute) reconciled() (pending string, says bool) {
	conditions, _, _ := unstructured.NestedSlice(r.object.Object, "status", "conditions")
	condition := conditionOf(conditions, "Reconciled")
	if condition == nil {
		return "", false
	}
	observed := generation(condition["observedGeneration"])
	if observed == 0 {
		status, _ := r.object.Object["status"].(map[string]any)
		observed = generation(status["observedGeneration"])
	}
	switch {
	case observed < r.object.GetGeneration():
		return "", false // nobody may ever say more: it is a switch
	case condition["status"] != "True":
		return fmt.Sprintf("not all proxies have %s yet: %v", r, condition["message"]), true
	}
	return "", true
}

// generation reads one that Istio writes: as a text, or as a number.
func generation(says any) int64 {
	switch observed := says.(type) {
	case int64:
		return observed
	case string:
		n, _ := strconv.ParseInt(observed, 10, 64)
		return n
	}
	return 0
}

// forIstio are the annotations of a Service by which Istio goes: to whom it is known (exportTo), above all. A
// mesh may be told to let none be known but by that.
func forIstio(annotations map[string]string) map[string]string {
	var out map[string]string
	for key, value := range annotations {
		if strings.HasPrefix(key, istio+"/") {
			if out == nil {
				out = map[string]string{}
			}
			out[key] = value
		}
	}
	return out
}
