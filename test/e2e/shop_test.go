package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// shop is a namespace in which the Deployment "web" runs v1 under load.
type shop struct {
	t         *testing.T
	namespace string
}

// settings are what a shop is opened with.
type settings struct {
	guard    string   // the annotation of the namespace
	plan     string   // the CanaryPlan "default", "" for none
	args     []string // of the app
	noLoad   bool
	replicas int
}

// quickPlan judges the share of errors within seconds.
const quickPlan = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  readyDeadline: 15s
  analysis:
    initialDelay: 3s
    interval: 1s
    period: 8s
    failureLimit: 1
    errorLimit: 30
    noDataLimit: 30
    metrics:
    - name: error-rate
      query: |
        sum(rate(http_requests_total{ {{canary}}, code=~"5.." }[4s]))
        / sum(rate(http_requests_total{ {{canary}} }[4s]))
      range: {min: 0, max: 0.05}
`

// planOf is quickPlan with another query.
func planOf(query string) string {
	head, _, _ := strings.Cut(quickPlan, "      query: |")
	return head + "      query: '" + query + "'\n      range: {min: 0, max: 0.05}\n"
}

// open makes a shop and waits until its Deployment is available.
func open(t *testing.T, o settings) *shop {
	t.Helper()
	if o.guard == "" {
		o.guard = v1alpha1.CanaryEnabled
	}
	if o.replicas == 0 {
		o.replicas = 2
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "shop-", Annotations: map[string]string{v1alpha1.CanaryAnnotation: o.guard}}}
	if err := world.client.Create(t.Context(), ns); err != nil {
		t.Fatalf("create namespace: %v", err)
	}
	s := &shop{t: t, namespace: ns.Name}
	t.Cleanup(s.close)
	s.awaitGuarded()
	manifest := s.web("v1", o.args...)
	manifest = strings.Replace(manifest, "replicas: 2", fmt.Sprintf("replicas: %d", o.replicas), 1)
	if o.plan != "" {
		manifest += "---" + o.plan
	}
	if !o.noLoad {
		manifest += loadManifest
	}
	s.must("apply", "-f", "-", manifest)
	if o.replicas > 0 {
		s.awaitAvailable()
	}
	return s
}

// awaitGuarded waits until the API server calls the webhook for this namespace:
// until it refuses, in a dry run, what only Holdfast refuses. The label alone
// does not tell, because the API server looks at a cache of its own.
func (s *shop) awaitGuarded() {
	s.t.Helper()
	nonsense := strings.Replace(s.web("v1"), "metadata: {name: web}", `metadata: {name: guarded, annotations: {holdfast.dev/period: soon}}`, 1)
	deadline := time.After(patience)
	for {
		_, stderr, code := s.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", nonsense)
		if code != 0 && strings.Contains(stderr, v1alpha1.PeriodAnnotation) {
			return
		}
		select {
		case <-deadline:
			s.t.Fatalf("namespace %s is not guarded; kubectl says:\n%s", s.namespace, stderr)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// web is the manifest of the Deployment and its Service.
func (s *shop) web(version string, args ...string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = fmt.Sprintf("%q", arg)
	}
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {prometheus.io/scrape: "true", prometheus.io/port: "8080"}
    spec:
      containers:
      - name: app
        image: holdfast.test/app:%s
        args: [%s]
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
`, version, strings.Join(quoted, ", "))
}

const loadManifest = `
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: load, annotations: {holdfast.dev/canary: disabled}}
spec:
  selector: {matchLabels: {app: load}}
  template:
    metadata: {labels: {app: load}}
    spec:
      containers:
      - {name: load, image: "holdfast.test/load:v1", args: ["--service=web", "--qps=30"]}
`

// close deletes the namespace, after telling what happened in it if the
// scenario failed.
func (s *shop) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if s.t.Failed() {
		for _, args := range [][]string{
			{"get", "canaryruns", "-o", "yaml"}, {"get", "deployment", "web", "-o", "yaml"}, {"get", "pods,rs", "-o", "wide"},
			{"get", "events", "--sort-by=.metadata.creationTimestamp"},
		} {
			result, _ := world.cluster.Kubectl(ctx, "", append(args, "-n", s.namespace)...)
			// Not the test's log: what went wrong is to be read at the end of a long output.
			fmt.Fprintf(os.Stderr, "%s: kubectl %s:\n%s%s", s.t.Name(), strings.Join(args, " "), result.Stdout, result.Stderr)
		}
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}}
	if err := world.client.Delete(ctx, ns); err != nil && !apierrors.IsNotFound(err) {
		s.t.Logf("delete namespace: %v", err)
	}
}

// kubectl runs kubectl in the shop. A last argument with a line break is what it reads.
func (s *shop) kubectl(args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	stdin := ""
	if last := args[len(args)-1]; strings.Contains(last, "\n") {
		stdin, args = last, args[:len(args)-1]
	}
	result, err := world.cluster.Kubectl(s.t.Context(), stdin, append([]string{"-n", s.namespace}, args...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	return result.Stdout, result.Stderr, result.Code
}

// must is kubectl that has to succeed; it returns what users read, warnings with it.
func (s *shop) must(args ...string) string {
	s.t.Helper()
	stdout, stderr, code := s.kubectl(args...)
	if code != 0 {
		s.t.Fatalf("kubectl %v: exit code %d\n%s%s", args[:min(4, len(args))], code, stdout, stderr)
	}
	return stdout + stderr
}

// apply applies a version of the app as its user would.
func (s *shop) apply(version string, args ...string) string {
	s.t.Helper()
	return s.must("apply", "-f", "-", s.web(version, args...))
}

// holdV2 applies v2 and returns the run that tries it.
func (s *shop) holdV2(args ...string) *v1alpha1.CanaryRun {
	s.t.Helper()
	said := s.apply("v2", args...)
	if !strings.Contains(said, "update held") {
		s.t.Fatalf("the update was not held; kubectl said:\n%s", said)
	}
	return s.newestRun(said)
}

// newestRun is the run that a warning names.
func (s *shop) newestRun(said string) *v1alpha1.CanaryRun {
	s.t.Helper()
	_, after, found := strings.Cut(said, "get canaryrun ")
	if !found {
		s.t.Fatalf("no run is named in:\n%s", said)
	}
	name := strings.Fields(after)[0]
	return await(s, "run "+name+" is there", name, &v1alpha1.CanaryRun{}, func(*v1alpha1.CanaryRun) bool { return true })
}

func (s *shop) deployment(name string) *appsv1.Deployment {
	s.t.Helper()
	return get(s, name, &appsv1.Deployment{})
}

// image is what the Deployment in the cluster runs.
func (s *shop) image() string {
	s.t.Helper()
	_, version, _ := strings.Cut(s.deployment("web").Spec.Template.Spec.Containers[0].Image, ":")
	return version
}

func (s *shop) wantImage(version string) {
	s.t.Helper()
	if got := s.image(); got != version {
		s.t.Fatalf("the Deployment runs %s, want %s", got, version)
	}
}

func (s *shop) awaitAvailable() {
	s.t.Helper()
	await(s, "web has rolled out", "web", &appsv1.Deployment{}, rolledOut)
}

func rolledOut(d *appsv1.Deployment) bool {
	return d.Status.ObservedGeneration >= d.Generation && d.Status.UpdatedReplicas == *d.Spec.Replicas &&
		d.Status.AvailableReplicas == *d.Spec.Replicas && d.Status.Replicas == *d.Spec.Replicas
}

// awaitPhase waits for a phase of a run. It fails at once if the run ends in another.
func (s *shop) awaitPhase(run string, phase v1alpha1.Phase) *v1alpha1.CanaryRun {
	s.t.Helper()
	reached := await(s, fmt.Sprintf("run %s is %s", run, phase), run, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
		return r.Status.Phase == phase || r.Status.Phase.Ended()
	})
	if reached.Status.Phase != phase {
		s.t.Fatalf("run %s is %s (%s: %s), want %s", run, reached.Status.Phase, reached.Status.Reason, reached.Status.Message, phase)
	}
	return reached
}

// wantReverted waits until a run is reverted for a reason, and checks that
// nothing of it is left and that the Deployment runs v1.
func (s *shop) wantReverted(run, reason string) *v1alpha1.CanaryRun {
	s.t.Helper()
	ended := s.awaitPhase(run, v1alpha1.PhaseReverted)
	if ended.Status.Reason != reason {
		s.t.Errorf("run %s was reverted for %s (%s), want %s", run, ended.Status.Reason, ended.Status.Message, reason)
	}
	s.wantImage("v1")
	s.wantNoCanary()
	if s.deployment("web").Annotations[v1alpha1.HeldAnnotation] != "" {
		s.t.Error("the record is still on the Deployment")
	}
	return ended
}

// wantNoCanary waits until no ReplicaSet and no pod of a canary is left.
func (s *shop) wantNoCanary() {
	s.t.Helper()
	awaitNone(s, "canary ReplicaSets", &appsv1.ReplicaSetList{}, client.HasLabels{v1alpha1.RunLabel})
	awaitNone(s, "canary pods", &corev1.PodList{}, client.HasLabels{v1alpha1.RoleLabel})
}
