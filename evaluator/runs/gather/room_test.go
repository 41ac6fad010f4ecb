package gather

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/listing/listingtest"
)

func TestAPodThatFindsNoNodeIsLookedFor(t *testing.T) {
	const newest = "h2"
	waits := func(hash, reason string) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-" + hash, Labels: map[string]string{"app": "web", appsv1.DefaultDeploymentUniqueLabelKey: hash}},
			Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{
				Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: reason, Message: "0/1 nodes are available",
			}}},
		}
	}
	for name, tc := range map[string]struct {
		pod  *corev1.Pod
		edit func(*Observed)
		says string
	}{
		"a new pod":                   {waits(newest, corev1.PodReasonUnschedulable), func(*Observed) {}, "pod web-h2 finds no node: 0/1 nodes are available"},
		"one that waits for a gate":   {waits(newest, corev1.PodReasonSchedulingGated), func(*Observed) {}, ""},
		"one of another revision":     {waits("h1", corev1.PodReasonUnschedulable), func(*Observed) {}, ""},
		"of what is not released yet": {waits(newest, corev1.PodReasonUnschedulable), func(seen *Observed) { seen.CanaryRun.Status.Phase = v1alpha1.PhaseRunning }, ""},
		"of what is rolled out":       {waits(newest, corev1.PodReasonUnschedulable), func(seen *Observed) { seen.Rollout.State = lifecycle.RolloutComplete }, ""},
		"with no canary any more":     {waits(newest, corev1.PodReasonUnschedulable), func(seen *Observed) { seen.Canary.Replicas = 0 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			known := runtime.NewScheme()
			if err := corev1.AddToScheme(known); err != nil {
				t.Fatal(err)
			}
			d := objects.Deployment{Unstructured: objects.NewDeployment()}
			d.SetNamespace("shop")
			d.Object["spec"] = map[string]any{"selector": map[string]any{"matchLabels": map[string]any{"app": "web"}}}
			g := &Gatherer{Objects: &objects.Reader{Live: listingtest.APIServer{Reader: fake.NewClientBuilder().WithScheme(known).WithObjects(tc.pod).Build()}}}
			seen := Observed{CanaryRun: &v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}}, DeploymentObject: d}
			seen.CanaryRun.Status.Phase = v1alpha1.PhaseReleasing
			seen.Rollout = lifecycle.RolloutProgress{State: lifecycle.RolloutUnderWay, PodHash: newest}
			seen.Canary = &lifecycle.Canary{Replicas: 1}
			tc.edit(&seen)
			if err := g.gatherUnschedulable(t.Context(), &seen); err != nil || seen.Rollout.Unschedulable != tc.says {
				t.Errorf("says %q (%v)", seen.Rollout.Unschedulable, err)
			}
		})
	}
}
