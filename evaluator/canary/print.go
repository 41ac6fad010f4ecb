package canary

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// A Print is a hash by which a change is noticed; "" is that of nothing known.
type Print string

// PodPrint is that of what can be changed in a pod that runs: the images of its
// containers.
func PodPrint(spec *corev1.PodSpec) Print {
	var images [][2]string
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for _, c := range containers {
			images = append(images, [2]string{c.Name, c.Image})
		}
	}
	return printOf(images)
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
