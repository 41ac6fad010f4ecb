package canary

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"holdfast.dev/holdfast/internal/hold"
)

// A Print is a hash by which a change is noticed; "" is that of nothing known.
type Print string

// PodPrint is that of what can be changed in a pod that was made and makes of its
// program another: the images of its containers, and those of its labels and
// annotations that they read.
func PodPrint(pod *corev1.Pod) Print {
	var images [][2]string
	for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for _, c := range containers {
			images = append(images, [2]string{c.Name, c.Image})
		}
	}
	spec, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&pod.Spec)
	if err != nil {
		return "" // not of this type
	}
	paths := hold.FieldPaths(spec)
	labels := hold.MetadataRead(paths, "metadata.labels", pod.Labels)
	annotations := hold.MetadataRead(paths, "metadata.annotations", pod.Annotations)
	if len(labels)+len(annotations) == 0 {
		return printOf(images)
	}
	return printOf(struct {
		Images              [][2]string
		Labels, Annotations map[string]string
	}{images, labels, annotations})
}

// SetPrint is that of what a ReplicaSet makes pods by.
func SetPrint(spec *appsv1.ReplicaSetSpec) Print {
	return printOf(struct {
		Template        corev1.PodTemplateSpec
		MinReadySeconds int32
	}{spec.Template, spec.MinReadySeconds})
}

func printOf(v any) Print {
	data, err := json.Marshal(v)
	if err != nil {
		return "" // not of these types
	}
	sum := sha256.Sum256(data)
	return Print(hex.EncodeToString(sum[:16]))
}
