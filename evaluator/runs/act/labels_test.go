package act_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
)

// freezes is a cluster whose canary has failed and is kept.
func freezes(t *testing.T, edit func(*v1alpha1.CanaryPlanSpec)) *evaluatortest.Cluster {
	t.Helper()
	plan := evaluatortest.QuickPlan("frozen")
	plan.Spec.OnFailure = v1alpha1.FailureFreeze
	edit(&plan.Spec)
	c := evaluatortest.NewCluster(t, plan)
	c.AnnotateDeployment(map[string]string{v1alpha1.PlanAnnotation: "frozen"})
	c.Prometheus.Answer.Series[0].Value = 1
	c.Hold()
	c.Passes(20)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseFrozen {
		t.Fatalf("the run is %s: %s", run.Status.Phase, run.Status.Message)
	}
	return c
}

func labelsWithout(pod *corev1.Pod, keys ...string) map[string]string {
	out := map[string]string{}
	for key, value := range pod.Labels {
		if !slices.Contains(keys, key) {
			out[key] = value
		}
	}
	return out
}

// A quarantine that is cut short is done again, to the last of it.
func TestAQuarantineThatIsCutShortIsDoneAgain(t *testing.T) {
	for cut := 1; cut <= 3; cut++ {
		c := freezes(t, func(s *v1alpha1.CanaryPlanSpec) { s.Quarantine = v1alpha1.QuarantineNever })
		run := c.Run()
		c.Edit(run.Name, func(s *v1alpha1.CanaryRunSpec) { s.Plan.Quarantine = v1alpha1.QuarantineAutomatic })
		c.FailAt = c.Writes + cut
		c.Passes(2)
		if pod := c.CanaryPod(); pod.Labels["app"] != "" || pod.Labels[v1alpha1.QuarantineLabel] != "true" || c.Counted() == "" {
			t.Errorf("cut before write %d: its labels are %v, counted %q", cut, pod.Labels, c.Counted())
		}
	}
}

func TestWhatFailedAndIsKeptLeavesTheApplication(t *testing.T) {
	c := freezes(t, func(*v1alpha1.CanaryPlanSpec) {})
	pod, run := c.CanaryPod(), c.Run()
	want := v1alpha1.CanaryPodLabels(run.Name, run.Spec.TemplateHash)
	want[v1alpha1.CanaryPodLabel], want[v1alpha1.QuarantineLabel] = "true", "true"
	if diff := cmp.Diff(want, pod.Labels); diff != "" {
		t.Errorf("its labels, -want +got:\n%s", diff)
	}
	if !metav1.IsControlledBy(pod, c.CanarySet()) {
		t.Error("its ReplicaSet has it no more")
	}
	if told := c.Told(); !slices.Contains(told, v1alpha1.EventPodQuarantined) {
		t.Errorf("told was %v", told)
	}
	if run.Status.Traffic != "none" {
		t.Errorf("its traffic is %q", run.Status.Traffic)
	}
	if at := c.Counted(); at == "" {
		t.Error("budgets are not counted anew")
	}
	before := c.Writes
	c.Passes(3)
	if c.Writes != before {
		t.Errorf("%d writes at rest", c.Writes-before)
	}
}

func TestAPlanMayKeepItInTheApplication(t *testing.T) {
	c := freezes(t, func(s *v1alpha1.CanaryPlanSpec) { s.Quarantine = v1alpha1.QuarantineNever })
	if pod := c.CanaryPod(); pod.Labels["app"] != "web" || pod.Labels[v1alpha1.QuarantineLabel] != "" {
		t.Errorf("its labels are %v", pod.Labels)
	}
}

// Somebody's policy does not let labels of pods go: the user is told, and the run goes on.
func TestWhereLabelsCannotGoTheUserIsTold(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.RefusePods = apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "x", errors.New("pods need the label app"))
	c.Hold()
	c.Passes(4)
	c.Edit(c.Run().Name, func(s *v1alpha1.CanaryRunSpec) { s.Paused = true })
	c.Pass()
	pod := c.CanaryPod()
	pod.Status.Conditions = nil
	c.Must(c.API.Status().Update(t.Context(), pod))
	c.Passes(40)
	told := slices.DeleteFunc(c.Told(), func(kind string) bool { return kind != v1alpha1.EventPodNotQuarantined })
	if len(told) != 1 { // it is tried at every look
		t.Errorf("told was %v", c.Told())
	}
	run := c.Run()
	if run.Status.Phase != v1alpha1.PhasePaused {
		t.Errorf("the run is %s", run.Status.Phase)
	}
	c.Passes(3)
	if c.Run().ResourceVersion != run.ResourceVersion {
		t.Error("the run is written at rest")
	}
	c.RefusePods = nil
	c.Passes(1)
	if pod := c.CanaryPod(); pod.Labels[v1alpha1.QuarantineLabel] != "true" || pod.Labels["app"] != "" {
		t.Errorf("its labels are %v", pod.Labels)
	}
	c.Edit(c.Run().Name, func(s *v1alpha1.CanaryRunSpec) { s.Paused = false })
	c.Passes(2)
	if pod := c.CanaryPod(); pod.Labels[v1alpha1.QuarantineLabel] != "" || pod.Labels["app"] != "web" {
		t.Errorf("the run goes on, and its labels are %v", pod.Labels)
	}
}

// A template that is forbidden by now cannot be scaled, and is deleted.
func TestASetThatCannotBeScaledIsDeleted(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Hold()
	c.Passes(4)
	c.RefuseScale = apierrors.NewForbidden(schema.GroupResource{Group: "apps", Resource: "replicasets"}, "x", errors.New("images need a digest"))
	c.Edit(c.Run().Name, func(s *v1alpha1.CanaryRunSpec) { s.Decision = v1alpha1.DecisionAbort })
	c.Passes(4)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReverted || c.Canaries() > 0 {
		t.Errorf("the run is %s and has %d canaries", run.Status.Phase, c.Canaries())
	}
}

// A run that is deleted takes its ReplicaSet with it, and its pods take long to end: no budget of the
// application counts them.
func TestPodsThatEndWithoutTheirReplicaSetLeaveTheApplication(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Hold()
	c.Passes(4)
	run, rs, pod := c.Run(), c.CanarySet(), c.CanaryPod()
	want := labelsWithout(pod, "app")
	want[v1alpha1.QuarantineLabel] = "true"
	pod.Finalizers = []string{"joe.io/slow"}
	c.Must(c.API.Update(t.Context(), pod))
	c.Must(c.API.Delete(t.Context(), &run))
	c.Must(c.API.Delete(t.Context(), rs))
	c.Must(c.API.Delete(t.Context(), pod))
	if _, err := c.Evaluator.Runs.Reconcile(t.Context(), evaluatortest.Request(evaluatortest.Namespace, run.Name)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, c.CanaryPod().Labels); diff != "" {
		t.Errorf("its labels, -want +got:\n%s", diff)
	}
}
