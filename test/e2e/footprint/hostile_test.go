package footprint

import (
	"encoding/json"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

// How many there are of what a tenant may make many of; make hostile has more.
var (
	hostilePlans       = flag.Int("hostile.plans", 200, "how many CanaryPlans a hostile tenant makes")
	hostileDeployments = flag.Int("hostile.deployments", 60, "how many Deployments a hostile tenant has")
)

// residentMiB is the memory of the pod of Holdfast that has most.
func residentMiB(s *shop.Shop) int {
	s.T.Helper()
	most := 0.0
	for _, pod := range shop.HoldfastPods(s.T) {
		text := s.Must("get", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:8080/proxy/metrics", shop.HoldfastNamespace, pod.Name))
		_, after, found := strings.Cut(text, "\nprocess_resident_memory_bytes ")
		if !found {
			s.T.Fatalf("pod %s has no metric of its memory", pod.Name)
		}
		value, _, _ := strings.Cut(after, "\n")
		bytes, err := strconv.ParseFloat(value, 64)
		if err != nil {
			s.T.Fatal(err)
		}
		most = max(most, bytes)
	}
	return int(most) >> 20
}

// wantWorks sees a namespace that has nothing to do with it through a release.
func wantWorks(t *testing.T) {
	t.Helper()
	bystander := shop.Open(t, shop.Settings{Plan: shop.PlanOf(`sum(up{ {{canary}} }) * 0`), NoLoad: true, Replicas: 1})
	run := bystander.HoldV2()
	bystander.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
}

// TestARequestTooLargeForTheWebhookIsRefused: JSON escapes a template of 1.3 MB
// to more than the 7 MiB that the webhook reads. How large a request is its sender
// chooses, so it passes nowhere.
func TestARequestTooLargeForTheWebhookIsRefused(t *testing.T) {
	t.Parallel()
	value := "'" + strings.Repeat("<", 100_000) + "'" // six bytes each in JSON
	values := make([]string, 13)
	for i := range values {
		values[i] = value
	}
	before := shop.Restarts(t)
	for _, guard := range []string{v1alpha1.CanaryEnabled, v1alpha1.CanaryRequired} {
		s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true, Replicas: 1, Guard: guard})
		if err := sendYAML(s, values); err == nil || !strings.Contains(err.Error(), guard+".hold.holdfast.dev") || !strings.Contains(err.Error(), "too large to be looked at") {
			t.Errorf("%s: the API server says %.2000v", guard, err)
		}
		s.WantImage("v1")
	}
	wantWorks(t)
	shop.WantNoRestart(t, before)
}

// sendYAML applies web with these variables as YAML, in which nothing is escaped:
// the API server takes 3 MiB of a request.
func sendYAML(s *shop.Shop, values []string) error {
	deployment, _, _ := strings.Cut(shop.WithEnv(s.Web("v1"), values...), "---")
	return shop.World.Client.Patch(s.T.Context(), &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "web"}},
		client.RawPatch(types.ApplyYAMLPatchType, []byte(deployment)), client.FieldOwner("hostile"), client.ForceOwnership)
}

// TestHostileTextIsShownPlain: what people write into annotations comes back to
// terminals without a command in it, and on one line.
func TestHostileTextIsShownPlain(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true, Replicas: 1})
	const hostile = "\x1b[2J\x1b]0;owned\a\nError: released\u202e\u200b"
	annotate := func(values map[string]string) {
		t.Helper()
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": values}, "spec": map[string]any{"template": map[string]any{
			"metadata": map[string]any{"labels": map[string]string{"n": strconv.Itoa(len(values))}}}}})
		if err != nil {
			t.Fatal(err)
		}
		_, stderr, _ := s.Kubectl("patch", "deployment", "web", "--type=merge", "-p="+string(patch))
		if plaintext.Block(stderr, len(stderr)+1) != stderr {
			t.Errorf("kubectl shows %q", stderr)
		}
	}
	annotate(map[string]string{v1alpha1.SkipAnnotation: "because " + hostile})
	shop.AwaitEvent(s, v1alpha1.ReasonSkipped)
	annotate(map[string]string{v1alpha1.PlanAnnotation: hostile, v1alpha1.SkipAnnotation: ""}) // refused
	named, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{v1alpha1.PlanAnnotation: hostile}}})
	if err != nil {
		t.Fatal(err)
	}
	s.Must("patch", "namespace", s.Namespace, "--type=merge", "-p="+string(named))
	annotate(map[string]string{v1alpha1.SkipAnnotation: "", "a": ""})
	shop.AwaitEvent(s, v1alpha1.ReasonPlanNotFound)
	annotate(map[string]string{v1alpha1.MetricAnnotationPrefix + "x": hostile, "a": "", "b": ""})

	var events eventsv1.EventList
	if err := shop.World.Client.List(t.Context(), &events, client.InNamespace(s.Namespace)); err != nil {
		t.Fatal(err)
	}
	for _, e := range events.Items {
		if plaintext.Line(e.Note, len(e.Note)+1) != e.Note {
			t.Errorf("event %s says %q", e.Reason, e.Note)
		}
	}
}

// TestARunOfADeepTemplateHarmsNobody: a run made by hand may carry any JSON as its
// template. It comes to nothing, and other runs go on.
func TestARunOfADeepTemplateHarmsNobody(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true, Replicas: 1})
	before := shop.Restarts(t)
	for name, template := range map[string]string{
		"deep":   `{"spec":` + strings.Repeat(`{"a":`, 4000) + `1` + strings.Repeat(`}`, 4000) + `}`,
		"list":   `{"metadata":{"labels":{"app":"web"}},"spec":{"containers":` + strings.Repeat("[", 4000) + strings.Repeat("]", 4000) + `}}`,
		"odd":    `{"spec":{"serviceAccount":{},"serviceAccountName":{},"containers":{"name":"a"}}}`,
		"labels": `{"metadata":{"labels":[1],"annotations":"x"},"spec":{"containers":[null]}}`,
	} {
		run := &v1alpha1.CanaryRun{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: name},
			Spec:       v1alpha1.CanaryRunSpec{Deployment: "web", Template: &runtime.RawExtension{Raw: []byte(template)}},
		}
		if err := shop.World.Client.Create(t.Context(), run); err != nil {
			t.Logf("%s: refused by the API server: %.200s", name, err)
			continue
		}
		shop.Await(s, "run "+name+" is looked at", name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.Message != "" })
	}
	wantWorks(t)
	shop.WantNoRestart(t, before)
}

// each calls do for the numbers up to n, several at a time.
func each(t *testing.T, n int, do func(i int) error) {
	t.Helper()
	const workers = 8
	errs := make(chan error, workers)
	for w := range workers {
		go func() {
			for i := w; i < n; i += workers {
				if err := do(i); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range workers {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
}

// TestManyLargePlansTakeLittleMemory: they cost the API server their size, and
// Holdfast their names. The test runs alone, for it measures.
func TestManyLargePlansTakeLittleMemory(t *testing.T) {
	stage.Long(t)
	n, size := *hostilePlans, min(30_000, 300_000_000/max(*hostilePlans, 1)) // a plan may have 32 KiB
	s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true, Replicas: 1})
	before, memory := shop.Restarts(t), residentMiB(s)
	each(t, n, func(i int) error {
		one := 0.0
		plan := &v1alpha1.CanaryPlan{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: fmt.Sprintf("plan-%d", i)}}
		for j := range max(size/8000, 1) {
			plan.Spec.Analysis.Metrics = append(plan.Spec.Analysis.Metrics, v1alpha1.Metric{
				Name: fmt.Sprintf("m-%d", j), Query: `up{ {{canary}} } # ` + strings.Repeat("x", 7900), Range: v1alpha1.Range{Max: &one},
			})
		}
		return shop.World.Client.Create(t.Context(), plan)
	})
	wantWorks(t)
	grown, written := residentMiB(s)-memory, n*size>>20
	t.Logf("%d plans, %d MiB in all; Holdfast has grown by %d MiB to %d MiB", n, written, grown, memory+grown)
	if limit := 100 + n/200; grown > limit {
		t.Errorf("Holdfast has grown by %d MiB, at most %d are allowed", grown, limit)
	}
	shop.WantNoRestart(t, before)
}

// TestManyDeploymentsInANamespace are all looked after, in bounded memory, and keep
// no other namespace waiting. The test runs alone, for it measures.
func TestManyDeploymentsInANamespace(t *testing.T) {
	stage.Long(t)
	n := *hostileDeployments
	s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true, Replicas: 1})
	before, memory := shop.Restarts(t), residentMiB(s)
	zero := int32(0)
	each(t, n, func(i int) error {
		labels := map[string]string{"app": fmt.Sprintf("many-%d", i)}
		return shop.World.Client.Create(t.Context(), &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: labels["app"], Annotations: map[string]string{"large": strings.Repeat("x", 2000)}},
			Spec: appsv1.DeploymentSpec{Replicas: &zero, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "holdfast.test/app:v1", Args: []string{strings.Repeat("y", 20_000)}}}},
			}},
		})
	})
	for i := range n {
		shop.Await(s, "the Deployment has its stamp", fmt.Sprintf("many-%d", i), &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
			return d.Annotations[v1alpha1.StableAnnotation] != ""
		})
	}
	wantWorks(t)
	grown := residentMiB(s) - memory
	t.Logf("%d Deployments; Holdfast has grown by %d MiB to %d MiB", n, grown, memory+grown)
	if limit := 100 + n/20; grown > limit {
		t.Errorf("Holdfast has grown by %d MiB, at most %d are allowed", grown, limit)
	}
	shop.WantNoRestart(t, before)
}
