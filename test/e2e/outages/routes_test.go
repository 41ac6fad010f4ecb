package outages

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

// shares has two, and a canary that is judged by whether it is down.
const shares = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  readyDeadline: 60s
  traffic: {source: Weighted, drain: 4s}
  steps: [{weight: 20, approval: true}, {weight: 50, approval: true}]
  analysis: {interval: 1s, period: 2s}
`

// patient has a pod answer on for longer than a gateway on a busy machine needs to see that it goes.
const patient = "--drain=12s"

// openRouted is a shop behind Traefik and under load, and its route as its user has it.
func openRouted(t *testing.T, plan string) (s *shop.Shop, before string) {
	t.Helper()
	shop.NeedTraefik(t)
	s = shop.Open(t, shop.Settings{Plan: plan, NoLoad: true, Args: []string{patient}})
	s.Must("apply", "--server-side", "--field-manager=gitops", "-f", "-", s.RouteBy(shop.Traefik))
	s.AwaitGateway()
	return s, askedOf(awaitRoute(s, "it is there", func(*unstructured.Unstructured) bool { return true }))
}

// askedOf is what of a route is its user's.
func askedOf(route *unstructured.Unstructured) string {
	out := route.DeepCopy()
	unstructured.RemoveNestedField(out.Object, "status")
	out.SetResourceVersion("")
	out.SetGeneration(0)
	var kept []any
	entries, _, _ := unstructured.NestedSlice(out.Object, "metadata", "managedFields")
	for _, e := range entries {
		if entry, _ := e.(map[string]any); entry["subresource"] == nil { // the status has owners and times of its own
			kept = append(kept, e)
		}
	}
	_ = unstructured.SetNestedSlice(out.Object, kept, "metadata", "managedFields") // it was one
	text, err := json.MarshalIndent(out.Object, "", " ")
	if err != nil {
		panic(err)
	}
	return string(text)
}

// scenes are where a run with a share stands when all of Holdfast is killed: each begins at the gate of its
// first step, unless it says otherwise, and goes on by what somebody does afterwards.
var scenes = []struct {
	when   string
	args   []string
	begin  func(s *shop.Shop, run string) // nil for the gate
	before func(s *shop.Shop, run string) // what somebody does right before
	after  string                         // what somebody decides when it is at a gate again
	phase  v1alpha1.Phase
	image  string
}{
	{when: "it is not laid yet", args: []string{"--ready-after=20s"}, begin: func(s *shop.Shop, _ string) {
		shop.AwaitSome(s, "a Service of the canary", &corev1.ServiceList{}, client.HasLabels{v1alpha1.RunLabel})
	}, after: `"decision":"Abort"`, phase: v1alpha1.PhaseReverted, image: "v1"},
	{when: "it is laid", after: `"decision":"Promote"`, phase: v1alpha1.PhaseReleased, image: "v2"},
	{when: "it is to grow", before: decide(`"approvedSteps":1`), after: `"approvedSteps":2`, phase: v1alpha1.PhaseReleased, image: "v2"},
	{when: "it is to come off", before: decide(`"decision":"Abort"`), phase: v1alpha1.PhaseReverted, image: "v1"},
	{when: "it is off", before: func(s *shop.Shop, run string) {
		s.Decide(run, `"decision":"Abort"`)
		awaitRoute(s, "the share is off", func(r *unstructured.Unstructured) bool { return !overlaid(r) })
	}, phase: v1alpha1.PhaseReverted, image: "v1"},
	{when: "the template is released", args: []string{"--ready-after=4s"}, before: func(s *shop.Shop, run string) {
		s.Decide(run, `"decision":"Promote"`)
		s.AwaitPhase(run, v1alpha1.PhaseReleasing)
	}, phase: v1alpha1.PhaseReleased, image: "v2"},
}

func decide(what string) func(s *shop.Shop, run string) {
	return func(s *shop.Shop, run string) { s.Decide(run, what) }
}

// TestAllOfHoldfastIsKilledAtEachMomentOfAShare, evaluator and webhook at once: before it is laid, when it
// is, when it is to change, when it is to come off, when it is off, and in the release. No request fails, and
// no weight is left behind. In memory that is seen for every write: evaluator/routes_test.go.
func TestAllOfHoldfastIsKilledAtEachMomentOfAShare(t *testing.T) {
	stage.Long(t)
	type played struct {
		*shop.Shop
		run, before string
	}
	plays := make([]played, len(scenes))
	for i := range scenes {
		plays[i].Shop, plays[i].before = openRouted(t, shares)
	}
	for i, scene := range scenes {
		plays[i].LoadGateway(10)
		plays[i].run = plays[i].HoldV2(append([]string{"--version=v2", patient}, scene.args...)...).Name
	}
	for i, scene := range slices.Backward(scenes) { // the first takes longest
		if s := plays[i]; scene.begin == nil {
			s.AwaitPhase(s.run, v1alpha1.PhasePaused)
		} else {
			scene.begin(s.Shop, s.run)
		}
	}
	for i, scene := range slices.Backward(scenes) {
		if scene.before != nil {
			scene.before(plays[i].Shop, plays[i].run)
		}
	}
	for _, pod := range shop.HoldfastPods(t) {
		if err := shop.World.Cluster.SignalPod(t.Context(), shop.HoldfastNamespace, pod.Name, syscall.SIGKILL); err != nil {
			t.Fatalf("kill %s: %v", pod.Name, err)
		}
	}
	for i, scene := range scenes {
		s := plays[i]
		t.Logf("killed when %s", scene.when)
		if scene.after != "" {
			want := int32(1)
			if scene.after == `"approvedSteps":2` {
				want = 2
			}
			shop.Await(s.Shop, "it is at the gate", s.run, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
				return r.Status.Phase == v1alpha1.PhasePaused && r.Status.Step != nil && r.Status.Step.Number == want
			})
			s.Decide(s.run, scene.after)
		}
	}
	for i, scene := range scenes {
		s := plays[i]
		t.Logf("killed when %s, the run ends", scene.when)
		s.AwaitPhase(s.run, scene.phase)
		wantNothingLeft(s.Shop, s.before, scene.image)
		s.WantNoneFailed(100)
	}
}

// wantNothingLeft: the route is its user's, nothing of the canary is there, and one version answers
// everybody.
func wantNothingLeft(s *shop.Shop, before, image string) {
	s.T.Helper()
	after := askedOf(awaitRoute(s, "the share is off", func(r *unstructured.Unstructured) bool { return !overlaid(r) }))
	if diff := cmp.Diff(before, after); diff != "" {
		s.T.Errorf("the route (-before +after):\n%s", diff)
	}
	s.WantImage(image)
	s.WantNoCanary()
	shop.AwaitNone(s, "Services of the canary", &corev1.ServiceList{}, client.HasLabels{v1alpha1.RunLabel})
	if counts := s.Gateway().Count(s.T.Context(), 100); counts[image] != 100 {
		s.T.Errorf("after the run 100 requests are answered by %v", counts)
	}
}

// TestWhatIsWrittenWhileNobodyAnswersIsWhatItsUserWants: all of Holdfast is away while a share is on routes,
// and each route is written in another way. It is stored as it came; when Holdfast is back the share lies
// over it, and at the end it is what its user asked for.
func TestWhatIsWrittenWhileNobodyAnswersIsWhatItsUserWants(t *testing.T) {
	stage.Long(t)
	if err := shop.World.Cluster.GatewayAPI(t.Context()); err != nil {
		t.Fatal(err)
	}
	const manifest = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec: {parentRefs: [{name: nobody}], rules: [{backendRefs: [{name: web, port: 80, weight: 3}, {name: old, port: 80, weight: 1}]}]}
`
	type writer struct {
		write func(s *shop.Shop, read string)
		want  string // of the rules, at the end
	}
	const same = "web:3 old:1"
	writers := map[string]writer{
		"applies another manifest": {func(s *shop.Shop, _ string) {
			s.Must("apply", "--server-side", "--field-manager=gitops", "-f", "-", strings.Replace(manifest, "weight: 3", "weight: 7", 1))
		}, "web:7 old:1"},
		"applies the same manifest": {func(s *shop.Shop, _ string) {
			s.Must("apply", "--server-side", "--field-manager=gitops", "-f", "-", manifest)
		}, same},
		"replaces it by a text that was read": {func(s *shop.Shop, read string) {
			s.Must("replace", "-f", "-", strings.Replace(read, "  rules:\n", "  hostnames: [a.example]\n  rules:\n", 1))
		}, same},
		"patches a backend into it": {func(s *shop.Shop, _ string) {
			s.Must("patch", "httproute", "web", "--type=json", "-p", `[{"op":"add","path":"/spec/rules/0/backendRefs/-","value":{"name":"new","port":80,"weight":5}}]`)
		}, "web:15 old:5 new:5"}, // nobody has seen that it was a patch: the weights are those that stand there
		"makes it anew": {func(s *shop.Shop, _ string) {
			s.Must("delete", "httproute", "web")
			s.Must("apply", "--server-side", "--field-manager=gitops", "-f", "-", manifest)
		}, same},
	}
	type scene struct {
		*shop.Shop
		run, read string
	}
	scenes := map[string]*scene{}
	for name := range writers {
		s := shop.Open(t, shop.Settings{Plan: strings.Replace(weighted, "readyDeadline: 60s", "readyDeadline: 10m", 1), NoLoad: true})
		s.Must("apply", "--server-side", "--field-manager=gitops", "-f", "-", manifest)
		scenes[name] = &scene{Shop: s, run: s.HoldV2().Name}
	}
	for _, s := range scenes {
		awaitRoute(s.Shop, "it has the share of the canary", overlaid)
		read, _, _ := s.Kubectl("get", "httproute", "web", "-o", "yaml")
		s.read = unversioned(read)
	}
	system := &shop.Shop{T: t, Namespace: shop.HoldfastNamespace}
	back := away(system)
	for name, w := range writers {
		w.write(scenes[name].Shop, scenes[name].read)
	}
	back()
	for name, s := range scenes {
		awaitRoute(s.Shop, name+": the share is on it again", func(r *unstructured.Unstructured) bool {
			return overlaid(r) && strings.Contains(backends(r), "web-canary-")
		})
		s.Decide(s.run, `"decision":"Abort"`)
	}
	for name, w := range writers {
		s := scenes[name]
		s.AwaitPhase(s.run, v1alpha1.PhaseReverted)
		after := awaitRoute(s.Shop, "the share is off", func(r *unstructured.Unstructured) bool { return !overlaid(r) })
		if got := backends(after); got != w.want {
			t.Errorf("who %s has in the end %s, want %s", name, got, w.want)
		}
		for _, entry := range after.GetManagedFields() {
			if entry.Manager == "holdfast" {
				t.Errorf("who %s has a route of which Holdfast owns something: %s", name, entry.FieldsV1)
			}
		}
	}
}

// away stops all of Holdfast. What it returns brings it back.
func away(system *shop.Shop) (back func()) {
	system.T.Helper()
	system.Must("scale", "deployment", "holdfast", "--replicas=0")
	system.T.Cleanup(func() { // for the scenarios after this one, should it fail
		_, _ = shop.World.Cluster.Kubectl(context.Background(), "", "-n", shop.HoldfastNamespace, "scale", "deployment", "holdfast", "--replicas=2")
	})
	shop.AwaitNone(system, "pods of Holdfast", &corev1.PodList{}, client.MatchingLabels{"app.kubernetes.io/name": "holdfast"})
	return func() {
		system.Must("scale", "deployment", "holdfast", "--replicas=2")
		system.Must("rollout", "status", "deployment/holdfast", "--timeout=90s")
	}
}

// unversioned is a text that is sent whatever became of its object.
func unversioned(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "  resourceVersion:") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// backends are those of the first rule, such as "web:3 old:1".
func backends(r *unstructured.Unstructured) string {
	rules, _, _ := unstructured.NestedSlice(r.Object, "spec", "rules")
	var out []string
	for _, rule := range rules[:min(1, len(rules))] {
		list, _ := rule.(map[string]any)["backendRefs"].([]any)
		for _, b := range list {
			backend, _ := b.(map[string]any)
			weight, _ := json.Marshal(backend["weight"]) // a number
			name, _ := backend["name"].(string)
			out = append(out, name+":"+string(weight))
		}
	}
	return strings.Join(out, " ")
}

// TestTheGatewayIsKilledWhileACanaryHasItsShare, and while it is taken off: the run goes on, the gateway that
// is back gives the canary its share, and at the end the route is its user's. Requests that come while no
// gateway is there fail.
func TestTheGatewayIsKilledWhileACanaryHasItsShare(t *testing.T) {
	stage.Long(t)
	s, before := openRouted(t, shares)
	run := s.HoldV2("--version=v2", patient)
	s.AwaitPhase(run.Name, v1alpha1.PhasePaused)
	killGateway(s)
	g := s.Gateway()
	shop.Until(s, "the gateway is back and goes by the route", func() bool { return g.Ask(t.Context()) == "v2" })
	if counts := g.Count(t.Context(), 500); counts["v1"]+counts["v2"] != 500 || counts["v2"] < 60 || counts["v2"] > 140 {
		t.Errorf("of 500 requests %v are answered, want a fifth by v2", counts)
	}
	s.Decide(run.Name, `"approvedSteps":1`)
	killGateway(s)
	shop.Await(s, "the gateway has taken the next share", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
		return r.Status.Step != nil && r.Status.Step.Number == 2 && r.Status.Phase == v1alpha1.PhasePaused
	})
	s.Decide(run.Name, `"decision":"Abort"`)
	killGateway(s)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReverted)
	shop.Until(s, "the gateway is back", func() bool { return g.Ask(t.Context()) == "v1" })
	wantNothingLeft(s, before, "v1")
}

// killGateway kills the process of the gateway, and waits until it is seen to have gone.
func killGateway(s *shop.Shop) {
	s.T.Helper()
	system := &shop.Shop{T: s.T, Namespace: "traefik"}
	var pods corev1.PodList
	shop.AwaitSome(system, "a pod of the gateway", &pods, client.MatchingLabels{"app": "traefik"})
	pod := pods.Items[0]
	if err := shop.World.Cluster.SignalPod(s.T.Context(), "traefik", pod.Name, syscall.SIGKILL); err != nil {
		s.T.Fatalf("kill the gateway: %v", err)
	}
	began := restarts(&pod)
	shop.Await(system, "the gateway was killed", pod.Name, &corev1.Pod{}, func(p *corev1.Pod) bool { return restarts(p) > began })
	s.T.Logf("the gateway was killed at %s", time.Now().Format(time.TimeOnly))
}

func restarts(pod *corev1.Pod) int32 {
	if len(pod.Status.ContainerStatuses) == 0 {
		return 0
	}
	return pod.Status.ContainerStatuses[0].RestartCount
}
