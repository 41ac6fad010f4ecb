package room

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// recreated is shaped with the strategy Recreate.
func recreated(version string, lines ...string) string {
	return strings.Replace(shop.Shaped(version, 1, lines...), "strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}", "strategy: {type: Recreate}", 1)
}

// annotated is a manifest of shaped with an annotation.
func annotated(manifest, annotation string) string {
	return strings.Replace(manifest, "metadata: {name: shaped}", "metadata: {name: shaped, annotations: {"+annotation+"}}", 1)
}

// available applies a manifest of shaped and waits for it.
func available(s *shop.Shop, manifest string) {
	s.T.Helper()
	s.Must("apply", "-f", "-", manifest)
	shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
}

// told waits for an event about shaped.
func told(s *shop.Shop, reason string) {
	s.T.Helper()
	shop.AwaitSome(s, "event "+reason, &corev1.EventList{}, shop.MatchingFields("involvedObject.kind", "Deployment", "involvedObject.name", "shaped", "reason", reason))
}

// TestRecreateHasNoSecondPodUnasked: who says Recreate says that two versions never run at once. A canary
// would be the second. (argoproj/argo-rollouts#1310, codeamp/circuit#273; a volume of one writer:
// harvester/vm-import-controller#23; a host port: KBVE/kbve#10005)
func TestRecreateHasNoSecondPodUnasked(t *testing.T) {
	t.Parallel()
	wantPassed := func(s *shop.Shop, said string) {
		s.T.Helper()
		if !strings.Contains(said, "passed without a canary: spec.strategy.type of the Deployment is Recreate") || !strings.Contains(said, v1alpha1.BesideRecreateAnnotation) {
			s.T.Errorf("kubectl says:\n%s", said)
		}
		shop.Await(s, "shaped is rolled out", "shaped", &appsv1.Deployment{}, shop.RolledOut)
		if image := s.Deployment("shaped").Spec.Template.Spec.Containers[0].Image; !strings.HasSuffix(image, ":v2") {
			s.T.Errorf("the Deployment runs %s", image)
		}
		told(s, v1alpha1.EventUntried)
	}
	for name, lines := range map[string]string{
		"a lock":           "terminationGracePeriodSeconds: 2",
		"a volume":         "volumes: [{name: data, emptyDir: {}}]", // of one writer, where there are such
		"a port of a node": "hostNetwork: false",
	} {
		t.Run(name+", enabled", func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1})
			manifest := func(version string) string {
				m := recreated(version, lines)
				if name == "a port of a node" {
					m = strings.Replace(m, "containerPort: 8080", "containerPort: 8080, hostPort: 25565", 1)
				}
				return m
			}
			available(s, manifest("v1"))
			wantPassed(s, s.Must("apply", "-f", "-", manifest("v2")))
			var runs v1alpha1.CanaryRunList
			if err := shop.World.Client.List(t.Context(), &runs, client.InNamespace(s.Namespace)); err != nil || len(runs.Items) > 0 {
				t.Errorf("there are %d runs (%v)", len(runs.Items), err)
			}
		})
	}
	t.Run("required", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1, Guard: v1alpha1.CanaryRequired})
		available(s, recreated("v1"))
		said := s.Refused("apply", "-f", "-", recreated("v2"))
		for _, way := range []string{"holdfast.dev/beside-recreate=true", "besideRecreate: true", "RollingUpdate", "holdfast.dev/skip"} {
			if !strings.Contains(said, way) {
				t.Errorf("the refusal does not name %s:\n%s", way, said)
			}
		}
		run := s.NewestRun(s.Must("apply", "-f", "-", annotated(recreated("v2"), `holdfast.dev/beside-recreate: "true"`)))
		s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	})
	t.Run("a policy", func(t *testing.T) {
		t.Parallel()
		s := shop.OpenTenancy(t, shop.Patient).Shop
		available(s, recreated("v1"))
		if said := s.Refused("apply", "-f", "-", recreated("v2")); !strings.Contains(said, "has every update tried by one") {
			t.Errorf("kubectl says:\n%s", said)
		}
		s.Must("patch", "deployment", "shaped", "--type=merge", "-p", `{"spec":{"strategy":{"type":"RollingUpdate"}}}`)
		run := s.NewestRun(s.Must("set", "image", "deployment/shaped", "app=holdfast.test/app:v2"))
		s.Must("patch", "deployment", "shaped", "--type=merge", "-p", `{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null}}}`)
		s.AwaitReason(run.Name, v1alpha1.ReasonRecreate)
		if image := s.Deployment("shaped").Spec.Template.Spec.Containers[0].Image; !strings.HasSuffix(image, ":v1") {
			t.Errorf("the Deployment runs %s", image)
		}
	})
	t.Run("an image is named for one", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1})
		available(s, recreated("v1"))
		run := s.NewestRun(s.Must("annotate", "deployment", "shaped", "holdfast.dev/canary-image=holdfast.test/app:v2"))
		s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	})
	t.Run("its plan asks for one", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan + "  besideRecreate: true\n", Replicas: 1})
		available(s, recreated("v1"))
		run := s.NewestRun(s.Must("apply", "-f", "-", recreated("v2")))
		s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
		s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	})
	t.Run("it becomes so during a hold", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: strings.Replace(shop.ShapePlan, "period: 6s", "period: 10m", 1), Replicas: 1})
		run := s.HoldShaped(1)
		s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
		said := s.Must("patch", "deployment", "shaped", "--type=merge", "-p", `{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null}}}`)
		if !strings.Contains(said, "spec.strategy.type is Recreate now") {
			t.Errorf("kubectl says:\n%s", said)
		}
		s.AwaitReason(run.Name, v1alpha1.ReasonRecreate)
		shop.AwaitNone(s, "pods of the run", &corev1.PodList{}, client.MatchingLabels{v1alpha1.RunLabel: run.Name})
		s.Must("annotate", "deployment", "shaped", v1alpha1.BesideRecreateAnnotation+"=true")
		s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	})
}

// TestACanaryGivesWayToItsOwnRelease: it has its verdict, and its place is what the rollout waits for.
// Nothing that reads the Deployment sees a failed rollout. (kubernetes/kubernetes#89209,
// kubernetes/kubernetes#98656, fluxcd/flagger#1247; a full cluster: JiRaska/open-bank-oss#3545,
// tuist/tuist#12309)
func TestACanaryGivesWayToItsOwnRelease(t *testing.T) {
	t.Parallel()
	hurried := func(version string, replicas int, lines ...string) string {
		return strings.Replace(shop.Shaped(version, replicas, lines...), "  selector:", "  progressDeadlineSeconds: 20\n  selector:", 1)
	}
	released := func(s *shop.Shop, run *v1alpha1.CanaryRun) {
		s.T.Helper()
		s.Must("rollout", "status", "deployment/shaped", "--timeout="+shop.Patience.String())
		ended := s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
		if ended.Status.Reason != v1alpha1.ReasonRolledOut {
			s.T.Errorf("the run ended with %s: %s", ended.Status.Reason, ended.Status.Message)
		}
		told(s, "CanaryGivesWay")
	}
	for name, tc := range map[string]struct {
		plan string
		pods int // the quota, one of which is another Deployment's
	}{
		"a quota":                          {shop.ShapePlan, 5},
		"a quota, for canary and baseline": {strings.Replace(shop.ShapePlan, "  replicas: 1", "  baseline: {}", 1), 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: tc.plan, Replicas: 1})
			s.Must("create", "quota", "pods", fmt.Sprintf("--hard=pods=%d", tc.pods))
			available(s, hurried("v1", 3))
			run := s.NewestRun(s.Must("apply", "-f", "-", hurried("v2", 3)))
			released(s, run)
			wantFirstPodSoon(s, "v2")
		})
	}
	for name, baseline := range map[string]bool{"a node": false, "a node, for canary and baseline": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan, slots := shop.ShapePlan, 2
			if baseline {
				plan, slots = strings.Replace(shop.ShapePlan, "  replicas: 1", "  baseline: {}", 1), 3
			}
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: plan, Replicas: 1})
			slot := "slots.test/" + s.Namespace
			offerOnNodes(s, slot, slots)
			manifest := func(version string) string {
				return strings.Replace(hurried(version, 1), "ports:", fmt.Sprintf("resources: {limits: {%s: 1}}\n        ports:", slot), 1)
			}
			available(s, manifest("v1"))
			released(s, s.NewestRun(s.Must("apply", "-f", "-", manifest("v2"))))
		})
	}
}

// offerOnNodes has the first node offer so much of a resource that nobody else asks for.
func offerOnNodes(s *shop.Shop, resource string, amount int) {
	s.T.Helper()
	var nodes corev1.NodeList
	if err := shop.World.Client.List(s.T.Context(), &nodes); err != nil || len(nodes.Items) == 0 {
		s.T.Fatalf("there is no node (%v)", err)
	}
	patch := fmt.Sprintf(`{"status":{"capacity":{%q:"%d"},"allocatable":{%q:"%d"}}}`, resource, amount, resource, amount)
	if err := shop.World.Client.Status().Patch(s.T.Context(), &nodes.Items[0], client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		s.T.Fatal(err)
	}
}

// wantFirstPodSoon: no refused creation keeps the ReplicaSet of a version waiting before its next try.
func wantFirstPodSoon(s *shop.Shop, version string) {
	s.T.Helper()
	var sets appsv1.ReplicaSetList
	var pods corev1.PodList
	for _, list := range []client.ObjectList{&sets, &pods} {
		if err := shop.World.Client.List(s.T.Context(), list, client.InNamespace(s.Namespace), client.MatchingLabels{"app": "shaped"}); err != nil {
			s.T.Fatal(err)
		}
	}
	for _, set := range sets.Items {
		if !strings.HasSuffix(set.Spec.Template.Spec.Containers[0].Image, ":"+version) || set.Labels[v1alpha1.RunLabel] != "" {
			continue
		}
		first := time.Hour
		for _, pod := range pods.Items {
			if pod.Labels["pod-template-hash"] == set.Labels["pod-template-hash"] {
				first = min(first, pod.CreationTimestamp.Sub(set.CreationTimestamp.Time))
			}
		}
		s.T.Logf("the first pod of %s came %s after its ReplicaSet", version, first)
		if first > 5*time.Second {
			s.T.Errorf("the first pod of %s came %s after its ReplicaSet", version, first)
		}
		return
	}
	s.T.Errorf("there is no ReplicaSet of %s", version)
}

// TestWhatMayLeaveNoRoomForACanaryIsToldAtTheHold, with the field and the remedy, and not by a run that fails
// ten minutes later. (rancher/fleet#792, kubernetes/minikube#12904, kubernetes/kubernetes#97227; by
// hostNetwork: kubernetes/kubernetes#90669, newrelic/nri-kubernetes#356)
func TestWhatMayLeaveNoRoomForACanaryIsToldAtTheHold(t *testing.T) {
	t.Parallel()
	apart := "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: shaped}}%s}]}}"
	for name, tc := range map[string]struct {
		manifest func(version string) string
		says     string
	}{
		"a host port": {func(version string) string {
			return strings.Replace(shop.Shaped(version, 1), "containerPort: 8080", "containerPort: 8080, hostPort: 31234", 1)
		}, "spec.template.spec.containers[0].ports[0].hostPort (31234) is taken"},
		"a host port of another container": {func(version string) string {
			return shop.Shaped(version, 1) + "      - {name: side, image: \"holdfast.test/app:v1\", args: [\"--listen=:8081\"], ports: [{containerPort: 8081, hostPort: 31235}]}\n"
		}, "spec.template.spec.containers[1].ports[0].hostPort (31235) is taken"},
		"the network of the node": {func(version string) string {
			return strings.Replace(shop.Shaped(version, 1, "hostNetwork: true"), "ports: [{name: http, containerPort: 8080}]",
				"args: [\"--listen=:31236\"]\n        ports: [{name: http, containerPort: 31236}]", 1)
		}, "spec.template.spec.containers[0].ports[0].containerPort of a pod with hostNetwork (31236) is taken"},
		"required anti-affinity to itself": {func(version string) string {
			return shop.Shaped(version, 1, fmt.Sprintf(apart, ""))
		}, "podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0] keeps a canary away from each node"},
		"required anti-affinity within a version": {func(version string) string {
			return shop.Shaped(version, 1, fmt.Sprintf(apart, ", matchLabelKeys: [pod-template-hash]"))
		}, ""},
		"no surge": {func(version string) string {
			return strings.Replace(shop.Shaped(version, 1), "maxSurge: 1, maxUnavailable: 0", "maxSurge: 0, maxUnavailable: 1", 1)
		}, "spec.strategy.rollingUpdate.maxSurge is 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1})
			available(s, tc.manifest("v1"))
			said := s.Must("apply", "-f", "-", tc.manifest("v2"))
			if tc.says == "" {
				if strings.Contains(said, "no room") {
					t.Errorf("kubectl says:\n%s", said)
				}
				return
			}
			if !strings.Contains(said, "there may be no room for the canary") || !strings.Contains(said, tc.says) {
				t.Errorf("kubectl says:\n%s", said)
			}
			told(s, v1alpha1.EventRoomDoubtful)
		})
	}
}
