package canary

import (
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"holdfast.dev/holdfast/internal/hold"
)

// TemplateOf is the pod template of a ReplicaSet, empty where it has none.
func TemplateOf(replicaSet *unstructured.Unstructured) hold.Template {
	template, _, _ := unstructured.NestedFieldNoCopy(replicaSet.Object, "spec", "template")
	out, _ := template.(map[string]any)
	return out
}

// Pod is the pod that a ReplicaSet would make next, to be asked of the API server in a
// dry run: what admission makes of it, it makes of the others.
func Pod(replicaSet *unstructured.Unstructured) *unstructured.Unstructured {
	template := TemplateOf(replicaSet)
	pod := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1",
		"kind":       "Pod",
		"metadata":   map[string]any{},
	}}
	if spec, ok := template["spec"].(map[string]any); ok {
		pod.Object["spec"] = runtime.DeepCopyJSON(spec)
	}
	meta := &unstructured.Unstructured{Object: template}
	pod.SetLabels(meta.GetLabels())
	pod.SetAnnotations(meta.GetAnnotations())
	pod.SetNamespace(replicaSet.GetNamespace())
	pod.SetGenerateName(replicaSet.GetName() + "-")
	isController := true // without blockOwnerDeletion, which takes a permission on the ReplicaSet in some clusters
	pod.SetOwnerReferences([]metav1.OwnerReference{{
		APIVersion: appsv1.SchemeGroupVersion.String(), Kind: "ReplicaSet",
		Name: replicaSet.GetName(), UID: replicaSet.GetUID(), Controller: &isController,
	}})
	return pod
}
