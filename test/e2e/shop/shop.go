package shop

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
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Shop is a namespace in which the Deployment "web" runs v1 under load.
type Shop struct {
	T         *testing.T
	Namespace string
	// Via is the gateway by which requests come, Traefik by default.
	Via string
}

// Settings are what a shop is opened with.
type Settings struct {
	Name     string   // what the name of the namespace begins with, "shop-" by default
	Guard    string   // the annotation of the namespace
	Plan     string   // the CanaryPlan "default", "" for none
	Args     []string // of the app
	NoLoad   bool
	Replicas int
}

// Open makes a shop and waits until its Deployment is available.
func Open(t *testing.T, o Settings) *Shop {
	t.Helper()
	if o.Name == "" {
		o.Name = "shop-"
	}
	if o.Guard == "" {
		o.Guard = v1alpha1.CanaryEnabled
	}
	if o.Replicas == 0 {
		o.Replicas = 2
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: o.Name, Annotations: map[string]string{v1alpha1.CanaryAnnotation: o.Guard}}}
	if err := World.Client.Create(t.Context(), ns); err != nil {
		t.Fatalf("create namespace: %v", err)
	}
	s := &Shop{T: t, Namespace: ns.Name}
	t.Cleanup(s.Close)
	s.AwaitGuarded()
	manifest := s.Web("v1", o.Args...)
	manifest = strings.Replace(manifest, "replicas: 2", fmt.Sprintf("replicas: %d", o.Replicas), 1)
	if o.Plan != "" {
		manifest += "---" + o.Plan
	}
	if !o.NoLoad {
		manifest += LoadManifest
	}
	s.Must("apply", "-f", "-", manifest)
	if o.Replicas > 0 {
		s.AwaitAvailable()
	}
	return s
}

// AwaitGuarded waits until the API server calls the webhook for this namespace:
// until it refuses, in a dry run, what only Holdfast refuses. The label alone
// does not tell, because the API server looks at a cache of its own.
func (s *Shop) AwaitGuarded() {
	s.T.Helper()
	web, _, _ := strings.Cut(s.Web("v1"), "---")
	nonsense := []byte(strings.Replace(web, "metadata: {name: web}", `metadata: {name: guarded, annotations: {holdfast.dev/period: soon}}`, 1))
	guarded := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "guarded"}}
	deadline := time.After(Patience)
	for {
		err := World.Client.Patch(s.T.Context(), guarded.DeepCopy(), client.RawPatch(types.ApplyYAMLPatchType, nonsense), client.FieldOwner("shop"), client.DryRunAll)
		if err != nil && strings.Contains(err.Error(), v1alpha1.PeriodAnnotation) {
			return
		}
		select {
		case <-deadline:
			s.T.Fatalf("namespace %s is not guarded; the API server says: %v", s.Namespace, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Web is the manifest of the Deployment and its Service.
func (s *Shop) Web(version string, args ...string) string {
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
`, version, quoted(args))
}

// quoted is arguments as they stand in a list of YAML.
func quoted(args []string) string {
	out := make([]string, len(args))
	for i, arg := range args {
		out[i] = fmt.Sprintf("%q", arg)
	}
	return strings.Join(out, ", ")
}

const LoadManifest = `
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

// Fill makes a quota that has no room for another pod, and waits until the API server goes by it: it does not
// before the quota controller has counted what there is.
func (s *Shop) Fill(hard string) {
	s.T.Helper()
	s.Must("create", "quota", "full", "--hard="+hard)
	Until(s, "the quota is in force", func() bool {
		_, said, code := s.Kubectl("create", "--dry-run=server", "-f", "-",
			"apiVersion: v1\nkind: Pod\nmetadata: {name: more}\nspec: {containers: [{name: app, image: 'holdfast.test/app:v1', resources: {requests: {memory: 100Mi}}}]}\n")
		return code != 0 && strings.Contains(said, "exceeded quota: full")
	})
}

// Close deletes the namespace, after telling what happened in it if the
// scenario failed.
func (s *Shop) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if s.T.Failed() {
		for _, args := range [][]string{
			{"get", "canaryruns,deployments", "-o", "yaml"}, {"get", "pods,rs,endpointslices,pdb,quota,hpa", "-o", "wide"},
			{"get", "events", "--sort-by=.metadata.creationTimestamp"},
		} {
			result, _ := World.Cluster.Kubectl(ctx, "", append(args, "-n", s.Namespace)...)
			// Not the test's log: what went wrong is to be read at the end of a long output.
			fmt.Fprintf(os.Stderr, "%s: kubectl %s:\n%s%s", s.T.Name(), strings.Join(args, " "), result.Stdout, result.Stderr)
		}
		logs, _ := World.Cluster.Kubectl(ctx, "", "logs", "-n", HoldfastNamespace, "-l", "app.kubernetes.io/name=holdfast", "--prefix", "--tail=-1")
		fmt.Fprintf(os.Stderr, "%s: what Holdfast has logged of namespace %s:\n", s.T.Name(), s.Namespace)
		for line := range strings.Lines(logs.Stdout) {
			if strings.Contains(line, s.Namespace) {
				fmt.Fprint(os.Stderr, line)
			}
		}
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}}
	if err := World.Client.Delete(ctx, ns); err != nil && !apierrors.IsNotFound(err) {
		s.T.Logf("delete namespace: %v", err)
	}
}

// Kubectl runs kubectl in the shop. A last argument with a line break is what it reads.
func (s *Shop) Kubectl(args ...string) (stdout, stderr string, code int) {
	s.T.Helper()
	stdin := ""
	if last := args[len(args)-1]; strings.Contains(last, "\n") {
		stdin, args = last, args[:len(args)-1]
	}
	result, err := World.Cluster.Kubectl(s.T.Context(), stdin, append([]string{"-n", s.Namespace}, args...)...)
	if err != nil {
		s.T.Fatal(err)
	}
	return result.Stdout, result.Stderr, result.Code
}

// Must is kubectl that has to succeed; it returns what users read, warnings with it.
func (s *Shop) Must(args ...string) string {
	s.T.Helper()
	stdout, stderr, code := s.Kubectl(args...)
	if code != 0 {
		s.T.Fatalf("kubectl %v: exit code %d\n%s%s", args[:min(4, len(args))], code, stdout, stderr)
	}
	return stdout + stderr
}

// Apply applies a version of the app as its user would.
func (s *Shop) Apply(version string, args ...string) string {
	s.T.Helper()
	return s.Must("apply", "-f", "-", s.Web(version, args...))
}

// HoldV2 applies v2 and returns the run that tries it.
func (s *Shop) HoldV2(args ...string) *v1alpha1.CanaryRun {
	s.T.Helper()
	said := s.Apply("v2", args...)
	if !strings.Contains(said, "update held") {
		s.T.Fatalf("the update was not held; kubectl said:\n%s", said)
	}
	return s.NewestRun(said)
}

// NewestRun is the run that a warning names.
func (s *Shop) NewestRun(said string) *v1alpha1.CanaryRun {
	s.T.Helper()
	_, after, found := strings.Cut(said, "get canaryrun ")
	if !found {
		s.T.Fatalf("no run is named in:\n%s", said)
	}
	name := strings.Fields(after)[0]
	return Await(s, "run "+name+" is there", name, &v1alpha1.CanaryRun{}, func(*v1alpha1.CanaryRun) bool { return true })
}

// Deployment is the Deployment of a name.
func (s *Shop) Deployment(name string) *appsv1.Deployment {
	s.T.Helper()
	return Get(s, name, &appsv1.Deployment{})
}

// Image is what the Deployment in the cluster runs.
func (s *Shop) Image() string {
	s.T.Helper()
	_, version, _ := strings.Cut(s.Deployment("web").Spec.Template.Spec.Containers[0].Image, ":")
	return version
}

// WantImage checks which version the Deployment in the cluster runs.
func (s *Shop) WantImage(version string) {
	s.T.Helper()
	if got := s.Image(); got != version {
		s.T.Fatalf("the Deployment runs %s, want %s", got, version)
	}
}

// AwaitAvailable waits until "web" has rolled out.
func (s *Shop) AwaitAvailable() {
	s.T.Helper()
	Await(s, "web has rolled out", "web", &appsv1.Deployment{}, RolledOut)
}

// RolledOut says whether all of a Deployment's pods are available and of its template, and no others there.
func RolledOut(d *appsv1.Deployment) bool {
	return d.Status.ObservedGeneration >= d.Generation && d.Status.UpdatedReplicas == *d.Spec.Replicas &&
		d.Status.AvailableReplicas == *d.Spec.Replicas && d.Status.Replicas == *d.Spec.Replicas
}

// AwaitPhase waits for a phase of a run. It fails at once if the run ends in another.
func (s *Shop) AwaitPhase(run string, phase v1alpha1.Phase) *v1alpha1.CanaryRun {
	s.T.Helper()
	reached := Await(s, fmt.Sprintf("run %s is %s", run, phase), run, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
		return r.Status.Phase == phase || r.Status.Phase.Ended()
	})
	if reached.Status.Phase != phase {
		s.T.Fatalf("run %s is %s (%s: %s), want %s", run, reached.Status.Phase, reached.Status.Reason, reached.Status.Message, phase)
	}
	return reached
}

// WantReverted waits until a run is reverted for a reason, and checks that
// nothing of it is left and that the Deployment runs v1.
func (s *Shop) WantReverted(run, reason string) *v1alpha1.CanaryRun {
	s.T.Helper()
	ended := s.AwaitPhase(run, v1alpha1.PhaseReverted)
	if ended.Status.Reason != reason {
		s.T.Errorf("run %s was reverted for %s (%s), want %s", run, ended.Status.Reason, ended.Status.Message, reason)
	}
	s.WantImage("v1")
	s.WantNoCanary()
	if s.Deployment("web").Annotations[v1alpha1.HeldAnnotation] != "" {
		s.T.Error("the record is still on the Deployment")
	}
	return ended
}

// WantNoCanary waits until no ReplicaSet and no pod of a canary is left.
func (s *Shop) WantNoCanary() {
	s.T.Helper()
	AwaitNone(s, "canary ReplicaSets", &appsv1.ReplicaSetList{}, client.HasLabels{v1alpha1.RunLabel})
	AwaitNone(s, "canary pods", &corev1.PodList{}, client.HasLabels{v1alpha1.RoleLabel})
}
