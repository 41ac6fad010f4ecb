package footprint

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

// limitMiB is the memory limit of Holdfast's container, in manifests/base/deployment.yaml.
// The nodes of the test cluster enforce none, so the kernel's own count of the most
// that a process ever had is held against it.
const limitMiB = 512

// process is one of Holdfast's, as the kernel of this machine knows it.
type process struct {
	pod string
	dir string // below /proc
}

// holdfastProcesses finds them by the volumes that are mounted into them, which have
// the UID of their pod in their paths.
func holdfastProcesses(t *testing.T) []process {
	t.Helper()
	mounts, err := filepath.Glob("/proc/[0-9]*/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	var out []process
	for _, pod := range shop.HoldfastPods(t) {
		for _, path := range mounts {
			dir := filepath.Dir(path)
			program, _ := os.ReadFile(filepath.Join(dir, "comm"))
			if text, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(program)) == "holdfast" && bytes.Contains(text, []byte(pod.UID)) {
				out = append(out, process{pod: pod.Name, dir: dir})
			}
		}
	}
	if len(out) == 0 {
		t.Fatal("the processes of Holdfast are not to be seen from here; start the cluster from this machine")
	}
	return out
}

// measure is the present memory in MiB, and the most since forget.
func (p process) measure(t *testing.T) (now, most int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, "status"))
	if err != nil {
		t.Fatalf("pod %s of Holdfast is gone: %v", p.pod, err)
	}
	field := func(name string) int {
		_, after, _ := strings.Cut(string(text), "\n"+name+":")
		kib, err := strconv.Atoi(strings.Fields(after)[0])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return kib >> 10
	}
	return field("VmRSS"), field("VmHWM")
}

// forget has the kernel count anew from the present memory.
func (p process) forget(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "clear_refs"), []byte("5"), 0); err != nil {
		t.Logf("the most memory is that since pod %s started: %v", p.pod, err)
	}
}

// tenant is a client with the ClusterRole edit in a namespace and nothing else.
func tenant(s *shop.Shop) client.Client {
	s.T.Helper()
	s.Must("create", "rolebinding", "tenant", "--clusterrole=edit", "--user=mallory")
	s.AwaitCan("mallory", "create", "replicasets.apps")
	config, err := shop.World.Cluster.RESTConfig()
	if err != nil {
		s.T.Fatal(err)
	}
	config = rest.CopyConfig(config)
	config.Impersonate, config.QPS = rest.ImpersonationConfig{UserName: "mallory"}, -1
	c, err := client.New(config, client.Options{Scheme: shop.World.Client.Scheme()})
	if err != nil {
		s.T.Fatal(err)
	}
	return c
}

// openUnguarded makes a namespace that nobody has opted in.
func openUnguarded(t *testing.T) *shop.Shop {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "unguarded-"}}
	if err := shop.World.Client.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	s := &shop.Shop{T: t, Namespace: ns.Name}
	t.Cleanup(s.Close)
	return s
}

// TestLargeReplicaSetsTakeLittleMemory: a tenant makes 40 ReplicaSets of nearly a
// megabyte, of many small parts, that match the selector of its Deployment, and updates
// it three times at once. The test runs alone, for it measures.
func TestLargeReplicaSetsTakeLittleMemory(t *testing.T) {
	stage.Long(t)
	s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true, Replicas: 1})
	tenant, before := tenant(s), shop.Restarts(t)
	args := slices.Repeat([]string{"01234567"}, 80_000) // the API server takes a list of texts for one field
	zero := int32(0)
	for i := range 40 {
		labels := map[string]string{"app": "web", "part": strconv.Itoa(i)}
		err := tenant.Create(t.Context(), &appsv1.ReplicaSet{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: fmt.Sprintf("web-%d", i), Labels: labels},
			Spec: appsv1.ReplicaSetSpec{Replicas: &zero, Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "holdfast.test/app:v1", Args: args}}},
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	processes := holdfastProcesses(t)
	for _, p := range processes {
		p.forget(t)
	}
	var updates sync.WaitGroup
	for _, version := range []string{"v2", "v3", "v4"} {
		updates.Go(func() {
			start := time.Now()
			_, said, code := s.Kubectl("--as=mallory", "set", "image", "deployment/web", "app=holdfast.test/app:"+version)
			t.Logf("%s took %s, exit code %d: %.200s", version, time.Since(start).Round(time.Millisecond), code, said)
			if code != 0 && !strings.Contains(said, "the object has been modified") {
				t.Errorf("%s is not answered: %s", version, said)
			}
			if code == 0 && !strings.Contains(said, "update held") {
				t.Errorf("%s is not held; kubectl says: %s", version, said)
			}
		})
	}
	updates.Wait()
	s.WantImage("v1")
	for _, p := range processes {
		now, most := p.measure(t)
		t.Logf("pod %s has %d MiB, and had %d MiB at most", p.pod, now, most)
		if most > limitMiB/2 {
			t.Errorf("pod %s of Holdfast had %d MiB; its limit is %d MiB, and there are others to serve", p.pod, most, limitMiB)
		}
	}
	shop.WantNoRestart(t, before)
}

// TestLargeLabelsTakeLittleMemory: a tenant makes 40 Deployments with 1,900 labels each, in
// a namespace that is not guarded. The test runs alone, for it measures.
func TestLargeLabelsTakeLittleMemory(t *testing.T) {
	const n = 40
	s := openUnguarded(t)
	tenant, before := tenant(s), shop.Restarts(t)
	processes, memory := holdfastProcesses(t), map[string]int{}
	for _, p := range processes {
		p.forget(t)
		memory[p.pod], _ = p.measure(t)
	}
	zero := int32(0)
	for i := range n {
		app, labels := map[string]string{"app": fmt.Sprintf("many-%d", i)}, map[string]string{}
		for j := range 1900 {
			labels[fmt.Sprintf("label-%d-%d", i, j)] = strings.Repeat("x", 60)
		}
		err := tenant.Create(t.Context(), &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: app["app"], Labels: labels},
			Spec: appsv1.DeploymentSpec{Replicas: &zero, Selector: &metav1.LabelSelector{MatchLabels: app}, Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: app},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "holdfast.test/app:v1"}}},
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wantWorks(t)
	for _, p := range processes {
		now, most := p.measure(t)
		t.Logf("pod %s has grown by %d MiB to %d MiB, and had %d MiB at most", p.pod, now-memory[p.pod], now, most)
		if most > limitMiB/2 {
			t.Errorf("pod %s of Holdfast had %d MiB; its limit is %d MiB, and there are others to serve", p.pod, most, limitMiB)
		}
		if grown := now - memory[p.pod]; grown > 30 {
			t.Errorf("pod %s of Holdfast has grown by %d MiB, for %d Deployments", p.pod, grown, n)
		}
	}
	shop.WantNoRestart(t, before)
}
