package gitops_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/gitops"
)

// shop is a guarded namespace that an engine keeps as Git says: the Deployment
// "web" and its Service.
type shop struct {
	t         *testing.T
	mode      mode
	namespace string
	engine    gitops.Engine
	// git is what Git says now.
	git []*unstructured.Unstructured
	// edits are made to the Deployment in every commit.
	edits []edit
}

// edit changes the manifest of the Deployment.
type edit func(spec map[string]any)

// withoutReplicas leaves scaling to someone else, an autoscaler for one.
func withoutReplicas(spec map[string]any) { delete(spec, "replicas") }

// The plans: good is short; patient lets a hold last as long as a scenario does.
var (
	good    = planWithPeriod("3s")
	patient = planWithPeriod("30m")
)

func planWithPeriod(period string) string {
	return fmt.Sprintf(`
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  readyDeadline: 60s
  analysis: {initialDelay: 1s, interval: 1s, period: %s}
`, period)
}

// crashing are the args of a version that the plan rejects.
const crashing = "--crash-after=1s"

// open makes a guarded namespace with a plan in which the engine has brought
// out v1.
func open(t *testing.T, m mode, plan string, edits ...edit) *shop {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "gitops-", Annotations: map[string]string{v1alpha1.CanaryAnnotation: v1alpha1.CanaryEnabled},
	}}
	if err := world.client.Create(t.Context(), ns); err != nil {
		t.Fatalf("create namespace: %v", err)
	}
	s := &shop{t: t, mode: m, namespace: ns.Name, engine: m.open(t, ns.Name), edits: edits}
	t.Cleanup(s.close)
	s.awaitGuarded()
	s.kubectl(plan, "apply", "-f", "-")
	s.commit("v1")
	if r := s.round(); r.InSync {
		t.Fatal("an empty namespace is in sync")
	}
	s.awaitRolledOut()
	return s
}

// awaitGuarded waits until the API server calls the webhook for this namespace:
// until it refuses, in a dry run, what only Holdfast refuses.
func (s *shop) awaitGuarded() {
	s.t.Helper()
	nonsense := manifests("v1")[0]
	nonsense.SetNamespace(s.namespace)
	nonsense.SetAnnotations(map[string]string{v1alpha1.PeriodAnnotation: "soon"})
	deadline := time.After(patience)
	for {
		err := world.client.Create(s.t.Context(), nonsense.DeepCopy(), client.DryRunAll)
		if err != nil && strings.Contains(err.Error(), v1alpha1.PeriodAnnotation) {
			return
		}
		select {
		case <-deadline:
			s.t.Fatalf("namespace %s is not guarded; the API server says: %v", s.namespace, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// manifests are what Git has for a version of the app. Its change-cause changes with it.
func manifests(version string, args ...string) []*unstructured.Unstructured {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = fmt.Sprintf("%q", arg)
	}
	deployment := fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}, annotations: {kubernetes.io/change-cause: web %s}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: app
        image: holdfast.test/app:%s
        args: [%s]
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 1}
`, version, version, strings.Join(quoted, ", "))
	service := `
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
`
	return []*unstructured.Unstructured{parse(deployment), parse(service)}
}

func parse(manifest string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &object.Object); err != nil {
		panic(fmt.Sprintf("manifest of a scenario: %v", err))
	}
	return object
}

// commit makes Git say a version.
func (s *shop) commit(version string, args ...string) {
	s.git = manifests(version, args...)
	for _, change := range s.edits {
		change(s.git[0].Object["spec"].(map[string]any))
	}
}

// round is one interval of the engine.
func (s *shop) round() gitops.Round {
	s.t.Helper()
	r, err := s.engine.Round(s.t.Context(), s.git)
	if err != nil {
		s.t.Fatal(err)
	}
	if r.InSync && r.Applied {
		s.t.Fatal("the engine applied what is in sync")
	}
	return r
}

// close deletes the namespace, after telling what happened in it if the
// scenario failed.
func (s *shop) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if s.t.Failed() {
		for _, args := range [][]string{
			{"get", "canaryruns", "-o", "yaml"}, {"get", "deployment", "web", "--show-managed-fields", "-o", "yaml"}, {"get", "pods,rs", "-o", "wide"},
			{"get", "events", "--sort-by=.metadata.creationTimestamp"},
		} {
			result, _ := world.cluster.Kubectl(ctx, "", append(args, "-n", s.namespace)...)
			s.t.Logf("kubectl %s:\n%s%s", strings.Join(args, " "), result.Stdout, result.Stderr)
		}
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}}
	if err := world.client.Delete(ctx, ns); err != nil && !apierrors.IsNotFound(err) {
		s.t.Logf("delete namespace: %v", err)
	}
}

// kubectl runs kubectl in the shop; it must succeed.
func (s *shop) kubectl(stdin string, args ...string) string {
	s.t.Helper()
	result, err := world.cluster.Kubectl(s.t.Context(), stdin, append([]string{"-n", s.namespace}, args...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	if result.Code != 0 {
		s.t.Fatalf("kubectl %v: exit code %d\n%s%s", args, result.Code, result.Stdout, result.Stderr)
	}
	return result.Stdout + result.Stderr
}

func (s *shop) deployment() *appsv1.Deployment {
	s.t.Helper()
	d := &appsv1.Deployment{}
	if err := world.client.Get(s.t.Context(), client.ObjectKey{Namespace: s.namespace, Name: "web"}, d); err != nil {
		s.t.Fatalf("get Deployment web: %v", err)
	}
	return d
}

// runs are the runs there are, in no order.
func (s *shop) runs() []v1alpha1.CanaryRun {
	s.t.Helper()
	var list v1alpha1.CanaryRunList
	if err := world.client.List(s.t.Context(), &list, client.InNamespace(s.namespace)); err != nil {
		s.t.Fatalf("list runs: %v", err)
	}
	return list.Items
}
