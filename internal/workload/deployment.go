// Package workload is one view of Deployments and their ReplicaSets as raw JSON,
// and the rules of the deployment controller that are read from them. It is pure.
//
// Raw JSON keeps the fields that are newer than the client library. What an object
// says may be of any type: anybody can send one to the webhook. A field of another
// type than it should have counts as missing.
package workload

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/internal/hold"
)

// The kinds.
var (
	DeploymentKind = appsv1.SchemeGroupVersion.WithKind("Deployment")
	ReplicaSetKind = appsv1.SchemeGroupVersion.WithKind("ReplicaSet")
)

// Deployment is a Deployment, decoded from JSON with whole numbers as int64. Its
// Object is nil where there is none; all of its fields are missing then.
type Deployment struct{ Object map[string]any }

// Name is its name.
func (d Deployment) Name() string {
	name, _, _ := unstructured.NestedString(d.Object, "metadata", "name")
	return name
}

// UID is its UID.
func (d Deployment) UID() types.UID {
	uid, _, _ := unstructured.NestedString(d.Object, "metadata", "uid")
	return types.UID(uid)
}

// Generation counts the changes of its spec.
func (d Deployment) Generation() int64 {
	generation, _, _ := unstructured.NestedInt64(d.Object, "metadata", "generation")
	return generation
}

// Deleting says whether its deletion was asked for, and something keeps it still.
func (d Deployment) Deleting() bool {
	_, found, _ := unstructured.NestedString(d.Object, "metadata", "deletionTimestamp")
	return found
}

// Annotations are not to be changed.
func (d Deployment) Annotations() map[string]any {
	metadata, _ := d.Object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	return annotations
}

// Annotation is "" where there is none.
func (d Deployment) Annotation(key string) string {
	value, _ := d.Annotations()[key].(string)
	return value
}

// ManagedFields are who owns which field, not to be changed.
func (d Deployment) ManagedFields() []any {
	metadata, _ := d.Object["metadata"].(map[string]any)
	entries, _ := metadata["managedFields"].([]any)
	return entries
}

// Template is its pod template, not to be changed; nil where it has none.
func (d Deployment) Template() hold.Template {
	spec, _ := d.Object["spec"].(map[string]any)
	template, _ := spec["template"].(map[string]any)
	return template
}

// Selector is nil where it has none, which selects nothing.
func (d Deployment) Selector() (*metav1.LabelSelector, error) {
	raw, found, err := unstructured.NestedMap(d.Object, "spec", "selector")
	if err != nil {
		return nil, fmt.Errorf("selector of Deployment %q: %w", d.Name(), err)
	}
	if !found {
		return nil, nil
	}
	selector := &metav1.LabelSelector{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(raw, selector); err != nil {
		return nil, fmt.Errorf("selector of Deployment %q: %w", d.Name(), err)
	}
	return selector, nil
}

// Replicas is how many pods it wants: 1 where it does not say.
func (d Deployment) Replicas() int64 {
	replicas, found, err := unstructured.NestedInt64(d.Object, "spec", "replicas")
	if !found || err != nil {
		return 1
	}
	return replicas
}

// MinReadySeconds is how long a pod must be Ready before it counts as available.
func (d Deployment) MinReadySeconds() int64 {
	seconds, _, _ := unstructured.NestedInt64(d.Object, "spec", "minReadySeconds")
	return seconds
}

// ProgressDeadline is how long its rollout may stand still before it counts as stuck; 0 where it does not
// say.
func (d Deployment) ProgressDeadline() time.Duration {
	seconds, _, _ := unstructured.NestedInt64(d.Object, "spec", "progressDeadlineSeconds")
	return time.Duration(seconds) * time.Second
}

// Paused says whether the deployment controller leaves it alone.
func (d Deployment) Paused() bool {
	paused, _, _ := unstructured.NestedBool(d.Object, "spec", "paused")
	return paused
}

// Recreates says whether its strategy is Recreate: its pods are gone before those of another template are
// made.
func (d Deployment) Recreates() bool {
	kind, _, _ := unstructured.NestedString(d.Object, "spec", "strategy", "type")
	return kind == string(appsv1.RecreateDeploymentStrategyType)
}

// NeverSurges says whether a rolling update of it makes no pod more than its replicas: maxSurge is 0.
func (d Deployment) NeverSurges() bool {
	surge, _, _ := unstructured.NestedFieldNoCopy(d.Object, "spec", "strategy", "rollingUpdate", "maxSurge")
	text, _ := surge.(string)
	return !d.Recreates() && (surge == int64(0) || text == "0%" || text == "0")
}

// Status is its status, not to be changed; nil where it has none.
func (d Deployment) Status() Status {
	status, _ := d.Object["status"].(map[string]any)
	return status
}

// Revision is that of the ReplicaSet by which it runs its pods now.
func (d Deployment) Revision() int64 { return revision(d.Annotation(RevisionAnnotation)) }
