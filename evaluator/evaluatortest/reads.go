package evaluatortest

import (
	"context"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"k8s.io/apimachinery/pkg/runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// Deployment reads the Deployment.
func (c *Cluster) Deployment() *appsv1.Deployment {
	c.T.Helper()
	return c.readDeployment(c.T.Context())
}

func (c *Cluster) readDeployment(ctx context.Context) *appsv1.Deployment {
	c.T.Helper()
	d := &appsv1.Deployment{}
	c.Must(c.API.Get(ctx, types.NamespacedName{Namespace: Namespace, Name: "web"}, d))
	return d
}

// Runs are all there are.
func (c *Cluster) Runs() []v1alpha1.CanaryRun {
	c.T.Helper()
	var list v1alpha1.CanaryRunList
	c.Must(c.API.List(c.T.Context(), &list))
	return list.Items
}

// Run is the only one there is.
func (c *Cluster) Run() v1alpha1.CanaryRun {
	c.T.Helper()
	runs := c.Runs()
	if len(runs) != 1 {
		c.T.Fatalf("%d runs, want one", len(runs))
	}
	return runs[0]
}

// RunNamed reads a run.
func (c *Cluster) RunNamed(name string) v1alpha1.CanaryRun {
	c.T.Helper()
	var run v1alpha1.CanaryRun
	c.Must(c.API.Get(c.T.Context(), types.NamespacedName{Namespace: Namespace, Name: name}, &run))
	return run
}

// ConditionOf is a condition of the run, as text; "" without it.
func (c *Cluster) ConditionOf(kind string) string {
	found := meta.FindStatusCondition(c.Run().Status.Conditions, kind)
	if found == nil {
		return ""
	}
	return string(found.Status) + ": " + found.Message
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

// ReplicaSet reads that of a run, nil if there is none.
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

// CanarySet is the ReplicaSet of the canary.
func (c *Cluster) CanarySet() *appsv1.ReplicaSet {
	c.T.Helper()
	name := c.Run().Name
	rs := c.ReplicaSet(name)
	if rs == nil {
		c.T.Fatalf("there is no ReplicaSet %s", name)
	}
	return rs
}

// Canaries is how many ReplicaSets of runs there are.
func (c *Cluster) Canaries() int {
	c.T.Helper()
	var sets appsv1.ReplicaSetList
	c.Must(c.API.List(c.T.Context(), &sets, client.HasLabels{v1alpha1.RunLabel}))
	return len(sets.Items)
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

// Exists says whether a pod is there still.
func (c *Cluster) Exists(pod *corev1.Pod) bool {
	err := c.API.Get(c.T.Context(), types.NamespacedName{Namespace: Namespace, Name: pod.Name}, &corev1.Pod{})
	return err == nil
}

// Counted is what the stable pod says of when it was touched.
func (c *Cluster) Counted() string {
	c.T.Helper()
	var pod corev1.Pod
	c.Must(c.API.Get(c.T.Context(), types.NamespacedName{Namespace: Namespace, Name: "web-1-a"}, &pod))
	return pod.Annotations[v1alpha1.CountedAnnotation]
}

// Objects are copies of all there is, with their resourceVersions.
func (c *Cluster) Objects() []client.Object {
	c.T.Helper()
	var out []client.Object
	for _, list := range []client.ObjectList{
		&corev1.NamespaceList{}, &appsv1.DeploymentList{}, &appsv1.ReplicaSetList{}, &corev1.PodList{}, &corev1.ServiceList{},
		&v1alpha1.CanaryPlanList{}, &v1alpha1.CanaryRunList{},
	} {
		c.Must(c.API.List(c.T.Context(), list))
		c.Must(meta.EachListItem(list, func(o runtime.Object) error {
			out = append(out, o.(client.Object))
			return nil
		}))
	}
	return out
}
