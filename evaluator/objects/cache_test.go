package objects

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/canary"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/probe"
)

var sealKey = hold.Key(strings.Repeat("k", hold.KeySize))

func TestTheCacheKeepsAHashInPlaceOfATemplate(t *testing.T) {
	template := map[string]any{"spec": map[string]any{"fieldOfTomorrow": "x", "containers": []any{}}}
	want, err := hold.HashOf(template)
	if err != nil {
		t.Fatal(err)
	}
	u := NewDeployment()
	u.Object["spec"] = map[string]any{"replicas": int64(3), "template": template}
	u.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "x"}})
	u.SetAnnotations(map[string]string{"note": "x", v1alpha1.HeldAnnotation: "y", v1alpha1.MetricAnnotationPrefix + "m": strings.Repeat("z", 1<<20)})
	for range 2 { // a transform may see an object twice
		trimmed, err := trimDeployment(sealKey)(u)
		if err != nil {
			t.Fatal(err)
		}
		u = trimmed.(*unstructured.Unstructured)
	}
	d := Deployment{u}
	if d.Hash() != want || d.Replicas() != 3 || d.Annotation("note") != "" || d.Annotation(v1alpha1.MetricAnnotationPrefix+"m") != "" || d.Annotation(v1alpha1.HeldAnnotation) != noRecord || u.GetManagedFields() != nil {
		t.Errorf("got %v", u.Object)
	}
	if _, found, _ := unstructured.NestedMap(u.Object, "spec", "template"); found {
		t.Error("the template is still there")
	}
}

// TestTheCacheKeepsOfARecordOfAnotherWhatItSaysOfItself, which is told to people, and
// nothing of what was held.
func TestTheCacheKeepsOfARecordOfAnotherWhatItSaysOfItself(t *testing.T) {
	seal := func(run string) string {
		record, err := hold.NewKey().Seal(hold.Record{
			ID: "x", Run: run, Hash: "abc", UID: "uid-other", Template: map[string]any{"spec": strings.Repeat("z", 1<<10)},
		})
		if err != nil {
			t.Fatal(err)
		}
		return record
	}
	for record, want := range map[string]string{seal("web-there"): "web-there", seal(strings.Repeat("w", maxShort)): "", "{": ""} {
		u := NewDeployment()
		u.SetUID("uid-web")
		u.Object["spec"] = map[string]any{"template": map[string]any{}}
		u.SetAnnotations(map[string]string{v1alpha1.HeldAnnotation: record})
		trimmed, err := trimDeployment(sealKey)(u)
		if err != nil {
			t.Fatal(err)
		}
		kept := Deployment{trimmed.(*unstructured.Unstructured)}
		run := ""
		if label := kept.OfAnother(); label != nil {
			run = label.Run
		}
		if text := kept.Annotation(v1alpha1.HeldAnnotation); run != want || text == "" || len(text) > maxShort {
			t.Errorf("of the record of run %.20q %d bytes are kept, which name run %q", want, len(text), run)
		}
	}
}

// TestTheCacheKeepsWhatPeopleAskOfANamespace: it is the webhook's, too, which derives labels from it.
func TestTheCacheKeepsWhatPeopleAskOfANamespace(t *testing.T) {
	ns := NewNamespace()
	asked := map[string]string{v1alpha1.CanaryAnnotation: "enabled", v1alpha1.PlanAnnotation: "slow", v1alpha1.ProbeAnnotation: "enabled", v1alpha1.KillAnnotation: "enabled"}
	ns.SetAnnotations(maps.Clone(asked))
	ns.Annotations["example.com/notes"] = "x"
	trimmed, err := trimNamespace(ns)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(asked, trimmed.(*metav1.PartialObjectMetadata).Annotations); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheCacheBearsWhateverItGets(t *testing.T) {
	for _, object := range []any{
		nil, "x", &corev1.Namespace{}, &unstructured.Unstructured{}, &unstructured.Unstructured{Object: map[string]any{"spec": "x"}},
		&unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"template": "x", "selector": int64(1), "replicas": "y"}, "status": map[string]any{"conditions": []any{int64(1)}}}},
	} {
		for _, trim := range []func(any) (any, error){trimDeployment(sealKey), trimPod, trimReplicaSet, trimRun, trimNamespace, trimToName} {
			if _, err := trim(object); err != nil {
				t.Errorf("%v: %v", object, err)
			}
		}
		if u, ok := object.(*unstructured.Unstructured); ok {
			d := Deployment{u}
			_, _ = d.View().Selector()
			_ = fmt.Sprint(d.Hash(), d.Replicas(), d.View().MinReadySeconds(), d.View().Paused(), d.Progressing())
		}
	}
}

func TestCacheOptionsNameEveryKind(t *testing.T) {
	var kinds []string
	for object := range CacheOptions(sealKey).ByObject {
		kinds = append(kinds, fmt.Sprintf("%T", object))
	}
	if diff := cmp.Diff(6, len(kinds)); diff != "" {
		t.Errorf("kinds %v", kinds)
	}
}

// TestAChangeOfALargePlanIsSeen: the digest of what is not kept is another one.
func TestAChangeOfALargePlanIsSeen(t *testing.T) {
	large := map[string]string{v1alpha1.PeriodAnnotation: "7s", v1alpha1.MetricAnnotationPrefix + "m": strings.Repeat(" ", maxPlanAnnotations)}
	trimmed := trimAnnotations(large)
	large[v1alpha1.PeriodAnnotation] = "8s"
	if again := trimAnnotations(large); again[planNotKept] == "" || again[planNotKept] == trimmed[planNotKept] {
		t.Error("a change of a plan that is not kept is not to be seen")
	}
}

// The cache keeps prints in place of specs, whatever an object claims and however
// often it is trimmed.
func TestTheCacheKeepsAPrintInPlaceOfASpec(t *testing.T) {
	rs := &appsv1.ReplicaSet{Spec: appsv1.ReplicaSetSpec{Template: corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}, Annotations: map[string]string{printAnnotation: "forged"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "v2"}}},
	}}}
	pod := &corev1.Pod{Spec: *rs.Spec.Template.Spec.DeepCopy()}
	pod.Annotations = map[string]string{printAnnotation: "forged", "note": "x", "mode": "strict"}
	wantPod, wantSet := canary.PodPrint(pod), canary.SetPrint(&rs.Spec)
	for range 2 {
		for object, trim := range map[any]func(any) (any, error){pod: trimPod, rs: trimReplicaSet} {
			if _, err := trim(object); err != nil {
				t.Fatal(err)
			}
		}
	}
	if PrintOfPod(pod) != wantPod || len(pod.Spec.Containers) != 0 || len(pod.Annotations) != 1 {
		t.Errorf("the pod is kept as %+v", pod)
	}
	if PrintOfSet(rs) != wantSet || len(rs.Spec.Template.Spec.Containers) != 0 || len(rs.Spec.Template.Annotations) != 1 {
		t.Errorf("the ReplicaSet is kept as %+v", rs)
	}
}

// What keeps requests from the probe of a pod is known when its containers are not, and is told by nobody
// else.
func TestTheCacheKeepsWhichMeshAPodHas(t *testing.T) {
	pod := &corev1.Pod{Spec: corev1.PodSpec{InitContainers: []corev1.Container{{Name: probe.RedirectContainer}}, Containers: []corev1.Container{{Name: "web"}}}}
	plain := pod.DeepCopy()
	plain.Annotations = map[string]string{meshAnnotation: "forged"}
	pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: "istio-proxy"})
	said := MeshOfPod(pod)
	for range 2 {
		for _, p := range []*corev1.Pod{pod, plain} {
			if _, err := trimPod(p); err != nil {
				t.Fatal(err)
			}
		}
	}
	if said == "" || MeshOfPod(pod) != said || MeshOfPod(plain) != "" {
		t.Errorf("it says %q, the cache %q, and of a pod without one %q", said, MeshOfPod(pod), MeshOfPod(plain))
	}
}

// Of a run that has ended the cache keeps what is still to be done: its Services are to go, after the drain
// time.
func TestTheCacheKeepsByWhatRequestsCame(t *testing.T) {
	of := func(source v1alpha1.TrafficSource) *v1alpha1.CanaryPlanSpec {
		return &v1alpha1.CanaryPlanSpec{ReadyDeadline: &metav1.Duration{}, Traffic: &v1alpha1.Traffic{Source: source, Drain: &metav1.Duration{Duration: 7 * time.Second}}}
	}
	for source, needed := range map[v1alpha1.TrafficSource]bool{
		v1alpha1.TrafficWeighted: true, v1alpha1.TrafficMirror: true, v1alpha1.TrafficCanaryService: true, v1alpha1.TrafficBoth: true, v1alpha1.TrafficNone: false, v1alpha1.TrafficService: false,
	} {
		for _, run := range []*v1alpha1.CanaryRun{
			{Spec: v1alpha1.CanaryRunSpec{Plan: of(source)}},
			{Status: v1alpha1.CanaryRunStatus{Plan: of(source)}},
		} {
			run.Status.Phase, run.Status.Weight = v1alpha1.PhaseReleased, &v1alpha1.WeightStatus{}
			if _, err := trimRun(run); err != nil {
				t.Fatal(err)
			}
			plan := run.Spec.Plan
			if plan == nil {
				plan = run.Status.Plan
			}
			if plan.ReadyDeadline != nil || plan.Traffic.Drain.Duration != 7*time.Second {
				t.Errorf("of the plan the cache keeps %+v", plan)
			}
			if got := lifecycle.NeedsTraffic(lifecycle.Snapshot{Run: lifecycle.Run{Spec: run.Spec, Status: run.Status}}); got != needed {
				t.Errorf("a run with source %s that has ended needs its traffic: %t, want %t", source, got, needed)
			}
		}
	}
}
