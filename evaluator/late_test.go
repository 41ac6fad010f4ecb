package evaluator_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
)

// An evaluator that lost its lead, and sees the cluster as it was at any moment
// of a run's course, changes nothing once the course is over: not the
// Deployment, not the run, and it makes no canary.
func TestLateWritesDoNoHarm(t *testing.T) {
	for name, prepare := range map[string]func(*evaluatortest.Cluster){
		"released": func(*evaluatortest.Cluster) {},
		"reverted": func(c *evaluatortest.Cluster) { c.Prometheus.Answer.Series[0].Value = 1 },
	} {
		for _, next := range []string{"nothing is held", "another update is held"} {
			t.Run(name+", "+next, func(t *testing.T) {
				t.Parallel()
				c := evaluatortest.NewCluster(t)
				prepare(c)
				c.Hold()
				var moments [][]client.Object
				c.BeforeWrite = func() { moments = append(moments, c.Objects()) }
				c.Passes(20)
				c.BeforeWrite = nil
				if !c.Run().Status.Phase.Ended() {
					t.Fatalf("the run is %s", c.Run().Status.Phase)
				}
				if next == "another update is held" {
					c.HoldAnother()
				}
				want := c.Objects()
				for i, moment := range moments {
					c.Late(moment)
					if diff := cmp.Diff(want, c.Objects()); diff != "" {
						t.Fatalf("seen as before write %d, a late write:\n%s", i+1, diff)
					}
				}
			})
		}
	}
}

// Pods of a run that was deleted without them are nobody's: they are deleted when
// a run of that name wants their place, which is no fault of its update.
func TestOrphanedPodsMakeRoom(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Hold()
	c.Passes(2)
	name := c.Run().Name
	orphan := c.ReplicaSet(name)
	orphan.OwnerReferences = nil
	c.Must(c.API.Update(t.Context(), orphan))
	run := c.Run()
	c.Must(c.API.Delete(t.Context(), &run))
	c.Passes(30) // the next run has its UID here, and for ten seconds looks like an older version of it
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReleased {
		t.Errorf("run %s is %s: %s", run.Name, run.Status.Phase, run.Status.Message)
	}
}
