package evaluator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
)

// templateHashField stands in the cache below spec, in place of the template.
const templateHashField = "holdfast-template-hash"

// deployment is a Deployment as the cache keeps it (see trimDeployment).
type deployment struct{ *unstructured.Unstructured }

func newDeployment() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	return u
}

func (e *evaluator) getDeployment(ctx context.Context, name types.NamespacedName) (deployment, error) {
	d := deployment{newDeployment()}
	if err := e.cached.Get(ctx, name, d.Unstructured); err != nil {
		return d, fmt.Errorf("read Deployment %q: %w", name, err)
	}
	return d, nil
}

func (d deployment) annotation(key string) string { return d.GetAnnotations()[key] }

// hash is that of the template it runs; "" if it has none.
func (d deployment) hash() hold.Hash {
	hash, _, _ := unstructured.NestedString(d.Object, "spec", templateHashField)
	return hold.Hash(hash)
}

func (d deployment) replicas() int32 {
	n, found, err := unstructured.NestedInt64(d.Object, "spec", "replicas")
	if !found || err != nil {
		return 1
	}
	return int32(n)
}

func (d deployment) minReadySeconds() int64 {
	n, _, _ := unstructured.NestedInt64(d.Object, "spec", "minReadySeconds")
	return n
}

func (d deployment) paused() bool {
	paused, _, _ := unstructured.NestedBool(d.Object, "spec", "paused")
	return paused
}

func (d deployment) selector() (*metav1.LabelSelector, error) {
	raw, _, _ := unstructured.NestedMap(d.Object, "spec", "selector")
	selector := &metav1.LabelSelector{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, selector); err != nil {
		return nil, fmt.Errorf("selector of Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	return selector, nil
}

// progressing is the reason of its condition Progressing. It is "" where that is
// Holdfast's own and tells of a rejection, not of a rollout, and where the
// controller has not seen the template that has just been released: what the
// condition says is then of the one before.
func (d deployment) progressing() string {
	c := d.progressCondition()
	held := d.annotation(v1alpha1.HeldAnnotation) != "" // the webhook sets observedGeneration back (ADR 8)
	if strings.HasPrefix(c.message, v1alpha1.RejectionMessagePrefix) || !held && d.count("observedGeneration") < d.GetGeneration() {
		return ""
	}
	return c.reason
}

// annotate writes annotations of a Deployment (null takes one off), if it is
// still the object that was read. A merge patch touches nothing else, so the
// fields this program does not know stay as they are.
//
// A write that is no release takes off what release somebody may have asked for
// while no webhook was there to leave it out, or the webhook would act on it now.
func (e *evaluator) annotate(ctx context.Context, d deployment, annotations map[string]any) error {
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
	if err := e.writer.Patch(ctx, target, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return fmt.Errorf("annotate Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	return nil
}

// getNamespace reads the metadata of a namespace.
func (e *evaluator) getNamespace(ctx context.Context, name string) (*metav1.PartialObjectMetadata, error) {
	ns := newNamespace()
	if err := e.cached.Get(ctx, types.NamespacedName{Name: name}, ns); err != nil {
		return nil, fmt.Errorf("read namespace %q: %w", name, err)
	}
	return ns, nil
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

// openRecord opens the held record of a Deployment; nil without one.
func (e *evaluator) openRecord(d deployment) (*hold.Record, error) {
	encoded := d.annotation(v1alpha1.HeldAnnotation)
	if encoded == "" {
		return nil, nil
	}
	record, err := e.key.Open(encoded, d.GetUID())
	if err != nil {
		return nil, fmt.Errorf("open the held record: %w", err)
	}
	return &record, nil
}
