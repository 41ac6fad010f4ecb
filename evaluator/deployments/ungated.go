package deployments

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/tell"
	"holdfast.dev/holdfast/internal/guard"
	"holdfast.dev/holdfast/internal/hold"
)

// stampUngated compares what a guarded Deployment runs with what Holdfast last
// let through. Another template than the stamp says came while the webhook could not be
// reached. It is told before the stamp is put right, which is what tells a later
// evaluator of it: so each such update is told, and by one evaluator once.
//
// Without a stamp of Holdfast's the Deployment was made or opted in a moment ago, and gets
// one; or somebody took it off, and with it what tells of an update (see lost).
//
// The mark of a failed update goes with it, and what was held before: neither was
// the last thing that was asked for. A Deployment that is no longer guarded loses
// its stamp, or the first look at it when it is guarded again would take all that
// came meanwhile for ungated.
//
// Guarded is here what the webhook selects on: the label, not the annotation
// that it is derived from.
func (r *Reconciler) stampUngated(ctx context.Context, d objects.Deployment, runs []v1alpha1.CanaryRun) (bool, error) {
	ns, err := r.Objects.Namespace(ctx, d.GetNamespace())
	if err != nil {
		return false, err
	}
	running := d.Hash()
	stamp, stamped := r.Objects.Stamp(d)
	guarded := guard.Guarded(nil, ns.Labels, d.GetAnnotations())
	switch {
	case !guarded && (d.Annotation(v1alpha1.StableAnnotation) != "" || d.Annotation(v1alpha1.FailedAnnotation) != ""):
		return true, objects.Annotate(ctx, r.Writer, d, map[string]any{v1alpha1.StableAnnotation: nil, v1alpha1.FailedAnnotation: nil})
	case !guarded || running == "":
		return false, nil
	case stamped && stamp == hold.Stamp{Hash: running}:
		return false, r.noteStamped(ctx, ns)
	}
	marks := map[string]any{v1alpha1.StableAnnotation: r.Objects.Key.SealStamp(hold.Stamp{Hash: running}, d.GetUID())}
	ungated := stamped && !stamp.Covers(running, d.GetGeneration()) || !stamped && r.lost(d, ns)
	older := ungated && r.heldBefore(d, runs)
	if ungated {
		marks[v1alpha1.FailedAnnotation] = nil
	}
	if older {
		marks[v1alpha1.HeldAnnotation] = nil
	}
	if told := tell.Ungated(running, stamp.Hash, older); ungated && r.ungated.first(d, fmt.Sprint(d.GetGeneration(), told.Message)) {
		ctrl.LoggerFrom(ctx).Info("ungated update", "hash", running, "before", stamp.Hash, "droppedHold", older)
		r.Metrics.Ungated.Inc()
		r.tell(d, told)
	}
	return true, objects.Annotate(ctx, r.Writer, d, marks)
}

// What tells a Deployment that was just made: the generation to which it comes by being made and rolled out,
// for the deployment controller writes the number of its revision on it; and its age, by which whoever made
// it may have scaled it before it got its stamp. Who makes one may give it any template.
const (
	newborn = 2
	youth   = 15 * time.Second
)

// lost says whether a guarded Deployment without a stamp had one: nobody may write namespaces who only writes
// Deployments, and of this one it is known that each Deployment in it was stamped once. Those that were made
// since get theirs at the first look, before they grow old. With another key than the one that sealed it,
// after a restore in another cluster or after the key was lost, nothing is known, and all are stamped anew.
func (r *Reconciler) lost(d objects.Deployment, ns *metav1.PartialObjectMetadata) bool {
	young := r.Clock.Since(d.GetCreationTimestamp().Time) < youth
	return d.GetGeneration() > newborn && !young && r.knowsStamps(ns)
}

func (r *Reconciler) knowsStamps(ns *metav1.PartialObjectMetadata) bool {
	_, known := r.Objects.Key.OpenStamped(ns.Annotations[v1alpha1.StampedAnnotation], ns.UID)
	return known
}

// noteStamped writes on a guarded namespace that each guarded Deployment in it has a stamp, once that is so.
func (r *Reconciler) noteStamped(ctx context.Context, ns *metav1.PartialObjectMetadata) error {
	if !guard.Guarded(nil, ns.Labels, nil) || ns.DeletionTimestamp != nil || r.knowsStamps(ns) {
		return nil
	}
	all, err := r.Objects.Stamped(ctx, ns)
	if err != nil || !all {
		return err
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"resourceVersion": ns.ResourceVersion, // the guard may have ended since
		"annotations":     map[string]any{v1alpha1.StampedAnnotation: r.Objects.Key.SealStamped(r.Clock.Now().UTC().Format(time.RFC3339), ns.UID)},
	}})
	if err != nil {
		return fmt.Errorf("encode annotations: %w", err)
	}
	target := objects.NewNamespace()
	target.SetName(ns.Name)
	err = r.Writer.Patch(ctx, target, client.RawPatch(types.MergePatchType, patch))
	if apierrors.IsInvalid(err) { // its owners have filled the room for annotations: it is guarded as before
		return nil
	}
	if err != nil {
		return fmt.Errorf("annotate namespace %q: %w", ns.Name, err)
	}
	return nil
}

// heldBefore says whether what is held is older than the template that runs now:
// the run that tries it was made beside another. What came with the change is no
// older than it: a webhook after Holdfast changed the stable template of the
// request that was held.
func (r *Reconciler) heldBefore(d objects.Deployment, runs []v1alpha1.CanaryRun) bool {
	record, err := r.Objects.OpenRecord(d)
	now, tried := d.Hash(), r.Objects.Alias(d).Resolve(d.Hash()) // it may have been restarted since
	return err == nil && record != nil && slices.ContainsFunc(runs, func(r v1alpha1.CanaryRun) bool {
		beside := hold.Hash(r.Annotations[v1alpha1.StableAnnotation])
		return r.Spec.Hold == record.ID && beside != "" && beside != now && beside != tried
	})
}
