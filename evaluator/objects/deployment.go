package objects

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
)

// templateHashField stands in the cache below spec, in place of the template.
const templateHashField = "holdfast-template-hash"

// Deployment is a Deployment as the cache keeps it (see trimDeployment).
type Deployment struct{ *unstructured.Unstructured }

// NewDeployment is a Deployment to be read into.
func NewDeployment() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(workload.DeploymentKind)
	return u
}

// Annotation is the value of an annotation; "" without it.
func (d Deployment) Annotation(key string) string { return d.GetAnnotations()[key] }

// Hash is that of the template it runs; "" if it has none.
func (d Deployment) Hash() hold.Hash {
	hash, _, _ := unstructured.NestedString(d.Object, "spec", templateHashField)
	return hold.Hash(hash)
}

// View is what package workload reads of it. Its template is not there.
func (d Deployment) View() workload.Deployment { return workload.Deployment{Object: d.Object} }

// Replicas is how many pods are asked for.
func (d Deployment) Replicas() int32 { return int32(d.View().Replicas()) }

// Progressing is the reason of its condition Progressing. It is "" where that is
// Holdfast's own and tells of a rejection, not of a rollout, and where the
// controller has not seen the template that has just been released: what the
// condition says is then of the one before.
func (d Deployment) Progressing() string {
	status := d.View().Status()
	held := d.Annotation(v1alpha1.HeldAnnotation) != "" // the webhook sets observedGeneration back (ADR 8)
	if status.TellsOfRejection() || !held && status.Count(workload.ObservedGeneration) < d.GetGeneration() {
		return ""
	}
	return status.ProgressReason()
}

// Annotate writes annotations of a Deployment (null takes one off), if it is
// still the object that was read. A merge patch touches nothing else, so the
// fields this program does not know stay as they are.
//
// A write that is no release takes off what release somebody may have asked for
// while no webhook was there to leave it out, or the webhook would act on it now.
func Annotate(ctx context.Context, writer client.Writer, d Deployment, annotations map[string]any) error {
	if _, release := annotations[v1alpha1.ReleaseAnnotation]; !release {
		annotations = maps.Clone(annotations)
		annotations[v1alpha1.ReleaseAnnotation] = nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"resourceVersion": d.GetResourceVersion(),
		"annotations":     annotations,
	}})
	if err != nil {
		return fmt.Errorf("encode annotations: %w", err)
	}
	target := NewDeployment()
	target.SetNamespace(d.GetNamespace())
	target.SetName(d.GetName())
	if err := writer.Patch(ctx, target, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return fmt.Errorf("annotate Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	return nil
}

// NewNamespace is a namespace of which the metadata is to be read.
func NewNamespace() *metav1.PartialObjectMetadata {
	ns := &metav1.PartialObjectMetadata{}
	ns.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	return ns
}

// Owns says whether the Deployment is the controller of an object.
func (d Deployment) Owns(o metav1.Object) bool {
	owner := metav1.GetControllerOf(o)
	return owner != nil && owner.UID == d.GetUID()
}

// NewPlan is a CanaryPlan of which the name is known only. Plans are watched as
// such and read from the API server when a run needs one, which is once: a
// namespace may have thousands, of a megabyte each.
func NewPlan() *metav1.PartialObjectMetadata {
	p := &metav1.PartialObjectMetadata{}
	p.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("CanaryPlan"))
	return p
}
