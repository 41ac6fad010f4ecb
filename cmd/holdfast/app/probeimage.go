package app

import (
	"context"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// program is the name of Holdfast's container in its own manifests.
const program = "holdfast"

// probeImageOf is the image of the sidecar that measures requests: the one that is said, or else the one that
// this process runs from, by the pod whose name is its hostname; "" where neither is known.
func probeImageOf(ctx context.Context, live client.Reader, o Options) string {
	if o.probeImage != "" {
		return o.probeImage
	}
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	var own corev1.Pod
	if err := live.Get(ctx, types.NamespacedName{Namespace: o.namespace, Name: name}, &own); err != nil {
		ctrl.Log.Info("no pod has a sidecar that measures requests: the image of Holdfast is not known; see --probe-image", "why", err.Error())
		return ""
	}
	return imageIn(own.Spec.Containers)
}

// imageIn is the image of Holdfast's container, or of the only one.
func imageIn(containers []corev1.Container) string {
	for _, c := range containers {
		if c.Name == program || len(containers) == 1 {
			return c.Image
		}
	}
	return ""
}
