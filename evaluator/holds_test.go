package evaluator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
)

func TestAHeldRecordGetsARun(t *testing.T) {
	c := newCluster(t)
	c.hold()
	c.passes(2)
	run, d := c.run(), c.deployment()
	if run.Name != v1alpha1.RunName("web", string(hashOf(t, "v2")), 1) || run.Spec.Hold != holdID || run.Spec.PlanSource != "CanaryPlan default" {
		t.Errorf("run %s: %+v", run.Name, run.Spec)
	}
	if !metav1.IsControlledBy(&run, d) || run.Labels[v1alpha1.DeploymentLabel] != "web" || run.Labels[v1alpha1.HashLabel] != run.Spec.TemplateHash {
		t.Errorf("run %+v", run.ObjectMeta)
	}
}

func TestADeletedRunIsMadeAnew(t *testing.T) {
	c := newCluster(t)
	c.hold()
	c.passes(5)
	run := c.run()
	c.must(c.api.Delete(t.Context(), &run))
	c.must(c.api.DeleteAllOf(t.Context(), canaryReplicaSet(), client.InNamespace(namespace), client.HasLabels{v1alpha1.RunLabel}))
	c.passes(20)
	if run := c.run(); run.Status.Phase != v1alpha1.PhaseReleased {
		t.Errorf("run %s (%s)", run.Status.Phase, run.Status.Message)
	}
}

// What is being deleted may be kept by a finalizer: no pods are kept with it.
func TestNoPodsAreKeptByAFinalizer(t *testing.T) {
	for name, doomed := range map[string]func(*cluster) client.Object{
		"of the run":        func(c *cluster) client.Object { run := c.run(); return &run },
		"of the Deployment": func(c *cluster) client.Object { return c.deployment() },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.hold()
			c.passes(5)
			if c.canaries() != 1 {
				t.Fatal("there is no canary")
			}
			object := doomed(c)
			object.SetFinalizers([]string{"example.com/mine"})
			c.must(c.api.Update(t.Context(), object))
			c.must(c.api.Delete(t.Context(), object))
			c.passes(5)
			if c.canaries() != 0 {
				t.Error("the canary is there still")
			}
		})
	}
}

// A plan that is missing or wrong keeps the update held, is told once, and is
// looked for again when plans change.
func TestWithoutAPlanTheUpdateStaysHeld(t *testing.T) {
	for name, tc := range map[string]struct {
		annotations map[string]string
		plan        func(*v1alpha1.CanaryPlan)
		event, says string
	}{
		"named and missing": {
			map[string]string{v1alpha1.PlanAnnotation: "strict"}, nil,
			"PlanNotFound", `names CanaryPlan "strict", which does not exist; create it`,
		},
		"with a bad query": {
			map[string]string{v1alpha1.PlanAnnotation: "strict"},
			func(p *v1alpha1.CanaryPlan) { p.Spec.Analysis.Metrics[0].Query = "sum(up" },
			"PlanInvalid", "line 1, column 7",
		},
		"in annotations, with a mistake": {
			map[string]string{v1alpha1.PeriodAnnotation: "soon"}, nil,
			"PlanInvalid", "metadata.annotations[holdfast.dev/period]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			if tc.plan != nil {
				bad := quickPlan("strict")
				tc.plan(bad)
				c.must(c.api.Create(t.Context(), bad))
			}
			c.annotateDeployment(tc.annotations)
			c.hold()
			c.passes(5)
			c.wantEvents(tc.event)
			if len(c.runs()) != 0 || len(c.events) != 1 || !strings.Contains(c.events[0], tc.says) {
				t.Errorf("%d runs, events %v", len(c.runs()), c.events)
			}
			good := quickPlan("strict")
			_ = c.api.Delete(t.Context(), quickPlan("strict"))
			c.must(c.api.Create(t.Context(), good))
			c.annotateDeployment(map[string]string{v1alpha1.PeriodAnnotation: ""})
			c.passes(2)
			if len(c.runs()) != 1 {
				t.Errorf("%d runs after the plan was mended", len(c.runs()))
			}
		})
	}
}

func TestARecordThatHoldfastDidNotWriteIsNeverRun(t *testing.T) {
	foreign := func(c *cluster) string {
		encoded, err := key.Seal(hold.Record{ID: "x", Run: "web-x", UID: "uid-other", Template: template(c.t, "evil")})
		c.must(err)
		return encoded
	}
	for name, record := range map[string]func(*cluster) string{
		"copied from another Deployment": foreign,
		"edited":                         func(c *cluster) string { return strings.Replace(c.record(), "v2", "v3", 1) },
		"no record at all":               func(*cluster) string { return "{" },
	} {
		for _, midRun := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, mid-run %t", name, midRun), func(t *testing.T) {
				c := newCluster(t)
				if midRun {
					c.hold()
					c.passes(4)
				}
				c.annotateDeployment(map[string]string{v1alpha1.HeldAnnotation: record(c)})
				c.passes(4)
				d := c.deployment()
				if d.Annotations[v1alpha1.HeldAnnotation] != "" || image(d) != "v1" || c.canaries() != 0 || c.releases != 0 {
					t.Errorf("annotations %v, image %s, %d canaries", d.Annotations, image(d), c.canaries())
				}
				if !slices.Contains(c.told(), "RecordUnreadable") {
					t.Errorf("events %v", c.told())
				}
				if midRun && (c.run().Status.Phase != v1alpha1.PhaseCanceled || c.run().Status.Reason != v1alpha1.ReasonRecordUnreadable) {
					t.Errorf("run %s %s", c.run().Status.Phase, c.run().Status.Reason)
				}
			})
		}
	}
}

func TestARunOfTheSameNameAndAnotherHoldIsInTheWay(t *testing.T) {
	name := v1alpha1.RunName("web", string(hashOf(t, "v2")), 1)
	c := newCluster(t, &v1alpha1.CanaryRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: "uid-mine"},
		Spec:       v1alpha1.CanaryRunSpec{Deployment: "web", Hold: holdID, TemplateHash: string(hashOf(t, "v2"))},
	})
	c.hold()
	c.passes(3)
	c.wantEvents("RunNameTaken")
	if c.canaries() != 0 || c.releases != 0 {
		t.Errorf("a run that Holdfast did not make has %d canaries, %d releases", c.canaries(), c.releases)
	}
}

// The guard lifted, the update that is held comes through, plan or no plan.
func TestLiftingTheGuardReleases(t *testing.T) {
	for name, annotations := range map[string]map[string]string{
		"with a run":     nil,
		"without a plan": {v1alpha1.PlanAnnotation: "none"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.annotateDeployment(annotations)
			c.hold()
			c.passes(3)
			ns := &corev1.Namespace{}
			c.must(c.api.Get(t.Context(), types.NamespacedName{Name: namespace}, ns))
			ns.Annotations = nil
			c.must(c.api.Update(t.Context(), ns))
			c.passes(2)
			if image(c.deployment()) != "v1" {
				t.Error("released while the label is still there")
			}
			c.must(c.api.Get(t.Context(), types.NamespacedName{Name: namespace}, ns))
			ns.Labels = nil
			c.must(c.api.Update(t.Context(), ns))
			c.passes(6)
			if run := c.run(); run.Status.Reason != v1alpha1.ReasonUnguarded || run.Status.Verdict != "" || image(c.deployment()) != "v2" || c.canaries() != 0 {
				t.Errorf("run %s %s %s, image %s", run.Status.Phase, run.Status.Reason, run.Status.Verdict, image(c.deployment()))
			}
		})
	}
}

func TestHistoryIsKeptToItsLimit(t *testing.T) {
	c := newCluster(t)
	owner := []metav1.OwnerReference{*metav1.NewControllerRef(c.deployment(), deploymentKind)}
	for i := range 5 {
		finished := metav1.NewTime(noon.Add(time.Duration(i) * time.Hour))
		run := &v1alpha1.CanaryRun{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: namespace, Name: fmt.Sprintf("web-%d", i), UID: types.UID(fmt.Sprint(i)), OwnerReferences: owner,
				Labels: map[string]string{v1alpha1.DeploymentLabel: "web"},
			},
			Spec:   v1alpha1.CanaryRunSpec{Deployment: "web", Hold: "earlier"},
			Status: v1alpha1.CanaryRunStatus{Phase: v1alpha1.PhaseReverted, FinishedAt: &finished},
		}
		if i == 0 {
			run.Status = v1alpha1.CanaryRunStatus{Phase: v1alpha1.PhaseFrozen}
		}
		c.must(c.api.Create(t.Context(), run))
		c.must(c.api.Status().Update(t.Context(), run))
	}
	c.annotateDeployment(map[string]string{v1alpha1.HeldAnnotation: ""})
	_, err := c.e.deployments.Reconcile(t.Context(), request(namespace, "web"))
	c.must(err)
	var names []string
	for _, run := range c.runs() {
		names = append(names, run.Name)
	}
	if diff := cmp.Diff([]string{"web-0", "web-3", "web-4"}, names); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A cache that lists anew, as after a change of the kinds, has no plan of anybody.
// A run keeps the plan it begins with, so that is not taken for an answer.
func TestAPlanThatTheCacheHasNotYetIsFound(t *testing.T) {
	c := newCluster(t)
	c.e.runs.Objects.Cached = trimming{interceptor.NewClient(c.api, interceptor.Funcs{
		List: func(ctx context.Context, api client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if _, ok := list.(*v1alpha1.CanaryPlanList); ok {
				return nil
			}
			return api.List(ctx, list, opts...)
		},
	})}
	c.hold()
	c.passes(2)
	if run := c.run(); run.Spec.PlanSource != "CanaryPlan default" {
		t.Errorf("the run goes by %s", run.Spec.PlanSource)
	}
}

// A quota that is used up is waited for, and both the Deployment and the run say so.
func TestAQuotaIsWaitedFor(t *testing.T) {
	full := apierrors.NewForbidden(schema.GroupResource{Resource: "things"}, "web", errors.New("exceeded quota: small"))
	c := newCluster(t)
	c.full = full
	c.hold()
	ctx := ctrl.LoggerInto(t.Context(), logr.Discard())
	for range 3 {
		if _, err := c.e.deployments.Reconcile(ctx, request(namespace, "web")); err == nil {
			t.Fatal("nobody tries again to make the run")
		}
	}
	c.wantEvents("RunNotCreated")
	c.full = nil
	if _, err := c.e.deployments.Reconcile(ctx, request(namespace, "web")); err != nil {
		t.Fatal(err)
	}
	c.full = full
	c.passes(5)
	c.wantEvents("RunNotCreated", "Held", "PodsNotCreated")
	run := c.run()
	if run.Status.Phase != v1alpha1.PhaseWaiting || !strings.Contains(run.Status.Message, "exceeded quota: small") || c.canaries() > 0 {
		t.Errorf("the run is %s: %s", run.Status.Phase, run.Status.Message)
	}
	writes := c.writes
	if c.passes(5); c.writes-writes != 5 { // the canary that is tried to be made, no status
		t.Errorf("%d writes while nothing changes", c.writes-writes)
	}
	c.full = nil
	c.passes(20)
	if run := c.run(); run.Status.Phase != v1alpha1.PhaseReleased {
		t.Errorf("with the quota raised the run is %s: %s", run.Status.Phase, run.Status.Message)
	}
}
