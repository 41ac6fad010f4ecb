package e2e

import (
	"context"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestTheLabelFollowsTheAnnotation, whoever edits it.
func TestTheLabelFollowsTheAnnotation(t *testing.T) {
	t.Parallel()
	s := open(t, settings{noLoad: true})
	labelled := func(value string) {
		t.Helper()
		await(s, "the label is "+value, s.namespace, &corev1.Namespace{}, func(ns *corev1.Namespace) bool {
			return ns.Labels[v1alpha1.CanaryLabel] == value
		})
	}
	labelled("enabled")
	s.must("label", "namespace", s.namespace, v1alpha1.CanaryLabel+"-")
	labelled("enabled")
	s.must("label", "--overwrite", "namespace", s.namespace, v1alpha1.CanaryLabel+"=required")
	labelled("enabled")
	s.must("annotate", "--overwrite", "namespace", s.namespace, v1alpha1.CanaryAnnotation+"=required")
	labelled("required")
	s.must("annotate", "--overwrite", "namespace", s.namespace, v1alpha1.CanaryAnnotation+"=yes")
	labelled("")
	events := &shop{t: t, namespace: "default"} // where events on namespaces go
	awaitSome(events, "an event that names the mistake", &corev1.EventList{}, matchingFields(
		"involvedObject.kind", "Namespace", "involvedObject.name", s.namespace, "reason", "CanaryAnnotationInvalid"))
}

// TestHoldfastAndKubeSystemAreNeverGuarded, even if they ask for it.
func TestHoldfastAndKubeSystemAreNeverGuarded(t *testing.T) {
	t.Parallel()
	events := &shop{t: t, namespace: "default"}
	for _, name := range []string{holdfastNamespace, "kube-system"} {
		s := &shop{t: t, namespace: name}
		s.must("annotate", "namespace", name, v1alpha1.CanaryAnnotation+"=enabled")
		t.Cleanup(func() {
			_, _ = world.cluster.Kubectl(context.Background(), "", "annotate", "namespace", name, v1alpha1.CanaryAnnotation+"-")
		})
		awaitSome(events, "an event that says so", &corev1.EventList{}, matchingFields(
			"involvedObject.kind", "Namespace", "involvedObject.name", name, "reason", "CanaryAnnotationInvalid"))
		if label := get(s, name, &corev1.Namespace{}).Labels[v1alpha1.CanaryLabel]; label != "" {
			t.Errorf("namespace %s has the label %s", name, label)
		}
	}
}

// TestADeploymentMayOptInAlone, in a namespace that has not.
func TestADeploymentMayOptInAlone(t *testing.T) {
	t.Parallel()
	s := open(t, settings{noLoad: true, plan: planOf(`sum(up{ {{canary}} }) * 0`)})
	s.must("annotate", "namespace", s.namespace, v1alpha1.CanaryAnnotation+"-")
	s.must("annotate", "deployment", "web", v1alpha1.CanaryAnnotation+"=enabled")
	await(s, "the label is gone", s.namespace, &corev1.Namespace{}, func(ns *corev1.Namespace) bool {
		return ns.Labels[v1alpha1.CanaryLabel] == ""
	})
	run := s.holdV2()
	s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.wantImage("v2")
}

// TestAPlanThatIsNotThere is waited for, and an event says so.
func TestAPlanThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := open(t, settings{noLoad: true})
	s.must("annotate", "deployment", "web", v1alpha1.PlanAnnotation+"=default")
	s.apply("v2")
	s.wantEvents("PlanNotFound")
	s.wantImage("v1")
	s.must("apply", "-f", "-", planOf(`sum(up{ {{canary}} }) * 0`))
	s.awaitPhase(s.onlyRun().Name, v1alpha1.PhaseReleased)
	await(s, "web runs v2", "web", &appsv1.Deployment{}, rolledOut)
	s.wantImage("v2")
}
