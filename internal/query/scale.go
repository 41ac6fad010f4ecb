package query

import (
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// maxPods is the largest canary there is.
const maxPods = 1000

// validateScale: an autoscaler is for a canary that nothing else counts or is compared with by its size, and
// that may be as large as each step begins. What its metrics say beyond their form is for the API server to
// judge, when it is made.
func validateScale(spec *v1alpha1.CanaryPlanSpec, path *field.Path) field.ErrorList {
	hpa := spec.HPA()
	if hpa == nil {
		return nil
	}
	var errs field.ErrorList
	at := path.Child("scale", "hpa")
	if !spec.Apart() {
		errs = append(errs, field.Forbidden(at, fmt.Sprintf("is for a canary behind none of the Deployment's Services, and with traffic.source %s it is: more pods would take more requests, "+
			"and an autoscaler of the Deployment would stop; take it off, or set traffic.source to Weighted, Mirror, CanaryService or None", spec.TrafficSource())))
	}
	if spec.Baseline != nil {
		errs = append(errs, field.Forbidden(at, "a baseline is as large as its canary, and this changes how large that is; take one of them off, or compare with the stable pods (compare.to: Stable)"))
	}
	if spec.Identity != nil && spec.Identity.Hostname != "" {
		errs = append(errs, field.Forbidden(path.Child("identity", "hostname"), "is for a canary of one pod, and scale.hpa may have more; take one of them off"))
	}
	errs = append(errs, validateBounds(spec, hpa, path)...)
	for i, m := range hpa.Metrics {
		errs = append(errs, validateScaledBy(m, at.Child("metrics").Index(i))...)
	}
	return errs
}

// validateBounds: no step begins with more pods than there may be.
func validateBounds(spec *v1alpha1.CanaryPlanSpec, hpa *v1alpha1.CanaryHPA, path *field.Path) field.ErrorList {
	if hpa.MinReplicas == nil || hpa.MaxReplicas == nil {
		return nil // without defaults
	}
	at, least, most := path.Child("scale", "hpa"), *hpa.MinReplicas, *hpa.MaxReplicas
	switch {
	case least < 1 || least > maxPods:
		return field.ErrorList{field.Invalid(at.Child("minReplicas"), least, "must be from 1 to 1000")}
	case most < least || most > maxPods:
		return field.ErrorList{field.Invalid(at.Child("maxReplicas"), most, fmt.Sprintf("must be from minReplicas (%d) to 1000", least))}
	}
	var errs field.ErrorList
	within := func(n *intstr.IntOrString, at *field.Path) {
		if n != nil && n.Type == intstr.Int && n.IntVal > most {
			errs = append(errs, field.Invalid(at, n.IntVal, fmt.Sprintf("must not be more than scale.hpa.maxReplicas (%d): it is the number of pods that the autoscaler begins with", most)))
		}
	}
	if len(spec.Steps) == 0 {
		within(spec.Replicas, path.Child("replicas"))
	}
	for i := range spec.Steps {
		within(spec.Steps[i].Replicas, path.Child("steps").Index(i).Child("replicas"))
	}
	return errs
}

// validateScaledBy: a metric has what its type says.
func validateScaledBy(m autoscalingv2.MetricSpec, at *field.Path) field.ErrorList {
	sources := map[autoscalingv2.MetricSourceType]bool{
		autoscalingv2.ResourceMetricSourceType:          m.Resource != nil,
		autoscalingv2.ContainerResourceMetricSourceType: m.ContainerResource != nil,
		autoscalingv2.PodsMetricSourceType:              m.Pods != nil,
		autoscalingv2.ObjectMetricSourceType:            m.Object != nil,
		autoscalingv2.ExternalMetricSourceType:          m.External != nil,
	}
	fields := map[autoscalingv2.MetricSourceType]string{
		autoscalingv2.ResourceMetricSourceType: "resource", autoscalingv2.ContainerResourceMetricSourceType: "containerResource",
		autoscalingv2.PodsMetricSourceType: "pods", autoscalingv2.ObjectMetricSourceType: "object", autoscalingv2.ExternalMetricSourceType: "external",
	}
	has, known := sources[m.Type]
	if !known {
		return field.ErrorList{field.NotSupported(at.Child("type"), m.Type, []autoscalingv2.MetricSourceType{
			autoscalingv2.ResourceMetricSourceType, autoscalingv2.ContainerResourceMetricSourceType, autoscalingv2.PodsMetricSourceType,
			autoscalingv2.ObjectMetricSourceType, autoscalingv2.ExternalMetricSourceType,
		})}
	}
	if !has {
		return field.ErrorList{field.Required(at.Child(fields[m.Type]), fmt.Sprintf("type %s says what is measured there", m.Type))}
	}
	return nil
}
