package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestOtherWebhooksAndHoldfast: others that change templates, called before or
// after Holdfast. What is held is what they make of a manifest, so that the
// manifest applied again is no news, neither while it is held nor when it is
// released.
func TestOtherWebhooksAndHoldfast(t *testing.T) {
	t.Parallel()
	mutating := func(place string, more ...string) func(*neighbour) {
		return func(n *neighbour) {
			n.webhook("Mutating", place, "/inject", "holdfast.test/app:sidecar", more...)
			n.webhook("Mutating", place, "/pin", "@sha256:", more...)
			n.webhook("Mutating", place, "/annotate", "webhook.holdfast.test/seen", more...)
		}
	}
	for place, install := range map[string]func(*neighbour){
		"before":                mutating(before),
		"after":                 mutating(after),
		"before, called again":  mutating(before, "reinvocationPolicy: IfNeeded"),
		"after, called again":   mutating(after, "reinvocationPolicy: IfNeeded"),
		"a policy that mutates": (*neighbour).mutatingPolicy,
	} {
		for way, apply := range map[string][]string{
			"client-side": {"apply", "-f", "-"},
			"server-side": {"apply", "--server-side", "--force-conflicts", "-f", "-"},
		} {
			t.Run(place+", "+way, func(t *testing.T) {
				t.Parallel()
				s := open(t, settings{noLoad: true})
				n := moveIn(s)
				s.must("delete", "deployment", "web")
				install(n)
				s.must(append(apply, s.web("v1"))...)
				s.must("annotate", "deployment", "web", v1alpha1.PlanAnnotation+"=default")
				s.awaitAvailable()
				holdAndRelease(s, apply, place != "a policy that mutates")
			})
		}
	}
}

// holdAndRelease takes v2 through a hold, and applies it again at every turn.
// The run starts only when there is a plan.
func holdAndRelease(s *shop, apply []string, sidecar bool) {
	s.t.Helper()
	v2 := slices.Concat(apply, []string{s.web("v2")})
	if said := s.must(v2...); !strings.Contains(said, "update held") {
		s.t.Fatalf("kubectl says:\n%s", said)
	}
	s.wantEvents("PlanNotFound")
	before := s.object()
	if said := s.must(v2...); !strings.Contains(said, "held already") {
		s.t.Errorf("applied again during the hold, kubectl says:\n%s", said)
	}
	if after := s.object(); after != before {
		s.t.Errorf("applied again during the hold, the object changed from\n%s\nto\n%s", before, after)
	}
	s.must("apply", "-f", "-", planOf(`sum(up{ {{canary}} }) * 0`))
	run := s.onlyRun()
	if sidecar {
		wantSidecars(s)
	}
	s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
	await(s, "nobody writes the Deployment any more", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return rolledOut(d) && d.Status.TerminatingReplicas != nil && *d.Status.TerminatingReplicas == 0
	})
	if image := s.image(); !strings.HasPrefix(image, "v2") {
		s.t.Fatalf("the Deployment runs %s", image)
	}
	released := s.deployment("web")
	if said := s.must(v2...); strings.Contains(said, "holdfast:") {
		s.t.Errorf("applied again after the release, kubectl says:\n%s", said)
	}
	// The API server writes a new time into managedFields here, also without Holdfast.
	again := s.deployment("web")
	if diff := cmp.Diff(released.Spec, again.Spec); diff != "" || again.Generation != released.Generation {
		s.t.Errorf("applied again after the release, the spec changed:\n%s", diff)
	}
	if diff := cmp.Diff(released.Annotations, again.Annotations); diff != "" {
		s.t.Errorf("applied again after the release, the annotations changed:\n%s", diff)
	}
	if said := s.must("replace", "-f", "-", s.web("v2")); strings.Contains(said, "update held") {
		s.t.Errorf("replaced by itself, kubectl says:\n%s", said)
	}
	if said := s.must(append(apply, s.web("v1"))...); !strings.Contains(said, "rollback") {
		s.t.Errorf("rolled back, kubectl says:\n%s", said)
	}
	wantNoneUngated(s)
}

// wantSidecars: the pods of the canary are what the release will run.
func wantSidecars(s *shop) {
	s.t.Helper()
	var pods corev1.PodList
	awaitSome(s, "a canary pod", &pods, withRole)
	for _, pod := range pods.Items {
		if len(pod.Spec.Containers) != 2 || !strings.Contains(pod.Spec.Containers[0].Image, ":v2@sha256:") ||
			pod.Annotations["webhook.holdfast.test/seen"] != "true" {
			s.t.Errorf("canary pod %s has %d containers, image %s, annotations %v",
				pod.Name, len(pod.Spec.Containers), pod.Spec.Containers[0].Image, pod.Annotations)
		}
	}
}

// TestWhatPassesIsNotTakenForUngated although a webhook that is called later
// changes it.
func TestWhatPassesIsNotTakenForUngated(t *testing.T) {
	t.Parallel()
	s := open(t, settings{noLoad: true, plan: patient})
	n := moveIn(s)
	s.must("delete", "deployment", "web")
	n.webhook("Mutating", after, "/pin", "@sha256:")
	s.apply("v1")
	s.awaitAvailable()
	s.must("scale", "deployment", "web", "--replicas=0")
	empty, _, _ := strings.Cut(strings.Replace(s.web("v2"), "replicas: 2", "replicas: 0", 1), "---")
	stamp, said, _ := s.kubectl("apply", "-o", `jsonpath={.metadata.annotations.holdfast\.dev/stable}`, "-f", "-", empty)
	if stamp != "" || !strings.Contains(said, "scaled to zero") {
		t.Errorf("stamped %q; kubectl says:\n%s", stamp, said)
	}
	await(s, "the evaluator has stamped what was stored", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return d.Annotations[v1alpha1.StableAnnotation] != ""
	})
	wantNoneUngated(s)
}

// wantNoneUngated: no update passed Holdfast by.
func wantNoneUngated(s *shop) {
	s.t.Helper()
	var ungated corev1.EventList
	if err := world.client.List(s.t.Context(), &ungated, inNamespace(s), matchingFields("reason", "UngatedUpdate")); err != nil {
		s.t.Fatal(err)
	}
	if len(ungated.Items) > 0 {
		s.t.Errorf("an update passed Holdfast by: %s", ungated.Items[0].Message)
	}
}

// TestAnInjectorThatIsNewChangesTheStableTemplate at the next request that it is
// called for, as it would without Holdfast. The evaluator says so; the update
// that was asked for is held all the same.
func TestAnInjectorThatIsNewChangesTheStableTemplate(t *testing.T) {
	t.Parallel()
	s := open(t, settings{noLoad: true, plan: patient})
	await(s, "the stable template is stamped", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return d.Annotations[v1alpha1.StableAnnotation] != ""
	})
	moveIn(s).webhook("Mutating", after, "/inject", "holdfast.test/app:sidecar")
	run := s.newestRun(s.apply("v2"))
	s.wantEvents("UngatedUpdate")
	s.wantImage("v1")
	if n := len(s.deployment("web").Spec.Template.Spec.Containers); n != 2 {
		t.Errorf("the stable template has %d containers", n)
	}
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
}
