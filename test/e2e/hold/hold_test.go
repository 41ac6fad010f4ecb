package hold

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestApplyingTheHeldUpdateAgainChangesNothing: a GitOps tool does so every few minutes.
func TestApplyingTheHeldUpdateAgainChangesNothing(t *testing.T) {
	t.Parallel()
	for name, apply := range map[string][]string{
		"client-side": {"apply", "-f", "-"},
		"server-side": {"apply", "--server-side", "-f", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true, Guard: v1alpha1.CanaryRequired})
			if name == "server-side" { // hand the fields over first, as kubectl does
				s.Must(append(apply, "--force-conflicts", s.Web("v1"))...)
			}
			run := s.NewestRun(s.Must(append(apply, s.Web("v2", "--latency=1ms"))...))
			s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			before := s.Object()
			said := s.Must(append(apply, s.Web("v2", "--latency=1ms"))...)
			if !strings.Contains(said, "held already") {
				t.Errorf("kubectl says:\n%s", said)
			}
			if after := s.Object(); after != before {
				t.Errorf("the object changed from\n%s\nto\n%s", before, after)
			}
		})
	}
}

func TestAnotherUpdateSupersedesTheHeldOne(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.QuickPlan})
	first := s.HoldV2()
	s.AwaitPhase(first.Name, v1alpha1.PhaseRunning)
	s.Decide(first.Name, `"paused":true`) // it does not end meanwhile
	said := s.Apply("v3")
	if !strings.Contains(said, first.Name) {
		t.Errorf("the superseded run is not named:\n%s", said)
	}
	second := s.NewestRun(said)
	s.AwaitPhase(first.Name, v1alpha1.PhaseSuperseded)
	s.AwaitPhase(second.Name, v1alpha1.PhaseReleased)
	s.WantImage("v3")
	s.WantNoCanary()
}

func TestApplyingTheStableVersionWithdrawsTheHeldOne(t *testing.T) {
	t.Parallel()
	for name, apply := range map[string][]string{
		"client-side": {"apply", "-f", "-"},
		"server-side": {"apply", "--server-side", "-f", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true})
			if name == "server-side" {
				s.Must(append(apply, "--force-conflicts", s.Web("v1"))...)
			}
			before := s.Deployment("web")
			run := s.NewestRun(s.Must(append(apply, s.Web("v2", "--latency=1ms"))...))
			s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			if said := s.Must(append(apply, s.Web("v1"))...); !strings.Contains(said, "withdrawn") {
				t.Errorf("kubectl says:\n%s", said)
			}
			s.AwaitPhase(run.Name, v1alpha1.PhaseCanceled)
			s.WantNoCanary()
			if diff := cmp.Diff(before.Spec, s.Deployment("web").Spec); diff != "" {
				t.Errorf("the spec changed:\n%s", diff)
			}
			if said := s.Must(append(apply, s.Web("v1"))...); strings.Contains(said, "holdfast") {
				t.Errorf("applied once more, kubectl says:\n%s", said)
			}
		})
	}
}

func TestScalingPassesThroughAHold(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: strings.Replace(shop.QuickPlan, "  readyDeadline", "  steps: [{replicas: 1, approval: true}]\n  readyDeadline", 1)})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.Must("scale", "deployment", "web", "--replicas=4")
	shop.Await(s, "web runs four replicas of v1", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return d.Status.AvailableReplicas == 4 && strings.HasSuffix(d.Spec.Template.Spec.Containers[0].Image, ":v1")
	})
	s.Must("patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"approvedSteps":1}}`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
	if replicas := *s.Deployment("web").Spec.Replicas; replicas != 4 {
		t.Errorf("the release set replicas to %d", replicas)
	}
}

func TestTwoDeploymentsAtOnce(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.QuickPlan, NoLoad: true})
	other := strings.NewReplacer("name: web}", "name: api}", "app: web", "app: api").Replace(s.Web("v1"))
	s.Must("apply", "-f", "-", other)
	shop.Await(s, "api is available", "api", &appsv1.Deployment{}, shop.RolledOut)
	s.Must("apply", "-f", "-", shop.PlanOf(`sum(up{ {{canary}} }) * 0`))

	bad := s.HoldV2("--crash-after=3s")
	good := s.NewestRun(s.Must("apply", "-f", "-", strings.Replace(other, "app:v1", "app:v2", 1)))
	s.AwaitPhase(bad.Name, v1alpha1.PhaseReverted)
	s.AwaitPhase(good.Name, v1alpha1.PhaseReleased)
	s.WantImage("v1")
	if image := s.Deployment("api").Spec.Template.Spec.Containers[0].Image; !strings.HasSuffix(image, ":v2") {
		t.Errorf("api runs %s", image)
	}
}

func TestADeletedDeploymentTakesItsRunWithIt(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.Must("delete", "deployment", "web", "--wait=false")
	shop.AwaitGone(s, "web", &appsv1.Deployment{})
	shop.AwaitGone(s, run.Name, &v1alpha1.CanaryRun{})
	s.WantNoCanary()
}

// TestLiftingTheGuardLetsTheHeldUpdateThrough, for the namespace and for the
// Deployment: it is what the user would have without Holdfast.
func TestLiftingTheGuardLetsTheHeldUpdateThrough(t *testing.T) {
	t.Parallel()
	for name, lift := range map[string]func(s *shop.Shop){
		"of the namespace": func(s *shop.Shop) {
			s.Must("annotate", "namespace", s.Namespace, v1alpha1.CanaryAnnotation+"-")
		},
		"of the Deployment": func(s *shop.Shop) {
			s.Must("annotate", "deployment", "web", v1alpha1.CanaryAnnotation+"=disabled")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true})
			run := s.HoldV2()
			s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			lift(s)
			ended := shop.Await(s, "the run ends", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.Phase.Ended() })
			if ended.Status.Phase != v1alpha1.PhaseCanceled || ended.Status.Reason != v1alpha1.ReasonUnguarded {
				t.Errorf("the run is %s (%s)", ended.Status.Phase, ended.Status.Reason)
			}
			s.WantImage("v2")
			s.WantNoCanary()
		})
	}
}

func TestRestartAndRollbackPassAtOnce(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.PlanOf(`sum(up{ {{canary}} }) * 0`), NoLoad: true})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.Must("rollout", "restart", "deployment/web")
	s.AwaitAvailable()
	s.WantImage("v2")
	said := s.Must("rollout", "undo", "deployment/web", "--to-revision=1")
	if !strings.Contains(said, "rollback") {
		t.Errorf("kubectl says:\n%s", said)
	}
	s.WantImage("v1")
	s.AwaitAvailable()
	if held := s.Deployment("web").Annotations[v1alpha1.HeldAnnotation]; held != "" {
		t.Error("the rollback brought a record back")
	}
}
