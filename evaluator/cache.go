package evaluator

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"

	"holdfast.dev/holdfast/api/hold"
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/canary"
)

// CacheOptions keep in memory what the evaluator reads, in a cluster of many
// Deployments: of each the hash of its pod template instead of the template and of
// its annotations Holdfast's, of pods and ReplicaSets only those of canaries with a print of what they run, of plans the names, of anything no managedFields.
//
// Deployments must be read as unstructured objects. Their templates are hashed
// from the JSON that the API server sends, so fields newer than this program's
// types count.
func CacheOptions() cache.Options {
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Pod{}:        {Label: exists(v1alpha1.RoleLabel), Transform: trimPod},
			&appsv1.ReplicaSet{}: {Label: exists(v1alpha1.RunLabel), Transform: trimReplicaSet},
			newDeployment():      {Transform: trimDeployment},
			newPlan():            {Transform: trimToName},
		},
	}
}

// CachesSynced is a readiness check: what the evaluator watches has been read once.
func CachesSynced(mgr ctrl.Manager) healthz.Checker {
	return func(r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if !mgr.GetCache().WaitForCacheSync(ctx) {
			return errors.New("caches are not synced yet")
		}
		return nil
	}
}

func exists(label string) labels.Selector {
	requirement, err := labels.NewRequirement(label, selection.Exists, nil)
	if err != nil {
		panic(err) // the labels are constants
	}
	return labels.NewSelector().Add(*requirement)
}

func trimPod(object any) (any, error) {
	if pod, ok := object.(*corev1.Pod); ok {
		print := printOfPod(pod)
		pod.ManagedFields, pod.Annotations, pod.Spec = nil, map[string]string{printAnnotation: string(print)}, corev1.PodSpec{}
	}
	return object, nil
}

func trimReplicaSet(object any) (any, error) {
	if rs, ok := object.(*appsv1.ReplicaSet); ok {
		print := printOfSet(rs)
		rs.ManagedFields, rs.Spec.Template = nil, corev1.PodTemplateSpec{}
		rs.Spec.Template.Annotations = map[string]string{printAnnotation: string(print)}
	}
	return object, nil
}

// printAnnotation is where the cache keeps the print of a spec that it does not keep.
const printAnnotation = v1alpha1.Prefix + "print"

// printOfPod and printOfSet are the prints of what a pod runs and a ReplicaSet makes,
// of objects as the API server and as the cache has them.
func printOfPod(pod *corev1.Pod) canary.Print {
	if len(pod.Spec.Containers) == 0 {
		return canary.Print(pod.Annotations[printAnnotation])
	}
	return canary.PodPrint(&pod.Spec)
}

func printOfSet(rs *appsv1.ReplicaSet) canary.Print {
	if len(rs.Spec.Template.Spec.Containers) == 0 {
		return canary.Print(rs.Spec.Template.Annotations[printAnnotation])
	}
	return canary.SetPrint(&rs.Spec)
}

// trimToName leaves of an object what tells it from others.
func trimToName(object any) (any, error) {
	if o, ok := object.(*metav1.PartialObjectMetadata); ok {
		o.ObjectMeta = metav1.ObjectMeta{
			Namespace: o.Namespace, Name: o.Name, UID: o.UID, ResourceVersion: o.ResourceVersion, Generation: o.Generation,
		}
	}
	return object, nil
}

// trimDeployment replaces the pod template of a Deployment by its hash. A
// template that has none (it is no object) leaves none behind.
func trimDeployment(object any) (any, error) {
	u, ok := object.(*unstructured.Unstructured)
	if !ok {
		return object, nil
	}
	spec, ok := u.Object["spec"].(map[string]any)
	if !ok {
		return object, nil
	}
	template, ok := spec["template"].(map[string]any)
	if !ok { // a transform may see an object twice
		return object, nil
	}
	delete(spec, "template")
	if hash, err := hold.HashOf(template); err == nil {
		spec[templateHashField] = string(hash)
	}
	u.SetManagedFields(nil)
	u.SetAnnotations(trimAnnotations(u.GetAnnotations()))
	return u, nil
}

// maxAnnotation is more than anything but a record is long where Holdfast takes it.
const maxAnnotation = 16 << 10

// trimAnnotations leaves Holdfast's own and the revision: others are as long as
// people like.
func trimAnnotations(annotations map[string]string) map[string]string {
	out := map[string]string{}
	for key, value := range annotations {
		domain, _, _ := strings.Cut(key, "/")
		if key != revisionAnnotation && domain+"/" != v1alpha1.Prefix && !strings.HasSuffix(domain+"/", "."+v1alpha1.Prefix) {
			continue
		}
		if key != v1alpha1.HeldAnnotation && len(value) > maxAnnotation {
			value = strings.Clone(value[:maxAnnotation])
		}
		out[key] = value
	}
	return out
}
