package shapes

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestACanaryIsScheduledAsASurgePodWouldBe: what counts within a revision, as the scheduler and programs tell
// revisions apart, does not count a canary to the stable pods. (kubernetes/website#46833 and
// fluxcd/flagger#923 for affinity, kubernetes/kubernetes#98215 for spread; kubescape/node-agent#167 tells
// revisions apart by the label)
func TestACanaryIsScheduledAsASurgePodWouldBe(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string][]string{
		"required anti-affinity by revision": {
			"affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: shaped}}, matchLabelKeys: [pod-template-hash]}]}}",
		},
		"topology spread by revision, one domain of two that has no node for it": {
			"topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: shaped}}, matchLabelKeys: [pod-template-hash], minDomains: 2}]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1})
			run := s.HoldShaped(1, lines...)
			s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
			shop.Await(s, "shaped is rolled out", "shaped", &appsv1.Deployment{}, shop.RolledOut)
		})
	}
	t.Run("each role is a revision of its own to who reads the label", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: strings.Replace(strings.Replace(shop.ShapePlan, "period: 6s", "period: 10m", 1), "  replicas: 1", "  baseline: {}", 1), Replicas: 1})
		run := s.HoldShaped(1)
		s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
		var all corev1.PodList
		shop.AwaitSome(s, "a pod", &all, client.MatchingLabels{"app": "shaped"})
		stable := slices.DeleteFunc(all.Items, func(p corev1.Pod) bool { return p.Labels[v1alpha1.RunLabel] != "" })
		seen := map[string]string{}
		for role, pods := range map[string][]corev1.Pod{"stable": stable, "canary": s.PodsOfRole(run, v1alpha1.RoleCanary), "baseline": s.PodsOfRole(run, v1alpha1.RoleBaseline)} {
			revision := s.Says(pods[0].Name, "REVISION")
			if other, twice := seen[revision]; twice || revision == "" {
				t.Errorf("%s and %s are of revision %q", role, other, revision)
			}
			seen[revision] = role
		}
	})
}

// TestPodsOfACanaryHaveTheirOwnNames, as those of the Deployment do: leaders are elected, clusters joined and
// pods looked up by them. One name is for one pod, and where it is asked for. (kubernetes/kubernetes#61151,
// spring-cloud/spring-cloud-kubernetes#1202; workers and nodes of a cluster: celery/celery#2938,
// rabbitmq/rabbitmq-server#1652)
func TestPodsOfACanaryHaveTheirOwnNames(t *testing.T) {
	t.Parallel()
	named := func(extra string) string {
		return strings.Replace(strings.Replace(shop.ShapePlan, "period: 6s", "period: 10m", 1), "  replicas: 1", "  "+extra, 1)
	}
	for name, tc := range map[string]struct {
		plan string
		want string // "" for the pod's own name
		pods int
	}{
		"two pods":                {named("replicas: 2"), "", 2},
		"a share, in steps":       {named("steps: [{podShare: 50}]"), "", 2},
		"one pod":                 {named("replicas: 1"), "", 1},
		"one pod, and a hostname": {named("identity: {hostname: taster}"), "taster", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: tc.plan, Replicas: 1})
			run := s.HoldShaped(2)
			s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			pods := s.PodsOfRole(run, v1alpha1.RoleCanary)
			if len(pods) != tc.pods {
				t.Fatalf("there are %d pods", len(pods))
			}
			for _, pod := range pods {
				want := tc.want
				if want == "" {
					want = pod.Name
				}
				if says := s.Says(pod.Name, "HOSTNAME"); says != want {
					t.Errorf("pod %s calls itself %s", pod.Name, says)
				}
			}
		})
	}
	t.Run("by hand", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.Patient, Replicas: 1})
		for name, tc := range map[string]struct{ spec, want string }{
			"alone":   {"deployment: web, containers: [{name: app, image: 'holdfast.test/app:v2'}]", "canary"},
			"two":     {"deployment: web, containers: [{name: app, image: 'holdfast.test/app:v2'}], plan: {replicas: 2, analysis: {period: 10m}}", ""},
			"renamed": {"deployment: web, containers: [{name: app, image: 'holdfast.test/app:v2'}], plan: {identity: {hostname: lab}, analysis: {period: 10m}}", "lab"},
		} {
			s.Must("apply", "-f", "-", fmt.Sprintf("apiVersion: holdfast.dev/v1alpha1\nkind: CanaryRun\nmetadata: {name: %s}\nspec: {%s}\n", name, tc.spec))
			run := shop.Await(s, name+" is Ready", name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.ReadyAt != nil })
			for _, pod := range s.PodsOfRole(run, v1alpha1.RoleCanary) {
				want := tc.want
				if want == "" {
					want = pod.Name
				}
				if says := s.Says(pod.Name, "HOSTNAME"); says != want {
					t.Errorf("%s: pod %s calls itself %s", name, pod.Name, says)
				}
			}
		}
	})
	t.Run("two of one name are refused", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Replicas: 1})
		for _, extra := range []string{"replicas: 2", "replicas: 10%", "steps: [{replicas: 1}, {replicas: 2}]", "steps: [{podShare: 5}]"} {
			if said := s.Refused("apply", "-f", "-", named(extra+"\n  identity: {hostname: taster}")); !strings.Contains(said, "identity.hostname is for a canary of one pod") {
				t.Errorf("%s: %s", extra, said)
			}
		}
	})
}

// TestMinReadySecondsCountOnTopOfReadyDeadline: pods that are Ready are not reverted for not being so, and
// the message says what is waited for. (fluxcd/flagger#818, argoproj/argo-rollouts#1470,
// kubernetes/kubernetes#103258)
func TestMinReadySecondsCountOnTopOfReadyDeadline(t *testing.T) {
	t.Parallel()
	// As long as minReadySeconds: pods that are Ready in time are available after it, however soon that was.
	short := strings.Replace(shop.ShapePlan, "readyDeadline: 20s", "readyDeadline: 14s", 1)
	slow := func(version string) string {
		return strings.Replace(shop.Shaped(version, 1), "  selector:", "  minReadySeconds: 14\n  selector:", 1)
	}
	for name, plan := range map[string]string{
		"canary":                 short,
		"canary and baseline":    strings.Replace(short, "  replicas: 1", "  baseline: {}", 1),
		"in a step after a step": strings.Replace(short, "  replicas: 1", "  steps: [{replicas: 1, period: 2s}, {replicas: 2, period: 2s}]", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: plan, Replicas: 1})
			run := s.HoldSecond(slow)
			shop.Await(s, "it says what it waits for", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
				return strings.Contains(r.Status.Message, "have to be for 14s (minReadySeconds)")
			})
			s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
		})
	}
	t.Run("and no longer for pods that are not Ready", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: short, Replicas: 1})
		run := s.HoldSecond(func(version string) string {
			return slow(strings.Replace(version, "v2", "v2\n        args: [--never-ready]", 1))
		})
		ended := s.AwaitPhase(run.Name, v1alpha1.PhaseReverted)
		if !strings.Contains(ended.Status.Message, "not Ready within 14s") {
			t.Errorf("reverted: %s", ended.Status.Message)
		}
	})
}

// TestWhatMayBeTheCureWaitsForNothingThatCannotCome: the Deployment's pods can no longer be made, or are
// asked for in vain, and what is held asks for what can be. (argoproj/argo-rollouts#3110,
// fluxcd/flagger#1247; a quota: astronomer/astronomer#764, SREGym/SREGym#880)
func TestWhatMayBeTheCureWaitsForNothingThatCannotCome(t *testing.T) {
	t.Parallel()
	t.Run("the ServiceAccount is gone", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1})
		s.Must("create", "serviceaccount", "runner-old")
		s.Must("apply", "-f", "-", shop.Shaped("v1", 3, "serviceAccountName: runner-old"))
		shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
		s.Must("delete", "serviceaccount", "runner-old")
		var pods corev1.PodList
		shop.AwaitSome(s, "a pod", &pods, client.MatchingLabels{"app": "shaped"})
		s.Must("delete", "pod", pods.Items[0].Name, "--wait=false")
		shop.Await(s, "its pods cannot be made", "shaped", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
			return slices.ContainsFunc(d.Status.Conditions, func(c appsv1.DeploymentCondition) bool { return c.Type == appsv1.DeploymentReplicaFailure })
		})
		// Taken off, it would stay: the API server keeps it under its older name, serviceAccount.
		run := s.NewestRun(s.Must("apply", "-f", "-", shop.Shaped("v2", 3, "serviceAccountName: default")))
		s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
		shop.Await(s, "shaped is rolled out", "shaped", &appsv1.Deployment{}, shop.RolledOut)
	})
	// SREGym/SREGym#887: running pods go on, and none that is lost is made again.
	t.Run("Pod Security has become restricted", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1})
		s.Must("apply", "-f", "-", shop.Shaped("v1", 2))
		shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
		s.Must("label", "namespace", s.Namespace, "pod-security.kubernetes.io/enforce=restricted")
		var pods corev1.PodList
		shop.AwaitSome(s, "a pod", &pods, client.MatchingLabels{"app": "shaped"})
		s.Must("delete", "pod", pods.Items[0].Name, "--wait=false")
		shop.Await(s, "its pods cannot be made", "shaped", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
			return slices.ContainsFunc(d.Status.Conditions, func(c appsv1.DeploymentCondition) bool { return c.Type == appsv1.DeploymentReplicaFailure })
		})
		cure := strings.Replace(shop.Shaped("v2", 2, "securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}"),
			"ports:", "securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}\n        ports:", 1)
		run := s.NewestRun(s.Must("apply", "-f", "-", cure))
		s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
		shop.Await(s, "shaped is rolled out", "shaped", &appsv1.Deployment{}, shop.RolledOut)
	})
	t.Run("scaled up into a full quota", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1})
		large := func(memory string) string {
			return strings.Replace(shop.Shaped("v1", 2), "ports:", "resources: {requests: {memory: "+memory+"}}\n        ports:", 1)
		}
		s.Must("apply", "-f", "-", large("100Mi"))
		shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
		s.Fill("requests.memory=250Mi")
		s.Must("scale", "deployment", "shaped", "--replicas=4")
		shop.Await(s, "its pods cannot be made", "shaped", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
			return slices.ContainsFunc(d.Status.Conditions, func(c appsv1.DeploymentCondition) bool { return c.Type == appsv1.DeploymentReplicaFailure })
		})
		run := s.NewestRun(s.Must("apply", "-f", "-", strings.Replace(large("20Mi"), "replicas: 2", "replicas: 4", 1)))
		s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	})
	sick := func(version string) string {
		return shop.Shaped(version, 1, "volumes: [{name: config, configMap: {name: config, optional: false}}]")
	}
	// noneReady holds the cure of a Deployment, waits for its run, and has its stable pods end for good.
	noneReady := func(t *testing.T, plan, cure string, phase v1alpha1.Phase) (*shop.Shop, *v1alpha1.CanaryRun) {
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: plan, Replicas: 1})
		s.Must("create", "configmap", "config")
		s.Must("apply", "-f", "-", sick("v1"))
		shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
		run := s.NewestRun(s.Must("apply", "-f", "-", cure))
		s.AwaitPhase(run.Name, phase)
		s.Must("delete", "configmap", "config")
		var pods corev1.PodList
		shop.AwaitSome(s, "a pod", &pods, client.MatchingLabels{"app": "shaped"})
		for _, pod := range slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool { return p.Labels[v1alpha1.RunLabel] != "" }) {
			s.Must("delete", "pod", pod.Name, "--wait=false")
		}
		shop.Await(s, "no stable pod is Ready", "shaped", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool { return d.Status.ReadyReplicas == 0 })
		return s, run
	}
	t.Run("no stable pod is Ready any more", func(t *testing.T) {
		t.Parallel()
		s, run := noneReady(t, strings.Replace(shop.ShapePlan, "period: 6s", "period: 10m", 1), shop.Shaped("v2", 1), v1alpha1.PhaseRunning)
		if said := s.Must("apply", "-f", "-", shop.Shaped("v2", 1)); !strings.Contains(said, "no pod of the Deployment is Ready") {
			t.Errorf("kubectl says:\n%s", said)
		}
		s.AwaitPhase(run.Name, v1alpha1.PhaseCanceled)
		shop.Await(s, "shaped is rolled out", "shaped", &appsv1.Deployment{}, shop.RolledOut)
	})
	t.Run("but what was seen to fail is no cure", func(t *testing.T) {
		t.Parallel()
		bad := strings.Replace(shop.Shaped("v2", 1), "image: holdfast.test/app:v2", "image: holdfast.test/app:v2\n        args: [--crash-after=1s]", 1)
		s, run := noneReady(t, shop.With(shop.ShapePlan, "onFailure: Freeze"), bad, v1alpha1.PhaseFrozen)
		if said := s.Must("apply", "-f", "-", bad); strings.Contains(said, "passed without a canary") {
			t.Errorf("kubectl says:\n%s", said)
		}
		s.AwaitPhase(run.Name, v1alpha1.PhaseFrozen)
		if image := s.Deployment("shaped").Spec.Template.Spec.Containers[0].Image; !strings.HasSuffix(image, ":v1") {
			t.Errorf("the Deployment runs %s", image)
		}
	})
}

// TestScaledToZeroThereIsNoCanary: who scales to zero stops the application. Nothing of it runs on, and
// nothing is released; the canary begins anew when there are replicas again. (argoproj/argo-rollouts#4950,
// flanksource/canary-checker#2246, openshift/origin#3313)
func TestScaledToZeroThereIsNoCanary(t *testing.T) {
	t.Parallel()
	for name, plan := range map[string]string{
		"while it is measured": shop.ShapePlan,
		"with a baseline":      strings.Replace(shop.ShapePlan, "  replicas: 1", "  baseline: {}", 1),
		"at a gate":            strings.Replace(shop.ShapePlan, "  replicas: 1", "  steps: [{replicas: 1, period: 3s, approval: true}, {replicas: 1, period: 3s}]", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: strings.Replace(plan, "period: 6s", "period: 30s", 1), Replicas: 1})
			run := s.HoldShaped(2)
			if name == "at a gate" {
				s.AwaitReason(run.Name, v1alpha1.ReasonApproval)
			} else {
				s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			}
			s.Must("scale", "deployment", "shaped", "--replicas=0")
			s.AwaitReason(run.Name, v1alpha1.ReasonScaledToZero)
			shop.Until(s, "nothing of it runs", func() bool {
				var pods corev1.PodList
				if err := shop.World.Client.List(t.Context(), &pods, client.InNamespace(s.Namespace), client.MatchingLabels{"app": "shaped"}); err != nil {
					t.Fatal(err)
				}
				return len(pods.Items) == 0
			})
			if image := s.Deployment("shaped").Spec.Template.Spec.Containers[0].Image; !strings.HasSuffix(image, ":v1") {
				t.Errorf("the Deployment runs %s", image)
			}
			s.Must("scale", "deployment", "shaped", "--replicas=2")
			var again *v1alpha1.CanaryRun
			if name == "at a gate" {
				again = s.AwaitReason(run.Name, v1alpha1.ReasonApproval)
				s.Decide(run.Name, `"approvedSteps":1`)
			} else {
				again = s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			}
			if again.Status.Step.Number != 1 {
				t.Errorf("it goes on in step %d", again.Status.Step.Number)
			}
			s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
		})
	}
}

// TestScaledToZeroNothingIsKept: nor does a canary that has its verdict stay when the application is
// stopped, be it kept for people to look at.
func TestScaledToZeroNothingIsKept(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.With(shop.PlanOf(`sum(up{ {{canary}} })`), "onFailure: Freeze")})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseFrozen)
	s.Must("scale", "deployment", "web", "--replicas=0")
	shop.Until(s, "nothing of it runs", func() bool {
		var pods corev1.PodList
		if err := shop.World.Client.List(t.Context(), &pods, client.InNamespace(s.Namespace), client.MatchingLabels{"app": "web"}); err != nil {
			t.Fatal(err)
		}
		return len(pods.Items) == 0 && len(s.PodsOfRole(run, v1alpha1.RoleCanary)) == 0
	})
	s.AwaitPhase(run.Name, v1alpha1.PhaseFrozen)
}

// TestChangesToAPausedDeploymentAreTriedAsOne: no pod of half a change is started, nothing is released, and
// after the resume one run tries the whole. Paused during a run, what passes is released after the resume.
// (kubernetes/website#28884)
func TestChangesToAPausedDeploymentAreTriedAsOne(t *testing.T) {
	t.Parallel()
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1})
		s.Must("apply", "-f", "-", shop.Shaped("v1", 1))
		shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
		s.Must("rollout", "pause", "deployment/shaped")
		half := s.NewestRun(s.Must("set", "image", "deployment/shaped", "app=holdfast.test/app:v2"))
		s.AwaitReason(half.Name, v1alpha1.ReasonDeploymentPaused)
		whole := s.NewestRun(s.Must("set", "env", "deployment/shaped", "NEEDED_BY_V2=yes"))
		s.AwaitPhase(half.Name, v1alpha1.PhaseSuperseded)
		s.AwaitReason(whole.Name, v1alpha1.ReasonDeploymentPaused)
		if pods := append(s.PodsOfRole(half, v1alpha1.RoleCanary), s.PodsOfRole(whole, v1alpha1.RoleCanary)...); len(pods) > 0 {
			t.Errorf("there is a canary pod: %s", pods[0].Name)
		}
		s.Must("rollout", "resume", "deployment/shaped")
		s.AwaitPhase(whole.Name, v1alpha1.PhaseReleased)
		if c := s.Deployment("shaped").Spec.Template.Spec.Containers[0]; !strings.HasSuffix(c.Image, ":v2") || len(c.Env) != 2 {
			t.Errorf("released was %s with %d variables", c.Image, len(c.Env))
		}
	})
	t.Run("during", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1})
		run := s.HoldShaped(1)
		s.Decide(run.Name, `"paused":true`) // it does not end meanwhile
		s.Must("rollout", "pause", "deployment/shaped")
		s.Decide(run.Name, `"paused":false`)
		waits := s.AwaitReason(run.Name, v1alpha1.ReasonDeploymentPaused)
		if waits.Status.Phase != v1alpha1.PhaseReleasing && waits.Status.Phase != v1alpha1.PhaseWaiting {
			t.Errorf("it is %s", waits.Status.Phase)
		}
		if image := s.Deployment("shaped").Spec.Template.Spec.Containers[0].Image; !strings.HasSuffix(image, ":v1") {
			t.Errorf("the Deployment runs %s", image)
		}
		s.Must("rollout", "resume", "deployment/shaped")
		s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	})
}
