package gather_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/workload"
)

// crowd adds as many labels as no object is kept with.
func crowd(labels map[string]string) {
	for i := range 200 {
		labels[fmt.Sprintf("label-%d", i)] = strings.Repeat("x", 60)
	}
}

// TestLabelsThatAreNotKeptAreWatched: a plan that watches a label finds it among any number of others.
func TestLabelsThatAreNotKeptAreWatched(t *testing.T) {
	sick := metav1.LabelSelector{MatchLabels: map[string]string{"sick": "true"}}
	for of, mark := range map[v1alpha1.LabelsOf]func(c *evaluatortest.Cluster){
		"": func(c *evaluatortest.Cluster) {
			pod := c.CanaryPod()
			pod.Labels["sick"] = "true"
			crowd(pod.Labels)
			c.Must(c.API.Update(t.Context(), pod))
		},
		v1alpha1.LabelsOfDeployment: func(c *evaluatortest.Cluster) {
			d := c.Deployment()
			d.Labels = map[string]string{"sick": "true"}
			crowd(d.Labels)
			c.Must(c.API.Update(t.Context(), d))
		},
	} {
		t.Run("of "+string(of), func(t *testing.T) {
			c := evaluatortest.NewCluster(t)
			c.JudgeBy(v1alpha1.Metric{Name: "marked", Labels: &v1alpha1.LabelWatch{Of: of, Selector: sick}})
			c.Hold()
			c.Passes(4)
			mark(c)
			c.Passes(4)
			if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReverted || run.Status.Reason != v1alpha1.ReasonLabelFound {
				t.Errorf("run %s %s (%s)", run.Status.Phase, run.Status.Reason, run.Status.Message)
			}
		})
	}
}

// TestALargePlanInAnnotationsIsFollowed, and a mistake in one is told.
func TestALargePlanInAnnotationsIsFollowed(t *testing.T) {
	large := map[string]string{v1alpha1.PeriodAnnotation: "7s"}
	for i := range 5 {
		large[fmt.Sprintf("%sm-%d", v1alpha1.MetricAnnotationPrefix, i)] = strings.Repeat(" ", 2000) + "up{ {{canary}} } in [0, 1]"
	}
	c := evaluatortest.NewCluster(t)
	c.AnnotateDeployment(large)
	c.Hold()
	c.Passes(2)
	run := c.Run()
	if run.Spec.PlanSource != "annotations of the Deployment" || len(run.Spec.Plan.Analysis.Metrics) != 5 {
		t.Errorf("the run follows %q with %d metrics", run.Spec.PlanSource, len(run.Spec.Plan.Analysis.Metrics))
	}
}

func TestALargeSelectorIsRead(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	d := c.Deployment()
	for i := range 100 {
		d.Spec.Selector.MatchExpressions = append(d.Spec.Selector.MatchExpressions, metav1.LabelSelectorRequirement{
			Key: fmt.Sprintf("key-%d", i), Operator: metav1.LabelSelectorOpDoesNotExist,
		})
	}
	c.Must(c.API.Update(t.Context(), d))
	c.Hold()
	c.Passes(20)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReleased {
		t.Errorf("run %s (%s)", run.Status.Phase, run.Status.Message)
	}
}

// tooMuch is an API server with more of a kind than is read.
type tooMuch struct {
	listing.Lister
	kind string
}

func (r tooMuch) Each(ctx context.Context, q listing.Query, visit func([]byte) error) error {
	if q.Kind.Kind == r.kind {
		return listing.ErrTooMuch
	}
	return r.Lister.Each(ctx, q, visit)
}

// TestTooManyReplicaSetsKeepAnUpdateHeld, and the run says why.
func TestTooManyReplicaSetsKeepAnUpdateHeld(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Evaluator.Runs.Objects.Live = tooMuch{c.Evaluator.Runs.Objects.Live, "ReplicaSet"}
	c.Hold()
	c.Passes(20)
	run := c.Run()
	if run.Status.Phase != v1alpha1.PhaseWaiting || !strings.Contains(run.Status.Message, "delete those that are needed no more") || evaluatortest.Image(c.Deployment()) != "v1" {
		t.Errorf("run %s (%s)", run.Status.Phase, run.Status.Message)
	}
}

// TestTooManyServicesKeepOnlyThoseWaitingWhoNeedOne: a query that names none is asked.
func TestTooManyServicesKeepOnlyThoseWaitingWhoNeedOne(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Evaluator.Runs.Objects.Live = tooMuch{c.Evaluator.Runs.Objects.Live, "Service"}
	c.JudgeBy(v1alpha1.Metric{Name: "up", Query: `up{ {{canary}} }`, Range: v1alpha1.Range{Max: new(float64)}})
	c.Hold()
	c.Passes(20)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReleased {
		t.Errorf("run %s (%s)", run.Status.Phase, run.Status.Message)
	}

	c = evaluatortest.NewCluster(t)
	c.Evaluator.Runs.Objects.Live = tooMuch{c.Evaluator.Runs.Objects.Live, "Service"}
	c.JudgeBy(v1alpha1.Metric{Name: "up", Query: `up{service="{{service}}"}`, Range: v1alpha1.Range{Max: new(float64)}})
	c.Hold()
	c.Passes(6)
	if m := evaluatortest.Newest(t, c.Run(), "up"); m.Outcome != v1alpha1.OutcomeError || !strings.Contains(m.Message, "list Services") {
		t.Errorf("measured: %+v", m)
	}
}

func TestAReplicaSetsViewIsThatOfItsJSON(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	three := int32(3)
	rs := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: evaluatortest.Namespace, Name: "web-9", Generation: 2, Labels: map[string]string{"app": "web"},
			Annotations:     map[string]string{workload.RevisionAnnotation: "9"},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(c.Deployment(), evaluatortest.DeploymentKind)},
		},
		Spec:   appsv1.ReplicaSetSpec{Replicas: &three, Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{workload.TemplateHashLabel: "x"}}}},
		Status: appsv1.ReplicaSetStatus{Replicas: 2, AvailableReplicas: 1, ObservedGeneration: 2},
	}
	c.Must(c.API.Create(t.Context(), rs))
	d, err := c.Evaluator.Runs.Objects.Deployment(t.Context(), evaluatortest.Request(evaluatortest.Namespace, "web").NamespacedName)
	c.Must(err)
	sets, err := c.Evaluator.Runs.Objects.ReplicaSets(t.Context(), d)
	c.Must(err)
	if len(sets) != 2 {
		t.Fatalf("got %d sets", len(sets))
	}
	for _, set := range sets {
		if set.Revision != 9 {
			continue
		}
		set.Hash = ""
		if want := (lifecycle.ReplicaSetState{Revision: 9, Wanted: 3, Running: 2, Available: 1, Observed: true}); set != want {
			t.Errorf("got %+v", set)
		}
	}
}
