package traffic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/route"
)

// ErrStale is for a route that somebody has written since it was read.
var ErrStale = errors.New("a route has changed meanwhile")

func sameRules(a, b []any) bool { return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b) }

// Share has the routes give the canary of a run this share, and the requests with these headers; neither
// makes them what their users ask for. A route that sends nothing to the Deployment any more is made that
// too.
func (r Router) Share(ctx context.Context, run Run, percent int32, match ...route.Header) error {
	nothing := percent == 0 && len(match) == 0
	seen, err := r.find(ctx, run)
	if err != nil {
		return err
	}
	for _, s := range seen.routes {
		switch {
		case s.mine && (nothing || len(s.services) != 1):
			err = r.write(ctx, s, s.user, nil)
		case !nothing && len(s.services) == 1 && (s.record == nil || s.mine):
			err = r.lay(ctx, run, s, s.overlay(run, percent, match))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r Router) lay(ctx context.Context, run Run, s seenRoute, o route.Overlay) error {
	record := s.recordOf(run, o)
	if s.whole && !s.unsealed && reflect.DeepEqual(*s.record, record) {
		return nil
	}
	laid, err := s.Lay(o, s.user)
	if err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	return r.write(ctx, s, laid, &record)
}

// TakeOff makes the routes of a namespace, or of all where it is "", what their users ask for, if they carry
// the share of a run for which this is true, and returns which they were. Where Holdfast may not change
// routes it has laid nothing over them.
func (r Router) TakeOff(ctx context.Context, namespace string, of func(namespace, run string) bool) (off []string, err error) {
	var routes []seenRoute
	r.most = listing.NoLimit // of all but those nothing is kept
	err = r.eachRoute(ctx, namespace, func(s seenRoute) {
		if s.record != nil && of(s.object.GetNamespace(), s.record.Run) {
			routes = append(routes, s)
		}
	})
	if apierrors.IsForbidden(err) {
		err = nil
	}
	for _, s := range routes {
		wrote := r.write(ctx, s, s.user, nil)
		if err = errors.Join(err, wrote); wrote == nil {
			off = append(off, fmt.Sprintf("%s %s/%s", s.object.GetKind(), s.object.GetNamespace(), s.object.GetName()))
		}
	}
	return off, err
}

// write changes rules and record of a route, and nothing else. Whoever owns the rules owns them still:
// the webhook sees to that, and where it is away a second write does.
func (r Router) write(ctx context.Context, s seenRoute, rules []any, record *route.Record) error {
	annotations := any(map[string]any{v1alpha1.OverlayAnnotation: nil})
	if record != nil {
		encoded, err := route.Seal(r.Key, *record)
		if err != nil {
			return err
		}
		annotations = map[string]any{v1alpha1.OverlayAnnotation: encoded}
	} else if _, has := s.object.GetAnnotations()[v1alpha1.OverlayAnnotation]; has && len(s.object.GetAnnotations()) == 1 {
		annotations = nil
	}
	var to any
	if rules != nil {
		to = rules
	}
	after, err := r.patch(ctx, s, map[string]any{
		"metadata": map[string]any{"resourceVersion": s.object.GetResourceVersion(), "annotations": annotations},
		"spec":     map[string]any{s.Rules: to},
	})
	if err != nil || after == nil {
		return err
	}
	ctrl.LoggerFrom(ctx).Info("route written", "route", s.String(), "laid", record != nil)
	owners, _, _ := unstructured.NestedSlice(s.object.Object, "metadata", "managedFields")
	now, _, _ := unstructured.NestedSlice(after.Object, "metadata", "managedFields")
	if len(owners) == 0 || reflect.DeepEqual(owners, now) {
		return nil
	}
	_, err = r.patch(ctx, s, map[string]any{
		"metadata": map[string]any{"resourceVersion": after.GetResourceVersion(), "managedFields": owners},
	})
	return err
}

// patch returns the route after it, nil where it is gone.
func (r Router) patch(ctx context.Context, s seenRoute, change map[string]any) (*unstructured.Unstructured, error) {
	body, err := json.Marshal(change)
	if err != nil {
		return nil, fmt.Errorf("encode a change of %s: %w", s, err)
	}
	target := &unstructured.Unstructured{}
	target.SetGroupVersionKind(s.object.GroupVersionKind())
	target.SetNamespace(s.object.GetNamespace())
	target.SetName(s.object.GetName())
	err = r.Writer.Patch(ctx, target, client.RawPatch(types.MergePatchType, body), client.FieldOwner("holdfast"))
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case apierrors.IsConflict(err):
		return nil, fmt.Errorf("%w: %s", ErrStale, s)
	case err != nil:
		return nil, fmt.Errorf("write %s: %w", s, err)
	}
	return target, nil
}
