package deployments_test

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
	"holdfast.dev/holdfast/evaluator/evaluatortest"
	"holdfast.dev/holdfast/internal/hold"
)

func TestAHeldRecordGetsARun(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Hold()
	c.Passes(2)
	run, d := c.Run(), c.Deployment()
	if run.Name != v1alpha1.RunName("web", string(evaluatortest.HashOf(t, "v2")), 1) || run.Spec.Hold != evaluatortest.HoldID || run.Spec.PlanSource != "CanaryPlan default" {
		t.Errorf("run %s: %+v", run.Name, run.Spec)
	}
	if !metav1.IsControlledBy(&run, d) || run.Labels[v1alpha1.DeploymentLabel] != "web" || run.Labels[v1alpha1.HashLabel] != run.Spec.TemplateHash {
		t.Errorf("run %+v", run.ObjectMeta)
	}
}

func TestADeletedRunIsMadeAnew(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Hold()
	c.Passes(5)
	run := c.Run()
	c.Must(c.API.Delete(t.Context(), &run))
	c.Must(c.API.DeleteAllOf(t.Context(), evaluatortest.CanaryReplicaSet(), client.InNamespace(evaluatortest.Namespace), client.HasLabels{v1alpha1.RunLabel}))
	c.Passes(20)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReleased {
		t.Errorf("run %s (%s)", run.Status.Phase, run.Status.Message)
	}
}

// What is being deleted may be kept by a finalizer: no pods are kept with it.
func TestNoPodsAreKeptByAFinalizer(t *testing.T) {
	for name, doomed := range map[string]func(*evaluatortest.Cluster) client.Object{
		"of the run":        func(c *evaluatortest.Cluster) client.Object { run := c.Run(); return &run },
		"of the Deployment": func(c *evaluatortest.Cluster) client.Object { return c.Deployment() },
	} {
		t.Run(name, func(t *testing.T) {
			c := evaluatortest.NewCluster(t)
			c.Hold()
			c.Passes(5)
			if c.Canaries() != 1 {
				t.Fatal("there is no canary")
			}
			object := doomed(c)
			object.SetFinalizers([]string{"example.com/mine"})
			c.Must(c.API.Update(t.Context(), object))
			c.Must(c.API.Delete(t.Context(), object))
			c.Passes(5)
			if c.Canaries() != 0 {
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
		"by a name that none can have": {
			map[string]string{v1alpha1.PlanAnnotation: "a/b"}, nil,
			"PlanNotFound", `names CanaryPlan "a/b", a name that no CanaryPlan can have; change annotation holdfast.dev/plan`,
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
			c := evaluatortest.NewCluster(t)
			if tc.plan != nil {
				bad := evaluatortest.QuickPlan("strict")
				tc.plan(bad)
				c.Must(c.API.Create(t.Context(), bad))
			}
			c.AnnotateDeployment(tc.annotations)
			c.Hold()
			c.Passes(5)
			c.WantEvents(tc.event)
			if len(c.Runs()) != 0 || len(c.Events) != 1 || !strings.Contains(c.Events[0], tc.says) {
				t.Errorf("%d runs, events %v", len(c.Runs()), c.Events)
			}
			good := evaluatortest.QuickPlan("strict")
			_ = c.API.Delete(t.Context(), evaluatortest.QuickPlan("strict"))
			c.Must(c.API.Create(t.Context(), good))
			c.AnnotateDeployment(map[string]string{v1alpha1.PeriodAnnotation: "", v1alpha1.PlanAnnotation: "strict"})
			c.Passes(2)
			if len(c.Runs()) != 1 {
				t.Errorf("%d runs after the plan was mended", len(c.Runs()))
			}
		})
	}
}

func TestARecordThatHoldfastDidNotWriteIsNeverRun(t *testing.T) {
	foreign := func(c *evaluatortest.Cluster) string {
		encoded, err := evaluatortest.Key.Seal(hold.Record{ID: "x", Run: "web-x", UID: "uid-other", Template: evaluatortest.Template(c.T, "evil")})
		c.Must(err)
		return encoded
	}
	for name, record := range map[string]func(*evaluatortest.Cluster) string{
		"copied from another Deployment": foreign,
		"edited":                         func(c *evaluatortest.Cluster) string { return strings.Replace(c.Record(), "v2", "v3", 1) },
		"no record at all":               func(*evaluatortest.Cluster) string { return "{" },
	} {
		for _, midRun := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, mid-run %t", name, midRun), func(t *testing.T) {
				c := evaluatortest.NewCluster(t)
				if midRun {
					c.Hold()
					c.Passes(4)
				}
				c.AnnotateDeployment(map[string]string{v1alpha1.HeldAnnotation: record(c)})
				c.Passes(4)
				d := c.Deployment()
				if d.Annotations[v1alpha1.HeldAnnotation] != "" || evaluatortest.Image(d) != "v1" || c.Canaries() != 0 || c.Releases != 0 {
					t.Errorf("annotations %v, image %s, %d canaries", d.Annotations, evaluatortest.Image(d), c.Canaries())
				}
				if !slices.Contains(c.Told(), "RecordUnreadable") {
					t.Errorf("events %v", c.Told())
				}
				if midRun && (c.Run().Status.Phase != v1alpha1.PhaseCanceled || c.Run().Status.Reason != v1alpha1.ReasonRecordUnreadable) {
					t.Errorf("run %s %s", c.Run().Status.Phase, c.Run().Status.Reason)
				}
			})
		}
	}
}

func TestARunOfTheSameNameAndAnotherHoldIsInTheWay(t *testing.T) {
	name := v1alpha1.RunName("web", string(evaluatortest.HashOf(t, "v2")), 1)
	c := evaluatortest.NewCluster(t, &v1alpha1.CanaryRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: evaluatortest.Namespace, Name: name, UID: "uid-mine"},
		Spec:       v1alpha1.CanaryRunSpec{Deployment: "web", Hold: evaluatortest.HoldID, TemplateHash: string(evaluatortest.HashOf(t, "v2"))},
	})
	c.Hold()
	c.Passes(3)
	c.WantEvents("RunNameTaken")
	if c.Canaries() != 0 || c.Releases != 0 {
		t.Errorf("a run that Holdfast did not make has %d canaries, %d releases", c.Canaries(), c.Releases)
	}
}

// The guard lifted, the update that is held comes through, plan or no plan.
func TestLiftingTheGuardReleases(t *testing.T) {
	for name, annotations := range map[string]map[string]string{
		"with a run":     nil,
		"without a plan": {v1alpha1.PlanAnnotation: "none"},
	} {
		t.Run(name, func(t *testing.T) {
			c := evaluatortest.NewCluster(t)
			c.AnnotateDeployment(annotations)
			c.Hold()
			c.Passes(3)
			ns := &corev1.Namespace{}
			c.Must(c.API.Get(t.Context(), types.NamespacedName{Name: evaluatortest.Namespace}, ns))
			ns.Annotations = nil
			c.Must(c.API.Update(t.Context(), ns))
			c.Passes(2)
			if evaluatortest.Image(c.Deployment()) != "v1" {
				t.Error("released while the label is still there")
			}
			c.Must(c.API.Get(t.Context(), types.NamespacedName{Name: evaluatortest.Namespace}, ns))
			ns.Labels = nil
			c.Must(c.API.Update(t.Context(), ns))
			c.Passes(6)
			if run := c.Run(); run.Status.Reason != v1alpha1.ReasonUnguarded || run.Status.Verdict != "" || evaluatortest.Image(c.Deployment()) != "v2" || c.Canaries() != 0 {
				t.Errorf("run %s %s %s, image %s", run.Status.Phase, run.Status.Reason, run.Status.Verdict, evaluatortest.Image(c.Deployment()))
			}
		})
	}
}

func TestHistoryIsKeptToItsLimit(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	owner := []metav1.OwnerReference{*metav1.NewControllerRef(c.Deployment(), evaluatortest.DeploymentKind)}
	for i := range 5 {
		finished := metav1.NewTime(evaluatortest.Noon.Add(time.Duration(i) * time.Hour))
		run := &v1alpha1.CanaryRun{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: evaluatortest.Namespace, Name: fmt.Sprintf("web-%d", i), UID: types.UID(fmt.Sprint(i)), OwnerReferences: owner,
				Labels: map[string]string{v1alpha1.DeploymentLabel: "web"},
			},
			Spec:   v1alpha1.CanaryRunSpec{Deployment: "web", Hold: "earlier"},
			Status: v1alpha1.CanaryRunStatus{Phase: v1alpha1.PhaseReverted, FinishedAt: &finished},
		}
		if i == 0 {
			run.Status = v1alpha1.CanaryRunStatus{Phase: v1alpha1.PhaseFrozen}
		}
		c.Must(c.API.Create(t.Context(), run))
		c.Must(c.API.Status().Update(t.Context(), run))
	}
	c.AnnotateDeployment(map[string]string{v1alpha1.HeldAnnotation: ""})
	_, err := c.Evaluator.Deployments.Reconcile(t.Context(), evaluatortest.Request(evaluatortest.Namespace, "web"))
	c.Must(err)
	var names []string
	for _, run := range c.Runs() {
		names = append(names, run.Name)
	}
	if diff := cmp.Diff([]string{"web-0", "web-3", "web-4"}, names); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A cache that lists anew, as after a change of the kinds, has no plan of anybody.
// A run keeps the plan it begins with, so that is not taken for an answer.
func TestAPlanThatTheCacheHasNotYetIsFound(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Evaluator.Runs.Objects.Cached = evaluatortest.Trimming{Reader: interceptor.NewClient(c.API, interceptor.Funcs{
		List: func(ctx context.Context, api client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if _, ok := list.(*v1alpha1.CanaryPlanList); ok {
				return nil
			}
			return api.List(ctx, list, opts...)
		},
	})}
	c.Hold()
	c.Passes(2)
	if run := c.Run(); run.Spec.PlanSource != "CanaryPlan default" {
		t.Errorf("the run goes by %s", run.Spec.PlanSource)
	}
}

// The annotation of a namespace may come in the same file as the update, and the cache have the namespace as
// it was.
func TestAPlanThatTheNamespaceNamesSinceAMomentIsFound(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Must(c.API.Create(t.Context(), evaluatortest.QuickPlan("strict")))
	var ns corev1.Namespace
	c.Must(c.API.Get(t.Context(), client.ObjectKey{Name: evaluatortest.Namespace}, &ns))
	ns.Annotations[v1alpha1.PlanAnnotation] = "strict"
	c.Must(c.API.Update(t.Context(), &ns))
	c.Evaluator.Runs.Objects.Cached = evaluatortest.Trimming{Reader: interceptor.NewClient(c.API, interceptor.Funcs{
		Get: func(ctx context.Context, api client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			err := api.Get(ctx, key, o, opts...)
			if o.GetObjectKind().GroupVersionKind().Kind == "Namespace" {
				annotations := o.GetAnnotations()
				delete(annotations, v1alpha1.PlanAnnotation)
				o.SetAnnotations(annotations)
			}
			return err
		},
	})}
	c.Hold()
	c.Passes(2)
	if run := c.Run(); run.Spec.PlanSource != "CanaryPlan strict" {
		t.Errorf("the run goes by %s", run.Spec.PlanSource)
	}
}

// A quota that is used up is waited for, and both the Deployment and the run say so.
func TestAQuotaIsWaitedFor(t *testing.T) {
	full := apierrors.NewForbidden(schema.GroupResource{Resource: "things"}, "web", errors.New("exceeded quota: small"))
	c := evaluatortest.NewCluster(t)
	c.Full = full
	c.Hold()
	ctx := ctrl.LoggerInto(t.Context(), logr.Discard())
	for range 3 {
		if _, err := c.Evaluator.Deployments.Reconcile(ctx, evaluatortest.Request(evaluatortest.Namespace, "web")); err == nil {
			t.Fatal("nobody tries again to make the run")
		}
	}
	c.WantEvents("RunNotCreated")
	c.Full = nil
	if _, err := c.Evaluator.Deployments.Reconcile(ctx, evaluatortest.Request(evaluatortest.Namespace, "web")); err != nil {
		t.Fatal(err)
	}
	c.Full = full
	c.Passes(5)
	c.WantEvents("RunNotCreated", "Held", "PodsNotCreated")
	run := c.Run()
	if run.Status.Phase != v1alpha1.PhaseWaiting || !strings.Contains(run.Status.Message, "exceeded quota: small") || c.Canaries() > 0 {
		t.Errorf("the run is %s: %s", run.Status.Phase, run.Status.Message)
	}
	writes := c.Writes
	if c.Passes(5); c.Writes-writes != 5 { // the canary that is tried to be made, no status
		t.Errorf("%d writes while nothing changes", c.Writes-writes)
	}
	c.Full = nil
	c.Passes(20)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReleased {
		t.Errorf("with the quota raised the run is %s: %s", run.Status.Phase, run.Status.Message)
	}
}
