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

// protectPlan keeps ConfigMaps, and has a run go on for as long as the test likes.
var protectPlan = strings.NewReplacer("period: 6s", "period: 10m", "  replicas: 1\n", "  replicas: 1\n  protect: ConfigMaps\n").Replace(shop.ShapePlan)

// needing is shaped with a ConfigMap of each version, which its pods need as lines of a container and a pod
// say.
func needing(container, pod string) func(version string) string {
	return func(version string) string {
		at := strings.NewReplacer("VERSION", version)
		deployment := strings.Replace(shop.Shaped(version, 1, at.Replace(pod)), "      - name: app\n", "      - name: app\n        "+at.Replace(container)+"\n", 1)
		return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: needed-%s, labels: {app: shaped}}\ndata: {mode: a}\n---\n%s", version, deployment)
	}
}

var inEnvironment = needing("envFrom: [{configMapRef: {name: needed-VERSION}}]", "")

func isProtected(c *corev1.ConfigMap) bool {
	return slices.Contains(c.Finalizers, v1alpha1.ProtectFinalizer)
}

// holdAndPrune holds a second version and deletes what only the first one needs, at once, as a tool does that
// prunes.
func holdAndPrune(s *shop.Shop, manifest func(version string) string) *v1alpha1.CanaryRun {
	s.T.Helper()
	run := s.HoldSecond(manifest)
	s.Must("delete", "configmap", "needed-v1", "--wait=false")
	wantKept(s, "pruned during the hold")
	return run
}

func wantKept(s *shop.Shop, when string) {
	s.T.Helper()
	if c := shop.Get(s, "needed-v1", &corev1.ConfigMap{}); c.DeletionTimestamp == nil || !isProtected(c) || c.Data["mode"] != "a" {
		s.T.Errorf("%s ConfigMap needed-v1 is %+v", when, c)
	}
}

// replacePod deletes the stable pod, as a drain does, and waits for the one in its place.
func replacePod(s *shop.Shop) {
	s.T.Helper()
	var pods corev1.PodList
	if err := shop.World.Client.List(s.T.Context(), &pods, client.InNamespace(s.Namespace), client.MatchingLabels{"app": "shaped"}); err != nil {
		s.T.Fatal(err)
	}
	stable := slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool { return p.Labels[v1alpha1.RunLabel] != "" || p.DeletionTimestamp != nil })
	if len(stable) != 1 {
		s.T.Fatalf("there are %d stable pods", len(stable))
	}
	s.Must("delete", "pod", stable[0].Name)
	shop.AwaitList(s, "another stable pod is Ready", &pods, func(int) bool {
		return slices.ContainsFunc(pods.Items, func(p corev1.Pod) bool {
			return p.Labels[v1alpha1.RunLabel] == "" && p.Name != stable[0].Name && slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
				return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
			})
		})
	}, []client.ListOption{client.MatchingLabels{"app": "shaped"}})
}

// TestWhatTheStableTemplateNeedsIsKept: fluxcd/flux2#3378 and fluxcd/kustomize-controller#1180 (pruned as
// soon as the update is applied), pingcap/tidb-operator#2202 (Helm deletes it first, and a pod that restarts
// before its turn crashes).
func TestWhatTheStableTemplateNeedsIsKept(t *testing.T) {
	t.Parallel()
	for name, manifest := range map[string]func(string) string{
		"in the environment": inEnvironment,
		"in a volume": needing("volumeMounts: [{name: v, mountPath: /v}]",
			"volumes: [{name: v, projected: {sources: [{configMap: {name: needed-VERSION}}]}}]"),
	} {
		t.Run("until the release, "+name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: protectPlan, Replicas: 1})
			run := holdAndPrune(s, manifest)
			replacePod(s)
			s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			s.Decide(run.Name, `"decision":"Promote"`)
			s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
			shop.AwaitGone(s, "needed-v1", &corev1.ConfigMap{})
			shop.Await(s, "shaped has rolled out", "shaped", &appsv1.Deployment{}, shop.RolledOut)
		})
	}

	// kptdev/kpt#3119: by the very command that applies the update.
	t.Run("pruned by kubectl apply", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: protectPlan, Replicas: 1})
		labeled := func(version string) string { // what is pruned is what has the label
			return strings.Replace(inEnvironment(version), "metadata: {name: shaped}", "metadata: {name: shaped, labels: {app: shaped}}", 1)
		}
		s.Must("apply", "-f", "-", labeled("v1"))
		shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
		said := s.Must("apply", "--prune", "-l", "app=shaped", "--prune-allowlist=core/v1/ConfigMap", "-f", "-", labeled("v2"))
		if !strings.Contains(said, "configmap/needed-v1 pruned") {
			t.Errorf("kubectl says:\n%s", said)
		}
		wantKept(s, "pruned")
		shop.AwaitEvent(s, v1alpha1.EventConfigMapsProtected)
	})

	// argoproj/argo-rollouts#1297: after a failed canary the stable pods cannot start.
	t.Run("after a revert", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: protectPlan, Replicas: 1})
		run := holdAndPrune(s, inEnvironment)
		s.Decide(run.Name, `"decision":"Abort"`)
		s.AwaitPhase(run.Name, v1alpha1.PhaseReverted)
		shop.AwaitEvent(s, v1alpha1.EventConfigMapKept)
		replacePod(s)
		wantKept(s, "after the revert")
		s.Must("apply", "-f", "-", inEnvironment("v1")) // Git goes back: it cannot be made anew, and is needed
		replacePod(s)
		wantKept(s, "withdrawn")
		run = s.NewestRun(s.Must("apply", "-f", "-", inEnvironment("v3")))
		s.Decide(run.Name, `"decision":"Promote"`)
		s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
		shop.AwaitGone(s, "needed-v1", &corev1.ConfigMap{})
	})

	for name, end := range map[string]func(s *shop.Shop){
		"the plan asks for it": func(s *shop.Shop) {
			s.Must("patch", "canaryplan", "default", "--type=merge", "-p", `{"spec":{"protect":"None"}}`)
		},
		"it is guarded": func(s *shop.Shop) {
			s.Must("annotate", "deployment", "shaped", v1alpha1.CanaryAnnotation+"="+v1alpha1.CanaryDisabled)
		},
		"the Deployment is": func(s *shop.Shop) { s.Must("delete", "deployment", "shaped") },
		"somebody insists": func(s *shop.Shop) { // by the command of the event
			s.Must("patch", "configmap", "needed-v1", "-p", `{"metadata":{"$deleteFromPrimitiveList/finalizers":["holdfast.dev/stable-template"]}}`)
		},
	} {
		t.Run("no longer than "+name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: protectPlan, Replicas: 1})
			holdAndPrune(s, inEnvironment)
			end(s)
			shop.AwaitGone(s, "needed-v1", &corev1.ConfigMap{})
		})
	}

	t.Run("and keeps no namespace", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: protectPlan, Replicas: 1})
		holdAndPrune(s, inEnvironment)
		s.Must("delete", "namespace", s.Namespace, "--wait=false")
		shop.AwaitGone(s, s.Namespace, &corev1.Namespace{})
	})
}

// TestOfConfigMapsHoldfastChangesItsFinalizerOnly, whatever RBAC would allow.
func TestOfConfigMapsHoldfastChangesItsFinalizerOnly(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Replicas: 1})
	s.Must("create", "configmap", "settings", "--from-literal=mode=a")
	for patch, allowed := range map[string]bool{
		`{"metadata":{"finalizers":["holdfast.dev/stable-template"]}}`: true,
		`{"metadata":{"finalizers":["example.com/other"]}}`:            false,
		`{"metadata":{"labels":{"a":"b"}}}`:                            false,
		`{"metadata":{"annotations":{"a":"b"}}}`:                       false,
		`{"data":{"mode":"b"}}`:                                        false,
		`{"immutable":true}`:                                           false,
	} {
		_, stderr, code := s.Kubectl("patch", "configmap", "settings", "-p", patch, "--dry-run=server", "--as=system:serviceaccount:holdfast-system:holdfast")
		if (code == 0) != allowed || !allowed && !strings.Contains(stderr, "of ConfigMaps Holdfast changes nothing but its finalizer") {
			t.Errorf("Holdfast patches %s: exit code %d %s", patch, code, stderr)
		}
	}
}
