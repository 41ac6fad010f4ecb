package evaluator

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// freezes is a cluster whose canary has failed and is kept.
func freezes(t *testing.T, edit func(*v1alpha1.CanaryPlanSpec)) *cluster {
	t.Helper()
	plan := quickPlan("frozen")
	plan.Spec.OnFailure = v1alpha1.FailureFreeze
	edit(&plan.Spec)
	c := newCluster(t, plan)
	c.annotateDeployment(map[string]string{v1alpha1.PlanAnnotation: "frozen"})
	c.prometheus.answer.Series[0].Value = 1
	c.hold()
	c.passes(20)
	if run := c.run(); run.Status.Phase != v1alpha1.PhaseFrozen {
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

// counted is what the stable pod says of when it was touched.
func (c *cluster) counted() string {
	c.t.Helper()
	var pod corev1.Pod
	c.must(c.api.Get(c.t.Context(), types.NamespacedName{Namespace: namespace, Name: "web-1-a"}, &pod))
	return pod.Annotations[v1alpha1.CountedAnnotation]
}

// A quarantine that is cut short is done again, to the last of it.
func TestAQuarantineThatIsCutShortIsDoneAgain(t *testing.T) {
	for cut := 1; cut <= 3; cut++ {
		c := freezes(t, func(s *v1alpha1.CanaryPlanSpec) { s.Quarantine = v1alpha1.QuarantineNever })
		run := c.run()
		c.edit(run.Name, func(s *v1alpha1.CanaryRunSpec) { s.Plan.Quarantine = v1alpha1.QuarantineAutomatic })
		c.failAt = c.writes + cut
		c.passes(2)
		if pod := c.canaryPod(); pod.Labels["app"] != "" || pod.Labels[v1alpha1.QuarantineLabel] != "true" || c.counted() == "" {
			t.Errorf("cut before write %d: its labels are %v, counted %q", cut, pod.Labels, c.counted())
		}
	}
}

func TestWhatFailedAndIsKeptLeavesTheApplication(t *testing.T) {
	c := freezes(t, func(*v1alpha1.CanaryPlanSpec) {})
	pod, run := c.canaryPod(), c.run()
	want := v1alpha1.CanaryPodLabels(run.Name, run.Spec.TemplateHash)
	want[v1alpha1.CanaryPodLabel], want[v1alpha1.QuarantineLabel] = "true", "true"
	if diff := cmp.Diff(want, pod.Labels); diff != "" {
		t.Errorf("its labels, -want +got:\n%s", diff)
	}
	if !metav1.IsControlledBy(pod, c.canarySet()) {
		t.Error("its ReplicaSet has it no more")
	}
	if told := c.told(); !slices.Contains(told, v1alpha1.EventPodQuarantined) {
		t.Errorf("told was %v", told)
	}
	if run.Status.Traffic != "none" {
		t.Errorf("its traffic is %q", run.Status.Traffic)
	}
	if at := c.counted(); at == "" {
		t.Error("budgets are not counted anew")
	}
	before := c.writes
	c.passes(3)
	if c.writes != before {
		t.Errorf("%d writes at rest", c.writes-before)
	}
}

func TestAPlanMayKeepItInTheApplication(t *testing.T) {
	c := freezes(t, func(s *v1alpha1.CanaryPlanSpec) { s.Quarantine = v1alpha1.QuarantineNever })
	if pod := c.canaryPod(); pod.Labels["app"] != "web" || pod.Labels[v1alpha1.QuarantineLabel] != "" {
		t.Errorf("its labels are %v", pod.Labels)
	}
}

// Somebody's policy does not let labels of pods go: the user is told, and the run goes on.
func TestWhereLabelsCannotGoTheUserIsTold(t *testing.T) {
	c := newCluster(t)
	c.refusePods = apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "x", errors.New("pods need the label app"))
	c.hold()
	c.passes(4)
	c.edit(c.run().Name, func(s *v1alpha1.CanaryRunSpec) { s.Paused = true })
	c.pass()
	pod := c.canaryPod()
	pod.Status.Conditions = nil
	c.must(c.api.Status().Update(t.Context(), pod))
	c.passes(30)
	if told := c.told(); !slices.Contains(told, v1alpha1.EventPodNotQuarantined) {
		t.Errorf("told was %v", told)
	}
	if run := c.run(); run.Status.Phase != v1alpha1.PhasePaused {
		t.Errorf("the run is %s", run.Status.Phase)
	}
	c.refusePods = nil
	c.passes(1)
	if pod := c.canaryPod(); pod.Labels[v1alpha1.QuarantineLabel] != "true" || pod.Labels["app"] != "" {
		t.Errorf("its labels are %v", pod.Labels)
	}
	c.edit(c.run().Name, func(s *v1alpha1.CanaryRunSpec) { s.Paused = false })
	c.passes(2)
	if pod := c.canaryPod(); pod.Labels[v1alpha1.QuarantineLabel] != "" || pod.Labels["app"] != "web" {
		t.Errorf("the run goes on, and its labels are %v", pod.Labels)
	}
}

// A template that is forbidden by now cannot be scaled, and is deleted.
func TestASetThatCannotBeScaledIsDeleted(t *testing.T) {
	c := newCluster(t)
	c.hold()
	c.passes(4)
	c.refuseScale = apierrors.NewForbidden(schema.GroupResource{Group: "apps", Resource: "replicasets"}, "x", errors.New("images need a digest"))
	c.edit(c.run().Name, func(s *v1alpha1.CanaryRunSpec) { s.Decision = v1alpha1.DecisionAbort })
	c.passes(4)
	if run := c.run(); run.Status.Phase != v1alpha1.PhaseReverted || c.canaries() > 0 {
		t.Errorf("the run is %s and has %d canaries", run.Status.Phase, c.canaries())
	}
}

// A run that is deleted takes its ReplicaSet with it, and its pods take long to end: no budget of the application
// counts them.
func TestPodsThatEndWithoutTheirReplicaSetLeaveTheApplication(t *testing.T) {
	c := newCluster(t)
	c.hold()
	c.passes(4)
	run, rs, pod := c.run(), c.canarySet(), c.canaryPod()
	want := labelsWithout(pod, "app")
	want[v1alpha1.QuarantineLabel] = "true"
	pod.Finalizers = []string{"joe.io/slow"}
	c.must(c.api.Update(t.Context(), pod))
	c.must(c.api.Delete(t.Context(), &run))
	c.must(c.api.Delete(t.Context(), rs))
	c.must(c.api.Delete(t.Context(), pod))
	if _, err := c.e.runs.Reconcile(t.Context(), request(namespace, run.Name)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, c.canaryPod().Labels); diff != "" {
		t.Errorf("its labels, -want +got:\n%s", diff)
	}
}
