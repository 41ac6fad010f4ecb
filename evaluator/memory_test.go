package evaluator

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// heapOf is the heap that n objects take in the store of an informer.
func heapOf(t *testing.T, n int, object func(i int) any, trim cache.TransformFunc) uint64 {
	t.Helper()
	store := cache.NewStore(cache.MetaNamespaceKeyFunc)
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
	runtime.KeepAlive(store)
	return after - min(before, after)
}

func heap() uint64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// metadata of an object as hostile as the API server takes it: 256 KiB of
// annotations, and many owners of fields.
func metadata(i int) string {
	return fmt.Sprintf(`{"namespace":"shop","name":"o-%d","uid":"%d","labels":{"a":"b"},"annotations":{"a":%q},"managedFields":[{"manager":%q}]}`,
		i, i, strings.Repeat("x", 250<<10), strings.Repeat("m", 10<<10))
}

// TestPlansTakeLittleMemory: of 10,000 plans, whatever stands in them, less than 20 MiB are kept.
func TestPlansTakeLittleMemory(t *testing.T) {
	trim := CacheOptions().ByObject
	var transform cache.TransformFunc
	for object, by := range trim {
		if o, ok := object.(*metav1.PartialObjectMetadata); ok && o.Kind == "CanaryPlan" {
			transform = by.Transform
		}
	}
	const n = 300
	got := heapOf(t, n, func(i int) any {
		plan := newPlan()
		if err := json.Unmarshal([]byte(`{"apiVersion":"`+v1alpha1.GroupVersion.String()+`","kind":"CanaryPlan","metadata":`+metadata(i)+`}`), plan); err != nil {
			t.Fatal(err)
		}
		return plan
	}, transform)
	t.Logf("%d bytes for each plan", got/n)
	if got/n > 2<<10 {
		t.Errorf("%d bytes for each plan", got/n)
	}
}

// TestDeploymentsTakeLittleMemory: of 2,000 Deployments with large templates and
// a large last-applied-configuration, less than 16 MiB are kept.
func TestDeploymentsTakeLittleMemory(t *testing.T) {
	const n = 300
	got := heapOf(t, n, func(i int) any {
		d := newDeployment()
		text := fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":%s,"spec":{"replicas":3,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"a","image":"b","args":[%q]}]}}},"status":{"replicas":3}}`,
			metadata(i), strings.Repeat("y", 50<<10))
		if err := json.Unmarshal([]byte(text), &d.Object); err != nil {
			t.Fatal(err)
		}
		return d
	}, trimDeployment)
	t.Logf("%d bytes for each Deployment", got/n)
	if got/n > 8<<10 {
		t.Errorf("%d bytes for each Deployment", got/n)
	}
}
