package shapes

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// Two things at once: what is right of each alone is so of both together.

// availableV1 applies the first version of a Deployment called shaped, and waits for it.
func availableV1(s *shop.Shop, manifest string) {
	s.T.Helper()
	s.Must("apply", "-f", "-", manifest)
	shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
}

// wantNoPodOf waits for nothing: what a run waits for keeps it from having pods.
func wantNoPodOf(s *shop.Shop, run *v1alpha1.CanaryRun) {
	s.T.Helper()
	if pods := s.PodsOfRole(run, v1alpha1.RoleCanary); len(pods) > 0 {
		s.T.Errorf("run %s has pod %s", run.Name, pods[0].Name)
	}
}

// TestPausedAndScaledToZero: a Deployment that is paused can be scaled (kubernetes/kubernetes#20853,
// kubernetes/website#26253), and what is held waits for both to end, whichever ends first.
func TestPausedAndScaledToZero(t *testing.T) {
	t.Parallel()
	for name, ends := range map[string][2]func(*shop.Shop){
		"resumed first":   {resume, scaleUp},
		"scaled up first": {scaleUp, resume},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1})
			availableV1(s, shop.Shaped("v1", 1))
			s.Must("rollout", "pause", "deployment/shaped")
			run := s.NewestRun(s.Must("set", "image", "deployment/shaped", "app=holdfast.test/app:v2"))
			s.AwaitReason(run.Name, v1alpha1.ReasonDeploymentPaused)
			s.Must("scale", "deployment", "shaped", "--replicas=0")
			ends[0](s)
			want := v1alpha1.ReasonScaledToZero
			if name == "scaled up first" {
				want = v1alpha1.ReasonDeploymentPaused
			}
			s.AwaitReason(run.Name, want)
			wantNoPodOf(s, run)
			wantShaped(s, "v1", "", "")
			ends[1](s)
			s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
			wantShaped(s, "v2", "", "")
		})
	}
}

func resume(s *shop.Shop)  { s.Must("rollout", "resume", "deployment/shaped") }
func scaleUp(s *shop.Shop) { s.Must("scale", "deployment", "shaped", "--replicas=2") }

// TestPausedByTheManifest that brings the update, and resumed by the one that brings its second half.
// (kubernetes/client-go#487, argoproj/argo-cd#7250)
func TestPausedByTheManifest(t *testing.T) {
	t.Parallel()
	for name, apply := range map[string][]string{
		"client-side": {"apply", "-f", "-"},
		"server-side": {"apply", "--server-side", "-f", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1})
			s.Must(append(apply, shop.Shaped("v1", 1))...)
			shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
			half := s.NewestRun(s.Must(append(apply, strings.Replace(shop.Shaped("v2", 1), "  selector:", "  paused: true\n  selector:", 1))...))
			s.AwaitReason(half.Name, v1alpha1.ReasonDeploymentPaused)
			wantNoPodOf(s, half)
			whole := s.NewestRun(s.Must(append(apply, strings.Replace(shop.Shaped("v2", 1), "env: [", "env: [{name: NEEDED_BY_V2, value: \"yes\"}, ", 1))...))
			s.AwaitPhase(half.Name, v1alpha1.PhaseSuperseded)
			s.AwaitPhase(whole.Name, v1alpha1.PhaseReleased)
			wantNoPodOf(s, half)
			if env := s.Deployment("shaped").Spec.Template.Spec.Containers[0].Env; len(env) != 2 {
				t.Errorf("released was %v", env)
			}
		})
	}
}

// TestAMarkOfARestartBesideAnUpdate is none: Rancher sends both in one request when an image is changed in
// its form (rancher/dashboard#16445), and Reloader's variable comes with whatever else a pipeline says. The
// update is held; the next restart alone passes, also by a variable of a container that is done before the
// others start.
func TestAMarkOfARestartBesideAnUpdate(t *testing.T) {
	t.Parallel()
	const ofReloader = `{"name":"STAKATER_DB_LOGIN_SECRET","value":"%040d"}`
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1})
	availableV1(s, shop.Shaped("v1", 1, `initContainers: [{name: init, image: "holdfast.test/app:v1", args: [--crash-after=100ms, --exit-code=0]}]`))
	container := func(kind, name, more string) string {
		return fmt.Sprintf(`{"spec":{"template":{"spec":{%q:[{"name":%q,%s}]}}}}`, kind, name, more)
	}
	both := container("containers", "app", `"image":"holdfast.test/app:v2","env":[`+fmt.Sprintf(ofReloader, 1)+`]`)
	run := s.NewestRun(s.Must("patch", "deployment", "shaped", "-p", both))
	s.Decide(run.Name, `"paused":true`) // it does not end meanwhile
	wantShaped(s, "v1", "", "")
	for kind, name := range map[string]string{"containers": "app", "initContainers": "init"} {
		if said := s.Must("patch", "deployment", "shaped", "-p", container(kind, name, `"env":[`+fmt.Sprintf(ofReloader, 2)+`]`)); strings.Contains(said, "update held in place") {
			t.Errorf("a restart by a variable of %s: %s", name, said)
		}
	}
	restarted := func(version string) {
		t.Helper()
		template := s.Deployment("shaped").Spec.Template
		for _, c := range slices.Concat(template.Spec.InitContainers, template.Spec.Containers) {
			if !slices.ContainsFunc(c.Env, func(v corev1.EnvVar) bool { return v.Value == fmt.Sprintf("%040d", 2) }) {
				t.Errorf("%s was not restarted: %v", c.Name, c.Env)
			}
		}
		wantShaped(s, version, "", "")
	}
	restarted("v1")
	s.Decide(run.Name, `"paused":false`)
	s.AwaitReason(run.Name, v1alpha1.ReasonRolledOut)
	restarted("v2")
	if runs := canaryRuns(s); len(runs) != 1 {
		t.Errorf("there are %d runs", len(runs))
	}
}

// TestAChangeCauseAlone is no update: without a hold it is that of the revision that runs, in a manifest too;
// of what is held it belongs to that, and starts no other run.
func TestAChangeCauseAlone(t *testing.T) {
	t.Parallel()
	for name, apply := range map[string][]string{
		"client-side": {"apply", "-f", "-"},
		"server-side": {"apply", "--server-side", "-f", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1})
			s.Must(append(apply, caused("v1", "portal 1.0"))...)
			shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
			if said := s.Must(append(apply, caused("v1", "portal 1.0.1"))...); strings.Contains(said, "held") {
				t.Errorf("without a hold: %s", said)
			}
			wantHistory(s, "without a hold", "1 portal 1.0.1")
			run := s.NewestRun(s.Must(append(apply, caused("v2", "portal 2.0"))...))
			s.Decide(run.Name, `"paused":true`) // it does not end meanwhile
			s.Must(append(apply, caused("v2", "portal 2.0.1"))...)
			wantHistory(s, "during the hold", "1 portal 1.0.1")
			s.Decide(run.Name, `"paused":false`)
			s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
			wantHistory(s, "after the release", "1 portal 1.0.1, 2 portal 2.0.1")
			if cause := s.Deployment("shaped").Annotations[hold.ChangeCause]; cause != "portal 2.0.1" {
				t.Errorf("the Deployment says %q", cause)
			}
			if runs := canaryRuns(s); len(runs) != 1 {
				t.Errorf("there are %d runs", len(runs))
			}
		})
	}
}
