package policy

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plan/size"
)

// dropAutoscaler takes the autoscaler off a canary that policies put behind the Deployment's Services, or
// have compared with a baseline, where it may have none (see query.ValidatePlan). A plan that was so before
// stays as it is, and is refused.
func (a *applying) dropAutoscaler() {
	if a.plan.HPA() == nil {
		return
	}
	with := a.plan.DeepCopy()
	with.SetDefaults()
	compared := with.Baseline != nil && a.plan.Baseline == nil
	for _, c := range a.changes {
		if c.Field == "traffic.source" || compared && strings.HasPrefix(c.Field, "analysis.metrics[") {
			a.changed(c.Policy, "scale.hpa", "an autoscaler", "none")
			a.plan.Scale = nil
			return
		}
	}
}

// shrinkAutoscaler bounds what the autoscaler of a canary may ask for.
func (a *applying) shrinkAutoscaler(most Bound[intstr.IntOrString]) {
	hpa := a.plan.HPA()
	allowed := size.Pods(&most.Value, a.replicas)
	if hpa == nil || *hpa.MaxReplicas <= allowed {
		return
	}
	a.changed(most.Policy, "scale.hpa.maxReplicas", text(hpa.MaxReplicas), most.Value.String())
	a.plan.Scale = &v1alpha1.Scale{HPA: hpa.DeepCopy()}
	hpa = a.plan.Scale.HPA
	*hpa.MaxReplicas, *hpa.MinReplicas = allowed, min(*hpa.MinReplicas, allowed)
}
