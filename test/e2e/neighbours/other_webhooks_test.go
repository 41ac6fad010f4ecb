package neighbours

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/e2e/shop"
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
				s := shop.Open(t, shop.Settings{NoLoad: true})
				n := moveIn(s)
				s.Must("delete", "deployment", "web")
				install(n)
				s.Must(append(apply, s.Web("v1"))...)
				s.Must("annotate", "deployment", "web", v1alpha1.PlanAnnotation+"=default")
				s.AwaitAvailable()
				holdAndRelease(s, apply, place != "a policy that mutates")
			})
		}
	}
}

// holdAndRelease takes v2 through a hold, and applies it again at every turn.
// The run starts only when there is a plan.
func holdAndRelease(s *shop.Shop, apply []string, sidecar bool) {
	s.T.Helper()
	v2 := slices.Concat(apply, []string{s.Web("v2")})
	if said := s.Must(v2...); !strings.Contains(said, "update held") {
		s.T.Fatalf("kubectl says:\n%s", said)
	}
	s.WantEvents("PlanNotFound")
	before := s.Object()
	if said := s.Must(v2...); !strings.Contains(said, "held already") {
		s.T.Errorf("applied again during the hold, kubectl says:\n%s", said)
	}
	if after := s.Object(); after != before {
		s.T.Errorf("applied again during the hold, the object changed from\n%s\nto\n%s", before, after)
	}
	s.Must("apply", "-f", "-", shop.PlanOf(`sum(up{ {{canary}} }) * 0`))
	run := s.OnlyRun()
	if sidecar {
		wantSidecars(s)
	}
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	shop.Await(s, "nobody writes the Deployment any more", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return shop.RolledOut(d) && d.Status.TerminatingReplicas != nil && *d.Status.TerminatingReplicas == 0 && d.Annotations[v1alpha1.StableAnnotation] != ""
	})
	if image := s.Image(); !strings.HasPrefix(image, "v2") {
		s.T.Fatalf("the Deployment runs %s", image)
	}
	released := s.Deployment("web")
	if said := s.Must(v2...); strings.Contains(said, "holdfast:") {
		s.T.Errorf("applied again after the release, kubectl says:\n%s", said)
	}
	// The API server writes a new time into managedFields here, also without Holdfast.
	again := s.Deployment("web")
	if diff := cmp.Diff(released.Spec, again.Spec); diff != "" || again.Generation != released.Generation {
		s.T.Errorf("applied again after the release, the spec changed:\n%s", diff)
	}
	if diff := cmp.Diff(released.Annotations, again.Annotations); diff != "" {
		s.T.Errorf("applied again after the release, the annotations changed:\n%s", diff)
	}
	if said := s.Must("replace", "-f", "-", s.Web("v2")); strings.Contains(said, "update held") {
		s.T.Errorf("replaced by itself, kubectl says:\n%s", said)
	}
	if said := s.Must(append(apply, s.Web("v1"))...); !strings.Contains(said, "rollback") {
		s.T.Errorf("rolled back, kubectl says:\n%s", said)
	}
	shop.WantNoneUngated(s)
}

// wantSidecars: the pods of the canary are what the release will run.
func wantSidecars(s *shop.Shop) {
	s.T.Helper()
	var pods corev1.PodList
	shop.AwaitSome(s, "a canary pod", &pods, shop.WithRole)
	for _, pod := range pods.Items {
		if len(pod.Spec.Containers) != 2 || !strings.Contains(pod.Spec.Containers[0].Image, ":v2@sha256:") ||
			pod.Annotations["webhook.holdfast.test/seen"] != "true" {
			s.T.Errorf("canary pod %s has %d containers, image %s, annotations %v",
				pod.Name, len(pod.Spec.Containers), pod.Spec.Containers[0].Image, pod.Annotations)
		}
	}
}

// TestWhatPassesIsNotTakenForUngated although a webhook that is called later
// changes it.
func TestWhatPassesIsNotTakenForUngated(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.Patient})
	n := moveIn(s)
	s.Must("delete", "deployment", "web")
	n.webhook("Mutating", after, "/pin", "@sha256:")
	s.Apply("v1")
	s.AwaitAvailable()
	s.Must("scale", "deployment", "web", "--replicas=0")
	empty, _, _ := strings.Cut(strings.Replace(s.Web("v2"), "replicas: 2", "replicas: 0", 1), "---")
	stamp, said, _ := s.Kubectl("apply", "-o", `jsonpath={.metadata.annotations.holdfast\.dev/stable}`, "-f", "-", empty)
	if hold.PeekStamp(stamp).Until == 0 || !strings.Contains(said, "scaled to zero") {
		t.Errorf("stamped %q; kubectl says:\n%s", stamp, said)
	}
	shop.Await(s, "the evaluator has stamped what was stored", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		now := hold.PeekStamp(d.Annotations[v1alpha1.StableAnnotation])
		return now.Until == 0 && now.Hash != "" && now.Hash != hold.PeekStamp(stamp).Hash
	})
	shop.WantNoneUngated(s)
}

// TestAnInjectorThatIsNewChangesTheStableTemplate at the next request that it is
// called for, as it would without Holdfast. The evaluator says so; the update
// that was asked for is held all the same.
func TestAnInjectorThatIsNewChangesTheStableTemplate(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.Patient})
	shop.Await(s, "the stable template is stamped", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return d.Annotations[v1alpha1.StableAnnotation] != ""
	})
	moveIn(s).webhook("Mutating", after, "/inject", "holdfast.test/app:sidecar")
	run := s.NewestRun(s.Apply("v2"))
	s.WantEvents("UngatedUpdate")
	s.WantImage("v1")
	if n := len(s.Deployment("web").Spec.Template.Spec.Containers); n != 2 {
		t.Errorf("the stable template has %d containers", n)
	}
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
}
