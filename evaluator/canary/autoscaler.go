package canary

import (
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Autoscaler builds the HorizontalPodAutoscaler of a canary, which is called as its ReplicaSet is. It belongs
// to the CanaryRun.
func Autoscaler(run *v1alpha1.CanaryRun, name string, plan v1alpha1.CanaryHPA, least, most int32) *autoscalingv2.HorizontalPodAutoscaler {
	owner := &metav1.ObjectMeta{Name: run.Name, UID: run.UID}
	return &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: run.Namespace, Name: name, Labels: AutoscalerLabels(types.NamespacedName{Namespace: run.Namespace, Name: run.Name}, run.Spec.Deployment),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(owner, v1alpha1.GroupVersion.WithKind("CanaryRun"))},
		},
		Spec: AutoscalerSpec(name, plan, least, most),
	}
}

// AutoscalerLabels are those by which the autoscaler of a run is found.
func AutoscalerLabels(run types.NamespacedName, deployment string) map[string]string {
	return map[string]string{v1alpha1.RunLabel: v1alpha1.LabelValue(run.Name), v1alpha1.DeploymentLabel: v1alpha1.LabelValue(deployment)}
}

// defaultUtilization is how much of the CPU that they request the pods of a canary use, in percent, where the
// plan says nothing else.
const defaultUtilization = 80

// AutoscalerSpec is what the autoscaler of a ReplicaSet of this name goes by.
func AutoscalerSpec(name string, plan v1alpha1.CanaryHPA, least, most int32) autoscalingv2.HorizontalPodAutoscalerSpec {
	metrics := plan.Metrics
	if len(metrics) == 0 {
		use := int32(defaultUtilization)
		metrics = []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
			Name: corev1.ResourceCPU, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &use},
		}}}
	}
	return autoscalingv2.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: appsv1.SchemeGroupVersion.String(), Kind: "ReplicaSet", Name: name},
		MinReplicas:    &least, MaxReplicas: most, Metrics: metrics, Behavior: plan.Behavior,
	}
}

// LeftBy says whether a selector of a Deployment no longer selects pods that leave labels out. Two
// autoscalers that find one pod by their selectors both stop (AmbiguousSelector).
func LeftBy(selector *metav1.LabelSelector, pods map[string]string, without []string) bool {
	left := labels.Set(maps.Clone(pods))
	for _, key := range without {
		delete(left, key)
	}
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && !parsed.Matches(left)
}
