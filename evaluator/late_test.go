package evaluator

import (
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/hold"
)

// objects are copies of all there is, with their resourceVersions.
func (c *cluster) objects() []client.Object {
	c.t.Helper()
	var out []client.Object
	lists := []client.ObjectList{
		&corev1.NamespaceList{}, &appsv1.DeploymentList{}, &appsv1.ReplicaSetList{}, &corev1.PodList{}, &corev1.ServiceList{},
		&v1alpha1.CanaryPlanList{}, &v1alpha1.CanaryRunList{},
	}
	for _, list := range lists {
		c.must(c.api.List(c.t.Context(), list))
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

func appendAll[T any, P interface {
	*T
	client.Object
}](out []client.Object, items []T) []client.Object {
	for i := range items {
		out = append(out, P(&items[i]))
	}
	return out
}

// An evaluator that lost its lead, and sees the cluster as it was at any moment
// of a run's course, changes nothing once the course is over: not the
// Deployment, not the run, and it makes no canary.
func TestLateWritesDoNoHarm(t *testing.T) {
	for name, prepare := range map[string]func(*cluster){
		"released": func(*cluster) {},
		"reverted": func(c *cluster) { c.prometheus.answer.Series[0].Value = 1 },
	} {
		for _, next := range []string{"nothing is held", "another update is held"} {
			t.Run(name+", "+next, func(t *testing.T) {
				t.Parallel()
				c := newCluster(t)
				prepare(c)
				c.hold()
				var moments [][]client.Object
				c.beforeWrite = func() { moments = append(moments, c.objects()) }
				c.passes(20)
				c.beforeWrite = nil
				if !c.run().Status.Phase.Ended() {
					t.Fatalf("the run is %s", c.run().Status.Phase)
				}
				if next == "another update is held" {
					c.holdAnother()
				}
				want := c.objects()
				for i, moment := range moments {
					c.late(moment)
					if diff := cmp.Diff(want, c.objects()); diff != "" {
						t.Fatalf("seen as before write %d, a late write:\n%s", i+1, diff)
					}
				}
			})
		}
	}
}

func (c *cluster) holdAnother() {
	c.t.Helper()
	hash := hashOf(c.t, "v3")
	encoded, err := key.Seal(hold.Record{
		ID: "hold-2", Run: v1alpha1.RunName("web", string(hash), 1), Hash: hash, UID: c.deployment().UID, HeldAt: noon, Template: template(c.t, "v3"),
	})
	c.must(err)
	c.annotateDeployment(map[string]string{v1alpha1.HeldAnnotation: encoded})
}

// late is a pass of an evaluator whose cache shows the cluster as it was.
func (c *cluster) late(moment []client.Object) {
	c.t.Helper()
	seen := fake.NewClientBuilder().WithScheme(scheme()).WithStatusSubresource(&v1alpha1.CanaryRun{}).WithObjects(moment...).Build()
	old := newEvaluator(Options{Key: key, Prometheus: &prometheusStub{answer: analysis.Answer{Series: []analysis.Series{{Value: 0}}}}, Clock: c.clock},
		trimming{seen}, c.e.runs.Objects.Live, c.writer, c)
	ctx := ctrl.LoggerInto(c.t.Context(), logr.Discard())
	if _, err := old.deployments.Reconcile(ctx, request(namespace, "web")); err != nil {
		c.t.Errorf("Deployment: %v", err)
	}
	for _, run := range c.runs() {
		if err := reconcileRun(ctx, old, run.Name); err != nil {
			c.t.Errorf("run: %v", err)
		}
	}
}

// Pods of a run that was deleted without them are nobody's: they are deleted when
// a run of that name wants their place, which is no fault of its update.
func TestOrphanedPodsMakeRoom(t *testing.T) {
	c := newCluster(t)
	c.hold()
	c.passes(2)
	name := c.run().Name
	orphan := c.replicaSet(name)
	orphan.OwnerReferences = nil
	c.must(c.api.Update(t.Context(), orphan))
	run := c.run()
	c.must(c.api.Delete(t.Context(), &run))
	c.passes(20)
	if run := c.run(); run.Status.Phase != v1alpha1.PhaseReleased {
		t.Errorf("run %s is %s: %s", run.Name, run.Status.Phase, run.Status.Message)
	}
}
