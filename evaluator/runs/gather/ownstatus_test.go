package gather

import (
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestRemember(t *testing.T) {
	pods := func(from, to int) (out []corev1.Pod) {
		for i := from; i < to; i++ {
			out = append(out, corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("p%04d", i)}})
		}
		return out
	}
	names := func(own []v1alpha1.OwnPod) (out []string) {
		for _, p := range own {
			out = append(out, p.Name)
		}
		return out
	}
	known := remember(nil, pods(0, 3))
	if got := names(remember(known, pods(2, 5))); !slices.Equal(got, []string{"p0000", "p0001", "p0002", "p0003", "p0004"}) {
		t.Errorf("got %v", got)
	}
	known = nil
	for i := 0; i < 3*maxOwnPods; i += 7 {
		there := pods(i, i+20)
		known = remember(known, there)
		if len(known) > maxOwnPods {
			t.Fatalf("%d pods are remembered", len(known))
		}
		got := names(known)
		for _, p := range there {
			if !slices.Contains(got, p.Name) {
				t.Fatalf("%s is there and not remembered", p.Name)
			}
		}
		if again := names(remember(known, there)); !slices.Equal(again, got) {
			t.Fatalf("remembered twice: %v, %v", got, again)
		}
	}
	if len(known) != maxOwnPods || known[len(known)-1].Name < "p0600" {
		t.Errorf("%d, the newest is %s", len(known), known[len(known)-1].Name)
	}
	if got := remember(known, pods(5000, 5000+maxOwnPods+50)); len(got) != maxOwnPods {
		t.Errorf("of more pods than are remembered: %d", len(got))
	}
	if got := namesOf(&v1alpha1.OwnSet{Pods: remember(nil, pods(0, 300))}, pods(0, 300)); len(got) != 300 {
		t.Errorf("of 300 pods that are there %d are measured", len(got))
	}
}
