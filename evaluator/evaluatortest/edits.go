package evaluatortest

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/hold"
)

// ConditionOf is a condition of the run, as text; "" without it.
func (c *Cluster) ConditionOf(kind string) string {
	found := meta.FindStatusCondition(c.Run().Status.Conditions, kind)
	if found == nil {
		return ""
	}
	return string(found.Status) + ": " + found.Message
}

// ByHand has a user make a run.
func (c *Cluster) ByHand(name string, edit func(*v1alpha1.CanaryRunSpec)) {
	c.T.Helper()
	run := &v1alpha1.CanaryRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: name, UID: types.UID("uid-" + name), CreationTimestamp: metav1.NewTime(c.Clock.Now())},
		Spec:       v1alpha1.CanaryRunSpec{Deployment: "web", Containers: []v1alpha1.ContainerImage{{Name: "web", Image: "v7"}}},
	}
	edit(&run.Spec)
	c.Must(c.API.Create(c.T.Context(), run))
}

// ReplicaSet reads that of a run.
func (c *Cluster) ReplicaSet(name string) *appsv1.ReplicaSet {
	c.T.Helper()
	rs := &appsv1.ReplicaSet{}
	if err := c.API.Get(c.T.Context(), types.NamespacedName{Namespace: Namespace, Name: name}, rs); client.IgnoreNotFound(err) != nil {
		c.T.Fatal(err)
	} else if err != nil {
		return nil
	}
	return rs
}

// Edit changes the spec of a run.
func (c *Cluster) Edit(name string, edit func(*v1alpha1.CanaryRunSpec)) {
	c.T.Helper()
	run := c.RunNamed(name)
	edit(&run.Spec)
	c.Must(c.API.Update(c.T.Context(), &run))
}

// RunNamed reads a run.
func (c *Cluster) RunNamed(name string) v1alpha1.CanaryRun {
	c.T.Helper()
	var run v1alpha1.CanaryRun
	c.Must(c.API.Get(c.T.Context(), types.NamespacedName{Namespace: Namespace, Name: name}, &run))
	return run
}

// EditPlan changes the plan "default".
func (c *Cluster) EditPlan(edit func(*v1alpha1.CanaryPlanSpec)) {
	c.T.Helper()
	var plan v1alpha1.CanaryPlan
	c.Must(c.API.Get(c.T.Context(), types.NamespacedName{Namespace: Namespace, Name: "default"}, &plan))
	edit(&plan.Spec)
	c.Must(c.API.Update(c.T.Context(), &plan))
}

// EditAnalysis changes the plan that is there, before a run copies it.
func (c *Cluster) EditAnalysis(edit func(*v1alpha1.Analysis)) {
	c.T.Helper()
	c.EditPlan(func(s *v1alpha1.CanaryPlanSpec) { edit(&s.Analysis) })
}

// Objects are copies of all there is, with their resourceVersions.
func (c *Cluster) Objects() []client.Object {
	c.T.Helper()
	var out []client.Object
	lists := []client.ObjectList{
		&corev1.NamespaceList{}, &appsv1.DeploymentList{}, &appsv1.ReplicaSetList{}, &corev1.PodList{}, &corev1.ServiceList{},
		&v1alpha1.CanaryPlanList{}, &v1alpha1.CanaryRunList{},
	}
	for _, list := range lists {
		c.Must(c.API.List(c.T.Context(), list))
		switch l := list.(type) {
		case *corev1.NamespaceList:
			out = appendAll(out, l.Items)
		case *appsv1.DeploymentList:
			out = appendAll(out, l.Items)
		case *appsv1.ReplicaSetList:
			out = appendAll(out, l.Items)
		case *corev1.PodList:
			out = appendAll(out, l.Items)
		case *corev1.ServiceList:
			out = appendAll(out, l.Items)
		case *v1alpha1.CanaryPlanList:
			out = appendAll(out, l.Items)
		case *v1alpha1.CanaryRunList:
			out = appendAll(out, l.Items)
		}
	}
	return out
}

// HoldAnother holds a newer update in place of the first.
func (c *Cluster) HoldAnother() {
	c.T.Helper()
	hash := HashOf(c.T, "v3")
	encoded, err := Key.Seal(hold.Record{
		ID: "hold-2", Run: v1alpha1.RunName("web", string(hash), 1), Hash: hash, UID: c.Deployment().UID, HeldAt: Noon, Template: Template(c.T, "v3"),
	})
	c.Must(err)
	c.AnnotateDeployment(map[string]string{v1alpha1.HeldAnnotation: encoded})
}

// Late is a pass of an evaluator whose cache shows the cluster as it was.
func (c *Cluster) Late(moment []client.Object) {
	c.T.Helper()
	seen := indexed(fake.NewClientBuilder().WithScheme(Scheme())).WithStatusSubresource(&v1alpha1.CanaryRun{}).WithObjects(moment...).Build()
	old := evaluator.New(evaluator.Options{Key: Key, Prometheus: &PrometheusStub{Answer: analysis.Answer{Series: []analysis.Series{{Value: 0}}}}, Clock: c.Clock},
		Trimming{seen}, c.Evaluator.Runs.Objects.Live, c.writer, c)
	ctx := ctrl.LoggerInto(c.T.Context(), logr.Discard())
	if _, err := old.Deployments.Reconcile(ctx, Request(Namespace, "web")); err != nil {
		c.T.Errorf("Deployment: %v", err)
	}
	for _, run := range c.Runs() {
		if err := ReconcileRun(ctx, old, run.Name); err != nil {
			c.T.Errorf("run: %v", err)
		}
	}
}

// JudgeBy gives the plan "default" these metrics.
func (c *Cluster) JudgeBy(metrics ...v1alpha1.Metric) {
	c.T.Helper()
	plan := &v1alpha1.CanaryPlan{}
	c.Must(c.API.Get(c.T.Context(), types.NamespacedName{Namespace: Namespace, Name: "default"}, plan))
	plan.Spec.Analysis.Metrics = metrics
	c.Must(c.API.Update(c.T.Context(), plan))
}

// CanaryPod is the pod of the canary.
func (c *Cluster) CanaryPod() *corev1.Pod {
	c.T.Helper()
	var pods corev1.PodList
	c.Must(c.API.List(c.T.Context(), &pods))
	i := slices.IndexFunc(pods.Items, func(p corev1.Pod) bool { return p.Labels[v1alpha1.RoleLabel] == v1alpha1.RoleCanary })
	if i < 0 {
		c.T.Fatal("there is no canary pod")
	}
	return &pods.Items[i]
}

// HoldNext holds one update after the other.
func (c *Cluster) HoldNext(number int) {
	c.T.Helper()
	hash := HashOf(c.T, "v2") + hold.Hash("-"+strconv.Itoa(number)) // of templates that only have to differ
	encoded, err := Key.Seal(hold.Record{
		ID: "hold-" + strconv.Itoa(number), Run: "web-run-" + strconv.Itoa(number), Hash: hash, UID: c.Deployment().UID,
		HeldAt: Noon, Origin: hold.OriginTemplate, Template: Template(c.T, "v2"),
	})
	c.Must(err)
	c.AnnotateDeployment(map[string]string{v1alpha1.HeldAnnotation: encoded})
	c.Passes(2)
}

// HoldBehind has a newer update wait behind the one that is held.
func (c *Cluster) HoldBehind() {
	c.T.Helper()
	record, err := Key.Open(c.Deployment().Annotations[v1alpha1.HeldAnnotation], c.Deployment().UID)
	c.Must(err)
	hash := HashOf(c.T, "v3")
	record.Next = &hold.Record{
		ID: "hold-2", Run: v1alpha1.RunName("web", string(hash), 1), Hash: hash, UID: c.Deployment().UID, HeldAt: Noon, Template: Template(c.T, "v3"),
	}
	encoded, err := Key.Seal(record)
	c.Must(err)
	c.AnnotateDeployment(map[string]string{v1alpha1.HeldAnnotation: encoded})
}

// WantOvertaken says of how many Deployments updates come too fast.
func (c *Cluster) WantOvertaken(want float64) {
	c.T.Helper()
	if got := c.Count("holdfast_overtaken_deployments", ""); got != want {
		c.T.Errorf("%v Deployments are counted, want %v", got, want)
	}
}

// CanarySet is the ReplicaSet of the canary.
func (c *Cluster) CanarySet() *appsv1.ReplicaSet {
	c.T.Helper()
	rs := &appsv1.ReplicaSet{}
	c.Must(c.API.Get(c.T.Context(), types.NamespacedName{Namespace: Namespace, Name: c.Run().Name}, rs))
	return rs
}

// Adopt lets the canary's ReplicaSet adopt a pod in place of its own, and delete that.
func (c *Cluster) Adopt(edit func(*corev1.Pod)) *corev1.Pod {
	c.T.Helper()
	rs := c.CanarySet()
	c.Must(c.API.Delete(c.T.Context(), c.CanaryPod()))
	pod := CanaryPod(rs, true)
	pod.Name, pod.UID = rs.Name+"-good", "uid-good"
	edit(pod)
	c.Must(c.API.Create(c.T.Context(), pod))
	return pod
}

// Exists says whether a pod is there still.
func (c *Cluster) Exists(pod *corev1.Pod) bool {
	err := c.API.Get(c.T.Context(), types.NamespacedName{Namespace: Namespace, Name: pod.Name}, &corev1.Pod{})
	return err == nil
}

// WantNeverAsked says of a pod that no query names it.
func (c *Cluster) WantNeverAsked(pod string) {
	c.T.Helper()
	for _, query := range c.Prometheus.Asked {
		if strings.Contains(query, pod) {
			c.T.Errorf("pod %s was measured: %s", pod, query)
		}
	}
}

// Counted is what the stable pod says of when it was touched.
func (c *Cluster) Counted() string {
	c.T.Helper()
	var pod corev1.Pod
	c.Must(c.API.Get(c.T.Context(), types.NamespacedName{Namespace: Namespace, Name: "web-1-a"}, &pod))
	return pod.Annotations[v1alpha1.CountedAnnotation]
}

// WantStable wants the newest question to be of these pods, as a regular expression.
func (c *Cluster) WantStable(pattern string) {
	c.T.Helper()
	last := ""
	for _, query := range c.Prometheus.Asked {
		if strings.Contains(query, "sum(rate(x{") {
			last = query
		}
	}
	if !strings.Contains(last, `"`+pattern+`" }[1m]))`) {
		c.T.Errorf("the stable pods are wanted to be %s; asked was %s", pattern, last)
	}
}

// PassesUntilAsked passes until Prometheus is asked.
func (c *Cluster) PassesUntilAsked() {
	c.T.Helper()
	for n := 0; len(c.Prometheus.Asked) == 0; n++ {
		if n == 30 {
			c.T.Fatalf("nothing was asked: %+v", c.Runs())
		}
		c.Pass()
	}
}

// Pod makes a pod with the labels of the stable ones that a controller has.
func (c *Cluster) Pod(name, generateName string, controller metav1.OwnerReference) {
	c.T.Helper()
	pod := StablePod(c.Deployment(), "z")
	pod.Name, pod.GenerateName, pod.UID = name, generateName, types.UID("uid-"+name)
	pod.OwnerReferences = nil
	if controller.Name != "" {
		pod.OwnerReferences = []metav1.OwnerReference{controller}
	}
	c.Must(c.API.Create(c.T.Context(), pod))
}

// Newest is the last measurement of a metric.
func Newest(t *testing.T, run v1alpha1.CanaryRun, metric string) v1alpha1.Measurement {
	t.Helper()
	m, ok := analysis.Newest(analysis.Find(run.Status.Metrics, metric))
	if !ok {
		t.Fatalf("metric %s was not measured: %+v", metric, run.Status)
	}
	return m
}

func appendAll[T any, P interface {
	*T
	client.Object
}](out []client.Object, items []T) []client.Object {
	for i := range items {
		out = append(out, P(&items[i]))
	}
	return out
}

// Few windows fit into the period of the plan.
var Few = int32(1)

// Comparing is a metric that compares a canary with other pods.
func Comparing(name string, to v1alpha1.CompareTo) v1alpha1.Metric {
	return v1alpha1.Metric{Name: name, Compare: &v1alpha1.Comparison{
		To: to, Minimum: v1alpha1.Minimum{Points: &Few}, Count: &v1alpha1.Counted{Bad: `r_total{ {{pods}}, code=~"5.." }`, Total: "r_total{ {{pods}} }"},
	}}
}
