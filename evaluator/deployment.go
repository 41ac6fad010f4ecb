package evaluator

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

// deployment is a Deployment as the cache keeps it (see trimDeployment).
type deployment struct{ *unstructured.Unstructured }

func newDeployment() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(workload.DeploymentKind)
	return u
}

func (d deployment) annotation(key string) string { return d.GetAnnotations()[key] }

// hash is that of the template it runs; "" if it has none.
func (d deployment) hash() hold.Hash {
	hash, _, _ := unstructured.NestedString(d.Object, "spec", templateHashField)
	return hold.Hash(hash)
}

// alias says by which other hash the template is known that it runs.
func (d deployment) alias() hold.Alias {
	return hold.ParseAlias(d.annotation(v1alpha1.RestartedAnnotation))
}

// view is what package workload reads of it. Its template is not there.
func (d deployment) view() workload.Deployment { return workload.Deployment{Object: d.Object} }

func (d deployment) replicas() int32 { return int32(d.view().Replicas()) }

// progressing is the reason of its condition Progressing. It is "" where that is
// Holdfast's own and tells of a rejection, not of a rollout, and where the
// controller has not seen the template that has just been released: what the
// condition says is then of the one before.
func (d deployment) progressing() string {
	status := d.view().Status()
	held := d.annotation(v1alpha1.HeldAnnotation) != "" // the webhook sets observedGeneration back (ADR 8)
	if status.TellsOfRejection() || !held && status.Count(workload.ObservedGeneration) < d.GetGeneration() {
		return ""
	}
	return status.ProgressReason()
}

// annotate writes annotations of a Deployment (null takes one off), if it is
// still the object that was read. A merge patch touches nothing else, so the
// fields this program does not know stay as they are.
//
// A write that is no release takes off what release somebody may have asked for
// while no webhook was there to leave it out, or the webhook would act on it now.
func annotate(ctx context.Context, writer client.Writer, d deployment, annotations map[string]any) error {
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
	target := newDeployment()
	target.SetNamespace(d.GetNamespace())
	target.SetName(d.GetName())
	if err := writer.Patch(ctx, target, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return fmt.Errorf("annotate Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	return nil
}

func newNamespace() *metav1.PartialObjectMetadata {
	ns := &metav1.PartialObjectMetadata{}
	ns.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	return ns
}

// owns says whether the Deployment is the controller of an object.
func (d deployment) owns(o metav1.Object) bool {
	owner := metav1.GetControllerOf(o)
	return owner != nil && owner.UID == d.GetUID()
}

// newPlan is a CanaryPlan of which the name is known only. Plans are watched as
// such and read from the API server when a run needs one, which is once: a
// namespace may have thousands, of a megabyte each.
func newPlan() *metav1.PartialObjectMetadata {
	p := &metav1.PartialObjectMetadata{}
	p.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("CanaryPlan"))
	return p
}
