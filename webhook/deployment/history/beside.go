package history

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/surround"
)

// What stands beside a Deployment is worth no more to be found out than this: what cannot be read in time is
// not told.
const (
	Time        = 3 * time.Second
	MaxNeeds    = 20
	besideBytes = 8 << 20
	needsAtOnce = 4
)

// +kubebuilder:rbac:groups=core,resources=services,verbs=list
// +kubebuilder:rbac:groups=core,resources=configmaps,verbs=get

// Services are those of a namespace, none if they cannot be read. They are read from the API server's cache,
// which has heard of one that stands before the Deployment in the same file by then: a list of this very
// moment waits up to a tenth of a second until the cache is known to be as new, and that is longer than all
// else. One that it has not heard of yet the evaluator sees when the run begins.
func (h Server) Services(ctx context.Context, namespace string) []surround.Service {
	var services []surround.Service
	q := listing.Query{
		Kind: corev1.SchemeGroupVersion.WithKind("Service"), Namespace: namespace, Cached: true, Most: besideBytes, Until: time.Now().Add(Time),
	}
	err := h.Reader.Each(ctx, q, func(object []byte) error {
		service, err := listing.Decode[corev1.Service](object)
		if err == nil && len(service.Spec.Selector) > 0 {
			services = append(services, surround.View(service))
		}
		return err
	})
	if err != nil {
		return nil
	}
	return services
}

// Gone are those of some objects that are not there, as far as Holdfast may know.
func (h Server) Gone(ctx context.Context, namespace string, needs []surround.Reference) []surround.Reference {
	needs = needs[:min(len(needs), MaxNeeds)]
	found := make([]error, len(needs))
	var some errgroup.Group
	some.SetLimit(needsAtOnce)
	for i, need := range needs {
		some.Go(func() error {
			o := &metav1.PartialObjectMetadata{}
			o.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(need.Kind))
			found[i] = h.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: need.Name}, o)
			return nil
		})
	}
	_ = some.Wait() // what was found is in found
	var out []surround.Reference
	for i, need := range needs {
		switch err := found[i]; {
		case apierrors.IsNotFound(err):
			out = append(out, need)
		case err != nil && !apierrors.IsForbidden(err): // there may be no time left
			return out
		}
	}
	return out
}
