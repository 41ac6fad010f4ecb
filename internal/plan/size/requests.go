package size

import (
	"fmt"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
)

// Unscalable says by which fields of a template an autoscaler of the canary could tell nothing; "" if there
// are none. A Utilization is a share of what is requested (source: calculateRequests in
// pkg/controller/podautoscaler of Kubernetes
// 1.36): of the pod where that requests anything itself, otherwise of each container, those that run beside
// them as native sidecars too. What is limited and not requested is requested.
func Unscalable(hpa *v1alpha1.CanaryHPA, template hold.Template) string {
	var pod corev1.PodTemplateSpec
	if hpa == nil || runtime.DefaultUnstructuredConverter.FromUnstructured(template, &pod) != nil {
		return ""
	}
	for _, m := range hpa.Metrics {
		switch {
		case m.Resource != nil && m.Resource.Target.Type == autoscalingv2.UtilizationMetricType:
			if why := unrequested(pod.Spec, m.Resource.Name, ""); why != "" {
				return why
			}
		case m.ContainerResource != nil && m.ContainerResource.Target.Type == autoscalingv2.UtilizationMetricType:
			if why := unrequested(pod.Spec, m.ContainerResource.Name, m.ContainerResource.Container); why != "" {
				return why
			}
		}
	}
	if len(hpa.Metrics) == 0 {
		return unrequested(pod.Spec, corev1.ResourceCPU, "")
	}
	return ""
}

// unrequested is the first container that requests nothing of a resource, of all or of the one that is named.
func unrequested(pod corev1.PodSpec, resource corev1.ResourceName, named string) string {
	if r := pod.Resources; named == "" && r != nil && len(r.Requests)+len(r.Limits) > 0 {
		if requests(*r, resource) {
			return ""
		}
		return fmt.Sprintf("spec.template.spec.resources requests no %s, of which the autoscaler of the canary (scale.hpa) is to keep a share", resource)
	}
	type place struct {
		field string
		corev1.Container
	}
	var all []place
	for i, c := range pod.Containers {
		all = append(all, place{fmt.Sprintf("containers[%d]", i), c})
	}
	for i, c := range pod.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			all = append(all, place{fmt.Sprintf("initContainers[%d]", i), c})
		}
	}
	if named != "" {
		all = slices.DeleteFunc(all, func(p place) bool { return p.Name != named })
		if len(all) == 0 {
			return fmt.Sprintf("there is no container %s in spec.template, of whose %s the autoscaler of the canary (scale.hpa) is to keep a share", named, resource)
		}
	}
	for _, p := range all {
		if !requests(p.Resources, resource) {
			return fmt.Sprintf("spec.template.spec.%s.resources.requests of container %s has no %s, of which the autoscaler of the canary (scale.hpa) is to keep a share; "+
				"give it one, unless a LimitRange does", p.field, p.Name, resource)
		}
	}
	return ""
}

func requests(r corev1.ResourceRequirements, resource corev1.ResourceName) bool {
	_, requested := r.Requests[resource]
	_, limited := r.Limits[resource]
	return requested || limited
}
