package traffic

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/surround"
)

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

// Without are the labels that pods of a canary leave out, so that they are behind none of the Services, and
// counted by no autoscaler of their Deployment, which has this selector.
func (r Router) Without(ctx context.Context, namespace string, selector *metav1.LabelSelector, pods map[string]string) ([]string, error) {
	services, err := r.services(ctx, namespace)
	return Apart(services, selector, pods), err
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

// reached are the Services of the Deployment beside which the canary has one: where routes give it its share,
// those that they send requests to.
func (f found) reached(run Run) []string {
	var out []string
	if !run.Source.ByRoutes() {
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
