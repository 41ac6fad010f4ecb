package app

import (
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

func TestTheImageOfTheProbeIsThatOfHoldfast(t *testing.T) {
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	own := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "holdfast-system", Name: name}, Spec: corev1.PodSpec{Containers: []corev1.Container{
		{Name: "istio-proxy", Image: "istio:v1"}, {Name: "holdfast", Image: "registry.example.com/holdfast:v2"},
	}}}
	there, gone := fake.NewClientBuilder().WithObjects(own).Build(), fake.NewClientBuilder().Build()
	at := Options{namespace: "holdfast-system"}
	if got := probeImageOf(t.Context(), there, at); got != "registry.example.com/holdfast:v2" {
		t.Errorf("by its own pod it is %q", got)
	}
	if got := probeImageOf(t.Context(), gone, at); got != "" {
		t.Errorf("outside of a cluster it is %q", got)
	}
	at.probeImage = "mirror/holdfast:v3"
	if got := probeImageOf(t.Context(), gone, at); got != "mirror/holdfast:v3" {
		t.Errorf("where it is said it is %q", got)
	}
}
