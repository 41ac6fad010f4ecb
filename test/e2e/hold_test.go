package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// patient is a plan with a period that no scenario waits for. Its metric is
// good without load too.
var patient = strings.Replace(planOf("vector(0)"), "period: 8s", "period: 10m", 1)

// onlyRun is the one run in the shop.
func (s *shop) onlyRun() *v1alpha1.CanaryRun {
	s.t.Helper()
	var runs v1alpha1.CanaryRunList
	awaitSome(s, "a run", &runs)
	if len(runs.Items) != 1 {
		s.t.Fatalf("there are %d runs", len(runs.Items))
	}
	return &runs.Items[0]
}

// object is what clients write of the Deployment, byte for byte.
func (s *shop) object() string {
	s.t.Helper()
	return written(s.deployment("web"))
}

// TestApplyingTheHeldUpdateAgainChangesNothing: a GitOps tool does so every few minutes.
func TestApplyingTheHeldUpdateAgainChangesNothing(t *testing.T) {
	t.Parallel()
	for name, apply := range map[string][]string{
		"client-side": {"apply", "-f", "-"},
		"server-side": {"apply", "--server-side", "-f", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, settings{plan: patient, noLoad: true, guard: v1alpha1.CanaryRequired})
			if name == "server-side" { // hand the fields over first, as kubectl does
				s.must(append(apply, "--force-conflicts", s.web("v1"))...)
			}
			run := s.newestRun(s.must(append(apply, s.web("v2", "--latency=1ms"))...))
			s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
			before := s.object()
			said := s.must(append(apply, s.web("v2", "--latency=1ms"))...)
			if !strings.Contains(said, "held already") {
				t.Errorf("kubectl says:\n%s", said)
			}
			if after := s.object(); after != before {
				t.Errorf("the object changed from\n%s\nto\n%s", before, after)
			}
		})
	}
}

func TestAnotherUpdateSupersedesTheHeldOne(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: quickPlan})
	first := s.holdV2()
	s.awaitPhase(first.Name, v1alpha1.PhaseRunning)
	said := s.apply("v3")
	if !strings.Contains(said, first.Name) {
		t.Errorf("the superseded run is not named:\n%s", said)
	}
	second := s.newestRun(said)
	s.awaitPhase(first.Name, v1alpha1.PhaseSuperseded)
	s.awaitPhase(second.Name, v1alpha1.PhaseReleased)
	s.wantImage("v3")
	s.wantNoCanary()
}

func TestApplyingTheStableVersionWithdrawsTheHeldOne(t *testing.T) {
	t.Parallel()
	for name, apply := range map[string][]string{
		"client-side": {"apply", "-f", "-"},
		"server-side": {"apply", "--server-side", "-f", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, settings{plan: patient, noLoad: true})
			if name == "server-side" {
				s.must(append(apply, "--force-conflicts", s.web("v1"))...)
			}
			before := s.deployment("web")
			run := s.newestRun(s.must(append(apply, s.web("v2", "--latency=1ms"))...))
			s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
			if said := s.must(append(apply, s.web("v1"))...); !strings.Contains(said, "withdrawn") {
				t.Errorf("kubectl says:\n%s", said)
			}
			s.awaitPhase(run.Name, v1alpha1.PhaseCanceled)
			s.wantNoCanary()
			if diff := cmp.Diff(before.Spec, s.deployment("web").Spec); diff != "" {
				t.Errorf("the spec changed:\n%s", diff)
			}
			if said := s.must(append(apply, s.web("v1"))...); strings.Contains(said, "holdfast") {
				t.Errorf("applied once more, kubectl says:\n%s", said)
			}
		})
	}
}

func TestScalingPassesThroughAHold(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: strings.Replace(quickPlan, "  readyDeadline", "  steps: [{replicas: 1, approval: true}]\n  readyDeadline", 1)})
	run := s.holdV2()
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.must("scale", "deployment", "web", "--replicas=4")
	await(s, "web runs four replicas of v1", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return d.Status.AvailableReplicas == 4 && strings.HasSuffix(d.Spec.Template.Spec.Containers[0].Image, ":v1")
	})
	s.must("patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"approvedSteps":1}}`)
	s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.wantImage("v2")
	if replicas := *s.deployment("web").Spec.Replicas; replicas != 4 {
		t.Errorf("the release set replicas to %d", replicas)
	}
}

func TestTwoDeploymentsAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: quickPlan, noLoad: true})
	other := strings.NewReplacer("name: web}", "name: api}", "app: web", "app: api").Replace(s.web("v1"))
	s.must("apply", "-f", "-", other)
	await(s, "api is available", "api", &appsv1.Deployment{}, rolledOut)
	s.must("apply", "-f", "-", planOf(`sum(up{ {{canary}} }) * 0`))

	bad := s.holdV2("--crash-after=3s")
	good := s.newestRun(s.must("apply", "-f", "-", strings.Replace(other, "app:v1", "app:v2", 1)))
	s.awaitPhase(bad.Name, v1alpha1.PhaseReverted)
	s.awaitPhase(good.Name, v1alpha1.PhaseReleased)
	s.wantImage("v1")
	if image := s.deployment("api").Spec.Template.Spec.Containers[0].Image; !strings.HasSuffix(image, ":v2") {
		t.Errorf("api runs %s", image)
	}
}

func TestADeletedDeploymentTakesItsRunWithIt(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: patient, noLoad: true})
	run := s.holdV2()
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.must("delete", "deployment", "web", "--wait=false")
	awaitGone(s, "web", &appsv1.Deployment{})
	awaitGone(s, run.Name, &v1alpha1.CanaryRun{})
	s.wantNoCanary()
}

// TestLiftingTheGuardLetsTheHeldUpdateThrough, for the namespace and for the
// Deployment: it is what the user would have without Holdfast.
func TestLiftingTheGuardLetsTheHeldUpdateThrough(t *testing.T) {
	t.Parallel()
	for name, lift := range map[string]func(s *shop){
		"of the namespace": func(s *shop) {
			s.must("annotate", "namespace", s.namespace, v1alpha1.CanaryAnnotation+"-")
		},
		"of the Deployment": func(s *shop) {
			s.must("annotate", "deployment", "web", v1alpha1.CanaryAnnotation+"=disabled")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, settings{plan: patient, noLoad: true})
			run := s.holdV2()
			s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
			lift(s)
			ended := await(s, "the run ends", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.Phase.Ended() })
			if ended.Status.Phase != v1alpha1.PhaseCanceled || ended.Status.Reason != v1alpha1.ReasonUnguarded {
				t.Errorf("the run is %s (%s)", ended.Status.Phase, ended.Status.Reason)
			}
			s.wantImage("v2")
			s.wantNoCanary()
		})
	}
}

func TestRestartAndRollbackPassAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: planOf(`sum(up{ {{canary}} }) * 0`), noLoad: true})
	run := s.holdV2()
	s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.must("rollout", "restart", "deployment/web")
	s.awaitAvailable()
	s.wantImage("v2")
	said := s.must("rollout", "undo", "deployment/web", "--to-revision=1")
	if !strings.Contains(said, "rollback") {
		t.Errorf("kubectl says:\n%s", said)
	}
	s.wantImage("v1")
	s.awaitAvailable()
	if held := s.deployment("web").Annotations[v1alpha1.HeldAnnotation]; held != "" {
		t.Error("the rollback brought a record back")
	}
}
