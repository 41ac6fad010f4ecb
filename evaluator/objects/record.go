package objects

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/guard"
	"holdfast.dev/holdfast/internal/hold"
)

// Stamp is which template of a Deployment was last let through; false without a stamp of Holdfast's.
func (r *Reader) Stamp(d Deployment) (hold.Stamp, bool) {
	return r.Key.OpenStamp(d.Annotation(v1alpha1.StableAnnotation), d.GetUID())
}

// Stamped says whether each Deployment of a namespace that is guarded has a stamp.
func (r *Reader) Stamped(ctx context.Context, ns *metav1.PartialObjectMetadata) (bool, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("DeploymentList"))
	if err := r.Cached.List(ctx, list, client.InNamespace(ns.Name), client.UnsafeDisableDeepCopy); err != nil {
		return false, fmt.Errorf("list the Deployments of namespace %q: %w", ns.Name, err)
	}
	for i := range list.Items {
		d := Deployment{&list.Items[i]}
		if d.GetDeletionTimestamp() != nil || d.Hash() == "" || !guard.Guarded(nil, ns.Labels, d.GetAnnotations()) {
			continue
		}
		if _, stamped := r.Stamp(d); !stamped {
			return false, nil
		}
	}
	return true, nil
}

// Alias says by which other hash the template is known that a Deployment runs.
func (r *Reader) Alias(d Deployment) hold.Alias {
	return r.Key.OpenAlias(d.Annotation(v1alpha1.RestartedAnnotation), d.GetUID())
}

// OpenRecord opens the held record of a Deployment; nil without one.
func (r *Reader) OpenRecord(d Deployment) (*hold.Record, error) {
	encoded := d.Annotation(v1alpha1.HeldAnnotation)
	if encoded == "" {
		return nil, nil
	}
	record, err := r.Key.Open(encoded, d.GetUID())
	if err != nil {
		return nil, fmt.Errorf("open the held record: %w", err)
	}
	return &record, nil
}

// NextRecord is the record of the update that waits behind another, as the webhook would have
// written it had nothing been held before it; nil where none waits.
func (r *Reader) NextRecord(record *hold.Record) (any, error) {
	if record == nil || record.Next == nil {
		return nil, nil
	}
	return r.Key.Seal(*record.Next)
}

// GiveWay ends a hold for the update that waits behind it.
func (r *Reader) GiveWay(ctx context.Context, writer client.Writer, d Deployment, record *hold.Record) error {
	next, err := r.NextRecord(record)
	if err != nil {
		return err
	}
	if next == nil {
		return fmt.Errorf("%w: no update waits", ErrStale)
	}
	return Annotate(ctx, writer, d, map[string]any{v1alpha1.HeldAnnotation: next})
}

// OfAnother is what the held record of a Deployment says of itself if it is that
// of another one; nil otherwise.
func (d Deployment) OfAnother() *hold.Label {
	label, err := hold.ReadLabel(d.Annotation(v1alpha1.HeldAnnotation))
	if err != nil || label.UID == d.GetUID() {
		return nil
	}
	return &label
}
