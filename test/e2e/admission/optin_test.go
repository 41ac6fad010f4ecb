package admission

import (
	"context"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestTheLabelFollowsTheAnnotation, whoever edits it.
func TestTheLabelFollowsTheAnnotation(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true})
	labelled := func(value string) {
		t.Helper()
		shop.Await(s, "the label is "+value, s.Namespace, &corev1.Namespace{}, func(ns *corev1.Namespace) bool {
			return ns.Labels[v1alpha1.CanaryLabel] == value
		})
	}
	labelled("enabled")
	s.Must("label", "namespace", s.Namespace, v1alpha1.CanaryLabel+"-")
	labelled("enabled")
	s.Must("label", "--overwrite", "namespace", s.Namespace, v1alpha1.CanaryLabel+"=required")
	labelled("enabled")
	s.Must("annotate", "--overwrite", "namespace", s.Namespace, v1alpha1.CanaryAnnotation+"=required")
	labelled("required")
	s.Must("annotate", "--overwrite", "namespace", s.Namespace, v1alpha1.CanaryAnnotation+"=yes")
	labelled("")
	events := &shop.Shop{T: t, Namespace: "default"} // where events on namespaces go
	shop.AwaitSome(events, "an event that names the mistake", &corev1.EventList{}, shop.MatchingFields(
		"involvedObject.kind", "Namespace", "involvedObject.name", s.Namespace, "reason", "CanaryAnnotationInvalid"))
}

// TestHoldfastAndKubeSystemAreNeverGuarded, even if they ask for it.
func TestHoldfastAndKubeSystemAreNeverGuarded(t *testing.T) {
	t.Parallel()
	events := &shop.Shop{T: t, Namespace: "default"}
	for _, name := range []string{shop.HoldfastNamespace, "kube-system"} {
		s := &shop.Shop{T: t, Namespace: name}
		s.Must("annotate", "namespace", name, v1alpha1.CanaryAnnotation+"=enabled")
		t.Cleanup(func() {
			_, _ = shop.World.Cluster.Kubectl(context.Background(), "", "annotate", "namespace", name, v1alpha1.CanaryAnnotation+"-")
		})
		shop.AwaitSome(events, "an event that says so", &corev1.EventList{}, shop.MatchingFields(
			"involvedObject.kind", "Namespace", "involvedObject.name", name, "reason", "CanaryAnnotationInvalid"))
		if label := shop.Get(s, name, &corev1.Namespace{}).Labels[v1alpha1.CanaryLabel]; label != "" {
			t.Errorf("namespace %s has the label %s", name, label)
		}
	}
}

// TestADeploymentMayOptInAlone, in a namespace that has not.
func TestADeploymentMayOptInAlone(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.PlanOf(`sum(up{ {{canary}} }) * 0`)})
	s.Must("annotate", "namespace", s.Namespace, v1alpha1.CanaryAnnotation+"-")
	s.Must("annotate", "deployment", "web", v1alpha1.CanaryAnnotation+"=enabled")
	shop.Await(s, "the label is gone", s.Namespace, &corev1.Namespace{}, func(ns *corev1.Namespace) bool {
		return ns.Labels[v1alpha1.CanaryLabel] == ""
	})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
}

// TestAPlanThatIsNotThere is waited for, and an event says so.
func TestAPlanThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true})
	s.Must("annotate", "deployment", "web", v1alpha1.PlanAnnotation+"=default")
	s.Apply("v2")
	s.WantEvents("PlanNotFound")
	s.WantImage("v1")
	s.Must("apply", "-f", "-", shop.PlanOf(`sum(up{ {{canary}} }) * 0`))
	s.AwaitPhase(s.OnlyRun().Name, v1alpha1.PhaseReleased)
	shop.Await(s, "web runs v2", "web", &appsv1.Deployment{}, shop.RolledOut)
	s.WantImage("v2")
}
