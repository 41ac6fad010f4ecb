package objects

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	goruntime "runtime"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// heapOf is the heap that n objects take in the store of an informer.
func heapOf(t *testing.T, n int, object func(i int) any, trim cache.TransformFunc) uint64 {
	t.Helper()
	store := cache.NewStore(cache.MetaNamespaceKeyFunc)
	if _, err := trim(object(n)); err != nil { // the first one also makes what is kept of its type
		t.Fatal(err)
	}
	before := heap()
	for i := range n {
		trimmed, err := trim(object(i))
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Add(trimmed); err != nil {
			t.Fatal(err)
		}
	}
	after := heap()
	goruntime.KeepAlive(store)
	return after - min(before, after)
}

func heap() uint64 {
	var m goruntime.MemStats
	for range 3 {
		goruntime.GC()
	}
	goruntime.ReadMemStats(&m)
	return m.HeapAlloc
}

// hostile fills the metadata of an object as far as the API server takes it: labels
// without number, 250 KiB of annotations (those under Holdfast's keys are read), owners,
// finalizers and managers of fields.
func hostile(o client.Object, i int) {
	large := strings.Repeat("x", 3<<10)
	labels := map[string]string{v1alpha1.RunLabel: "web-1", v1alpha1.RoleLabel: v1alpha1.RoleCanary, v1alpha1.DeploymentLabel: "web"}
	annotations := map[string]string{
		v1alpha1.HeldAnnotation: strings.Repeat("h", 60<<10), v1alpha1.StableAnnotation: large, v1alpha1.CanaryAnnotation: large,
		"a": strings.Repeat("a", 60<<10),
	}
	var owners []metav1.OwnerReference
	var finalizers []string
	for j := range 1900 {
		labels[fmt.Sprintf("label-%d-%d", i, j)] = strings.Repeat("y", 60)
		annotations[fmt.Sprintf("%sm-%d-%d", v1alpha1.MetricAnnotationPrefix, i, j)] = strings.Repeat("z", 60)
		owners = append(owners, metav1.OwnerReference{Kind: "ConfigMap", Name: fmt.Sprintf("owner-%d-%d", i, j), UID: types.UID(fmt.Sprint(i, j))})
		finalizers = append(finalizers, fmt.Sprintf("example.com/f-%d-%d", i, j))
	}
	controller := true
	owners = append(owners, metav1.OwnerReference{Kind: "Deployment", Name: "web", UID: "web", Controller: &controller})
	o.SetNamespace("shop")
	o.SetName(fmt.Sprintf("o-%d", i))
	o.SetUID(types.UID(fmt.Sprint(i)))
	o.SetLabels(labels)
	o.SetAnnotations(annotations)
	o.SetOwnerReferences(owners)
	o.SetFinalizers(finalizers)
	o.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: strings.Repeat("m", 10<<10)}})
}

// hostilePod has what kubelets write of containers that say much as they end.
func hostilePod() *corev1.Pod {
	pod := &corev1.Pod{}
	words := strings.Repeat("w", 30<<10)
	for c := range 3 {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: fmt.Sprint(c), Args: []string{strings.Clone(words)}})
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: fmt.Sprint(c), Image: strings.Clone(words), ImageID: strings.Clone(words), RestartCount: 7, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: strings.Clone(words)}},
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Message: strings.Clone(words)}},
		})
	}
	for _, kind := range []corev1.PodConditionType{corev1.PodReady, corev1.PodScheduled, "example.com/a", "example.com/b"} {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, Message: strings.Clone(words)})
	}
	return pod
}

func hostileRun(phase v1alpha1.Phase) *v1alpha1.CanaryRun {
	run := &v1alpha1.CanaryRun{Spec: v1alpha1.CanaryRunSpec{
		Deployment: "web", Template: &runtime.RawExtension{Raw: bytes.Repeat([]byte("t"), 500<<10)},
	}}
	run.Status.Phase = phase
	if phase.Ended() {
		for range 32 {
			metric := v1alpha1.Metric{Name: "m", Query: strings.Repeat("q", 8<<10)}
			if run.Spec.Plan == nil {
				run.Spec.Plan = &v1alpha1.CanaryPlanSpec{}
			}
			run.Spec.Plan.Analysis.Metrics = append(run.Spec.Plan.Analysis.Metrics, metric)
			run.Status.Metrics = append(run.Status.Metrics, v1alpha1.MetricStatus{Name: strings.Repeat("n", 8<<10)})
		}
	}
	return run
}

func hostileDeployment() *unstructured.Unstructured {
	d := NewDeployment()
	selector := map[string]any{}
	for j := range 500 {
		selector[fmt.Sprintf("s-%d", j)] = strings.Repeat("s", 60)
	}
	d.Object["spec"] = map[string]any{
		"replicas": int64(3), "selector": map[string]any{"matchLabels": selector}, "fieldOfTomorrow": strings.Repeat("f", 50<<10),
		"template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"args": []any{strings.Repeat("y", 50<<10)}}}}},
	}
	words := strings.Repeat("w", 30<<10)
	d.Object["status"] = map[string]any{"replicas": int64(3), "conditions": []any{
		map[string]any{"type": "Progressing", "reason": "R", "message": words}, map[string]any{"type": "Available", "message": words},
	}}
	return d
}

// TestWhatIsCachedIsSmall: of an object of each kind that is cached, whatever its owner
// writes into it, this much is kept in memory at most.
func TestWhatIsCachedIsSmall(t *testing.T) {
	for kind, tc := range map[string]struct {
		make  func() client.Object
		limit uint64 // in KiB
	}{
		"Deployment": {func() client.Object { return hostileDeployment() }, 7},
		"CanaryPlan": {func() client.Object { return NewPlan() }, 2},
		"Pod":        {func() client.Object { return hostilePod() }, 14},
		"ReplicaSet": {func() client.Object {
			rs := &appsv1.ReplicaSet{}
			rs.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"a": strings.Repeat("a", 50<<10)}}
			rs.Spec.Template.Spec.Containers = hostilePod().Spec.Containers
			rs.Status.Conditions = []appsv1.ReplicaSetCondition{{Type: appsv1.ReplicaSetReplicaFailure, Message: strings.Repeat("m", 30<<10)}, {Type: "x", Message: strings.Repeat("n", 30<<10)}}
			return rs
		}, 4},
		"CanaryRun under way": {func() client.Object { return hostileRun(v1alpha1.PhaseRunning) }, 6},
		"CanaryRun, ended":    {func() client.Object { return hostileRun(v1alpha1.PhaseReverted) }, 8},
	} {
		t.Run(kind, func(t *testing.T) {
			const n = 40
			got := heapOf(t, n, func(i int) any {
				o := tc.make()
				hostile(o, i)
				return o
			}, transformOf(t, tc.make()))
			t.Logf("%.1f KiB for each %s", float64(got)/n/1024, kind)
			if got/n > tc.limit<<10 {
				t.Errorf("%d bytes for each, the limit is %d KiB", got/n, tc.limit)
			}
		})
	}
}

// transformOf is the transform by which the cache keeps objects of a kind.
func transformOf(t *testing.T, o client.Object) cache.TransformFunc {
	t.Helper()
	for object, by := range CacheOptions(sealKey).ByObject {
		if reflect.TypeOf(object) == reflect.TypeOf(o) && object.GetObjectKind().GroupVersionKind() == o.GetObjectKind().GroupVersionKind() {
			return by.Transform
		}
	}
	t.Fatalf("objects like %T are kept whole", o)
	return nil
}

// TestAUsualDeploymentTakesLittleMemory: 3 KiB, whatever its template and its
// last-applied-configuration are.
func TestAUsualDeploymentTakesLittleMemory(t *testing.T) {
	const n = 300
	got := heapOf(t, n, func(i int) any {
		d := NewDeployment()
		text := fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"namespace":"shop","name":"o-%d","uid":"%d","labels":{"app":"web"},
			"annotations":{"holdfast.dev/plan":"p","a":%q}},"spec":{"replicas":3,"selector":{"matchLabels":{"app":"web"}},
			"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"a","image":"b","args":[%q]}]}}},
			"status":{"replicas":3,"conditions":[{"type":"Progressing","reason":"NewReplicaSetAvailable","message":"x"}]}}`,
			i, i, strings.Repeat("x", 200<<10), strings.Repeat("y", 50<<10))
		if err := json.Unmarshal([]byte(text), &d.Object); err != nil {
			t.Fatal(err)
		}
		return d
	}, trimDeployment(sealKey))
	t.Logf("%d bytes for each Deployment", got/n)
	if got/n > 4<<10 {
		t.Errorf("%d bytes for each Deployment", got/n)
	}
}
