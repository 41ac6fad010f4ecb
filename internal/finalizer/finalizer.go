// Package finalizer puts Holdfast's finalizer on ConfigMaps and takes it off, for webhook and evaluator.
// Which ones package surround says.
package finalizer

import (
	"context"
	"fmt"
	"sync"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/internal/surround"
)

// RBAC gives Holdfast no right to it but by manifests/components/protect-configmaps.

// Kind is that of the objects.
var Kind = corev1.SchemeGroupVersion.WithKind("ConfigMap")

// Patcher writes to the API server.
type Patcher interface {
	Create(ctx context.Context, object client.Object, options ...client.CreateOption) error
	Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error
}

// Patch puts the finalizer on a ConfigMap, or takes it off.
func Patch(ctx context.Context, w Patcher, namespace, name, uid string, on bool) error {
	target := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	target.SetGroupVersionKind(Kind)
	return w.Patch(ctx, target, client.RawPatch(types.StrategicMergePatchType, surround.FinalizerPatch(uid, on)))
}

// Right is whether Holdfast may change ConfigMaps. It is safe for use by several goroutines.
type Right struct {
	// Writer asks the API server.
	Writer Patcher
	// Now is the clock.
	Now func() time.Time

	mu  sync.Mutex
	may bool
	at  time.Time
}

// kept is for how long an answer is good.
const kept = 30 * time.Second

// May says whether Holdfast may list and patch the ConfigMaps of all namespaces. What it is allowed in some
// does not count: that may be gone with its namespace before the finalizers are.
func (r *Right) May(ctx context.Context) (bool, error) {
	now := r.Now()
	r.mu.Lock()
	may, fresh := r.may, !r.at.IsZero() && now.Before(r.at.Add(kept))
	r.mu.Unlock()
	if fresh {
		return may, nil
	}
	may = true
	for _, verb := range []string{"list", "patch"} {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: verb, Version: "v1", Resource: "configmaps"},
		}}
		if err := r.Writer.Create(ctx, review); err != nil && !apierrors.IsForbidden(err) {
			return false, fmt.Errorf("ask whether Holdfast may %s ConfigMaps: %w", verb, err)
		}
		may = may && review.Status.Allowed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.may, r.at = may, now
	return may, nil
}
