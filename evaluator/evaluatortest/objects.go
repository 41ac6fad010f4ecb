package evaluatortest

import (
	"maps"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
)

// Web is the Deployment of a cluster, with an image.
func Web(tag string) *appsv1.Deployment {
	replicas := int32(3)
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: "web", UID: "uid-web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}, Annotations: map[string]string{"mode": "strict"}},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: tag, Env: []corev1.EnvVar{{
					Name:      "MODE",
					ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.annotations['mode']"}},
				}}}}},
			},
		},
	}
}

// Image is the image of a Deployment.
func Image(d *appsv1.Deployment) string { return d.Spec.Template.Spec.Containers[0].Image }

// Template is the pod template of Web, as JSON has it.
func Template(t *testing.T, tag string) hold.Template {
	t.Helper()
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(Web(tag))
	if err != nil {
		t.Fatal(err)
	}
	template, _, err := unstructured.NestedMap(object, "spec", "template")
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// HashOf is the hash of that.
func HashOf(t *testing.T, tag string) hold.Hash {
	t.Helper()
	hash, err := hold.HashOf(Template(t, tag))
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// Stamp is what Holdfast writes on Deployment web when it lets the template of an image pass.
func Stamp(t *testing.T, tag string) string {
	t.Helper()
	return Key.SealStamp(hold.Stamp{Hash: HashOf(t, tag)}, "uid-web")
}

// OwnReplicaSet is one by which a Deployment runs its pods.
func OwnReplicaSet(d *appsv1.Deployment, name, revision string) *appsv1.ReplicaSet {
	podTemplate := *d.Spec.Template.DeepCopy()
	podTemplate.Labels[workload.TemplateHashLabel] = name
	return &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: Namespace, Name: name, UID: types.UID("uid-" + name), Labels: podTemplate.Labels,
			Annotations:     map[string]string{workload.RevisionAnnotation: revision},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(d, appsv1.SchemeGroupVersion.WithKind("Deployment"))},
		},
		Spec:   appsv1.ReplicaSetSpec{Replicas: d.Spec.Replicas, Template: podTemplate},
		Status: appsv1.ReplicaSetStatus{Replicas: *d.Spec.Replicas, AvailableReplicas: *d.Spec.Replicas},
	}
}

// StablePod is one that the first ReplicaSet of the Deployment made.
func StablePod(d *appsv1.Deployment, suffix string) *corev1.Pod {
	pod := CanaryPod(OwnReplicaSet(d, "web-1", "1"), true)
	pod.Name, pod.UID = "web-1-"+suffix, types.UID("uid-web-1-"+suffix)
	return pod
}

// CanaryPod is a pod of a ReplicaSet.
func CanaryPod(rs *appsv1.ReplicaSet, ready bool) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: Namespace, Name: rs.Name + "-x", GenerateName: rs.Name + "-", UID: types.UID("uid-" + rs.Name + "-x"),
		CreationTimestamp: rs.CreationTimestamp, Labels: rs.Spec.Template.Labels, Annotations: maps.Clone(rs.Spec.Template.Annotations),
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(rs, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))},
	}, Spec: *rs.Spec.Template.Spec.DeepCopy()}
	if ready {
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	}
	return pod
}

// DeploymentKind is the kind of Deployments.
var DeploymentKind = appsv1.SchemeGroupVersion.WithKind("Deployment")

// CanaryReplicaSet is one to be read into.
func CanaryReplicaSet() *appsv1.ReplicaSet { return &appsv1.ReplicaSet{} }
