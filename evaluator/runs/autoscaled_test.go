package runs_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
)

// autoscaled is a cluster whose canaries have autoscalers.
func autoscaled(t *testing.T) *evaluatortest.Cluster {
	t.Helper()
	c := evaluatortest.NewCluster(t)
	c.EditPlan(func(s *v1alpha1.CanaryPlanSpec) {
		s.Traffic = &v1alpha1.Traffic{Source: v1alpha1.TrafficNone}
		s.Scale = &v1alpha1.Scale{HPA: &v1alpha1.CanaryHPA{}}
	})
	return c
}

func autoscalersIn(c *evaluatortest.Cluster) []autoscalingv2.HorizontalPodAutoscaler {
	c.T.Helper()
	var list autoscalingv2.HorizontalPodAutoscalerList
	c.Must(c.API.List(context.Background(), &list))
	return list.Items
}

func TestACanaryHasAnAutoscalerOfItsOwn(t *testing.T) {
	c := autoscaled(t)
	c.Hold()
	c.Passes(5)
	found := autoscalersIn(c)
	if len(found) != 1 {
		t.Fatalf("%d autoscalers, want one; the run says %s", len(found), c.Run().Status.Message)
	}
	hpa, rs, run := found[0], c.CanarySet(), c.Run()
	spec := hpa.Spec
	if hpa.Name != rs.Name || !metav1.IsControlledBy(&hpa, &run) || spec.ScaleTargetRef != (autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: rs.Name}) {
		t.Errorf("it is %s of %v, for %v", hpa.Name, hpa.OwnerReferences, spec.ScaleTargetRef)
	}
	if *spec.MinReplicas != 1 || spec.MaxReplicas != 10 || len(spec.Metrics) != 1 || *spec.Metrics[0].Resource.Target.AverageUtilization != 80 || spec.Metrics[0].Resource.Name != corev1.ResourceCPU {
		t.Errorf("its spec is %+v", spec)
	}
	if _, has := c.CanaryPod().Labels["app"]; has {
		t.Error("the selector of the Deployment has the canary's pod, and an autoscaler of that would stop")
	}
	// What it says is in the run, and its number stands.
	hpa.Status.Conditions = []autoscalingv2.HorizontalPodAutoscalerCondition{{Type: autoscalingv2.ScalingActive, Status: corev1.ConditionTrue}}
	c.Must(c.API.Update(t.Context(), &hpa))
	rs.Spec.Replicas = new(int32)
	*rs.Spec.Replicas = 4
	c.Must(c.API.Update(t.Context(), rs))
	c.Passes(3)
	if got := *c.CanarySet().Spec.Replicas; got != 4 {
		t.Errorf("its ReplicaSet is made %d pods again", got)
	}
	if got := c.ConditionOf(v1alpha1.ConditionAutoscaled); !strings.HasPrefix(got, "True: HorizontalPodAutoscaler "+hpa.Name) {
		t.Errorf("the run says %q", got)
	}
	// Somebody edits it: it is as the plan says again.
	hpa = autoscalersIn(c)[0]
	hpa.Spec.MaxReplicas, hpa.Spec.Metrics = 500, nil
	c.Must(c.API.Update(t.Context(), &hpa))
	c.Passes(2)
	if got := autoscalersIn(c)[0].Spec; got.MaxReplicas != 10 || len(got.Metrics) != 1 {
		t.Errorf("edited, it stays %+v", got)
	}
	c.Passes(30)
	if left := autoscalersIn(c); len(left) != 0 || c.Run().Status.Phase != v1alpha1.PhaseReleased || c.Run().Status.Autoscaler != nil {
		t.Errorf("the run is %s (%s), its status has %v, and it leaves %d autoscalers", c.Run().Status.Phase, c.Run().Status.Message, c.Run().Status.Autoscaler, len(left))
	}
	before := c.Writes
	c.Passes(2)
	if c.Writes != before {
		t.Errorf("%d writes at rest", c.Writes-before)
	}
}

// An evaluator that is cut off at any write leaves no autoscaler behind, and no run without one.
func TestNoAutoscalerIsLeftBehind(t *testing.T) {
	for _, lost := range []bool{false, true} {
		for cut := 1; cut < 40; cut++ {
			c := autoscaled(t)
			c.FailAt, c.Lost = cut, lost
			c.Hold()
			c.Passes(40)
			if left := autoscalersIn(c); len(left) != 0 || c.Run().Status.Phase != v1alpha1.PhaseReleased {
				t.Errorf("cut at write %d (lost: %t): the run is %s and leaves %d autoscalers", cut, lost, c.Run().Status.Phase, len(left))
			}
			if c.Writes < cut {
				break
			}
		}
	}
}

// Who orphans what a run has, leaves none.
func TestAnAutoscalerThatIsOrphanedIsDeleted(t *testing.T) {
	c := autoscaled(t)
	c.Hold()
	c.Passes(5)
	run := c.Run()
	for _, hpa := range autoscalersIn(c) {
		hpa.OwnerReferences = nil
		c.Must(c.API.Update(t.Context(), &hpa))
	}
	c.Must(c.API.Delete(t.Context(), &run))
	if _, err := c.Evaluator.Runs.Reconcile(t.Context(), evaluatortest.Request(evaluatortest.Namespace, run.Name)); err != nil {
		t.Fatal(err)
	}
	if left := autoscalersIn(c); len(left) != 0 {
		t.Errorf("%d are left", len(left))
	}
}

// What the API server does not take leaves the run without a verdict, in words that say what to do.
func TestAnAutoscalerThatIsRefused(t *testing.T) {
	resource := schema.GroupResource{Group: "autoscaling", Resource: "horizontalpodautoscalers"}
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"no right":   {apierrors.NewForbidden(resource, "x", errors.New(`User "system:serviceaccount:a:b" cannot create resource "horizontalpodautoscalers"`)), "autoscaling.enabled=true"},
		"a quota":    {apierrors.NewForbidden(resource, "x", errors.New("exceeded quota: q")), "exceeded quota: q"},
		"by a guard": {apierrors.NewForbidden(resource, "x", errors.New("no autoscalers here")), "no autoscalers here"},
	} {
		t.Run(name, func(t *testing.T) {
			c := autoscaled(t)
			c.Hold()
			c.Passes(3)
			for len(autoscalersIn(c)) == 0 && c.Created == 0 {
				c.Pass()
			}
			for _, hpa := range autoscalersIn(c) {
				c.Must(c.API.Delete(t.Context(), &hpa))
			}
			c.Full = tc.err
			c.Passes(4)
			run := c.Run()
			if run.Status.Phase != v1alpha1.PhasePaused || run.Status.Reason != v1alpha1.ReasonAutoscalerRefused || !strings.Contains(run.Status.Message, tc.want) {
				t.Errorf("the run is %s/%s: %s", run.Status.Phase, run.Status.Reason, run.Status.Message)
			}
			c.Full = nil
			c.Passes(3)
			if again := autoscalersIn(c); len(again) != 0 {
				t.Error("a run that has a verdict makes another")
			}
		})
	}
}

// A name that somebody else has is not taken over.
func TestAnAutoscalerOfOthersStays(t *testing.T) {
	c := autoscaled(t)
	name := v1alpha1.CanaryName(v1alpha1.RunName("web", string(evaluatortest.HashOf(t, "v2")), 1), 1)
	c.Must(c.API.Create(t.Context(), &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Namespace: evaluatortest.Namespace, Name: name}}))
	c.Hold()
	c.Passes(6)
	if run := c.Run(); run.Status.Reason != v1alpha1.ReasonAutoscalerRefused || !strings.Contains(run.Status.Message, "belongs to something else") {
		t.Errorf("the run is %s/%s: %s", run.Status.Phase, run.Status.Reason, run.Status.Message)
	}
	if found := autoscalersIn(c); len(found) != 1 || found[0].Spec.MaxReplicas != 0 {
		t.Errorf("it is %+v", found)
	}
}

// A canary whose pods no selector of its Deployment finds is counted by none of that's autoscalers, and
// nobody is told so.
func TestACanaryApartIsNotToldToBeCounted(t *testing.T) {
	scaler := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Namespace: evaluatortest.Namespace, Name: "web"}}
	scaler.Spec.ScaleTargetRef = autoscalingv2.CrossVersionObjectReference{Kind: "Deployment", Name: "web"}
	c := evaluatortest.NewCluster(t, client.Object(scaler))
	c.EditPlan(func(s *v1alpha1.CanaryPlanSpec) { s.Traffic = &v1alpha1.Traffic{Source: v1alpha1.TrafficNone} })
	c.Hold()
	c.Passes(6)
	if _, has := c.CanaryPod().Labels["app"]; has {
		t.Error("the selector of the Deployment has the canary's pod")
	}
	if slices.ContainsFunc(c.Events, func(e string) bool { return strings.Contains(e, v1alpha1.EventAutoscalerCounts) }) {
		t.Errorf("told was %q", c.Events)
	}
}
