package evaluatortest

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// QuickPlan is a plan that takes ten seconds.
func QuickPlan(name string) *v1alpha1.CanaryPlan {
	least, most := 0.0, 0.05
	plan := &v1alpha1.CanaryPlan{ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: name}}
	plan.Spec.SetDefaults()
	plan.Spec.Analysis.Interval.Duration = 2 * time.Second
	plan.Spec.Analysis.Period.Duration = 10 * time.Second
	plan.Spec.ReadyDeadline.Duration = 20 * time.Second
	plan.Spec.Analysis.Metrics = []v1alpha1.Metric{{
		Name:  "errors",
		Query: `sum(rate(errors_total{ {{canary}}, service="{{service}}" }[{{interval}}])) / sum(rate(errors_total{ {{stable}} }[1m]))`,
		Range: v1alpha1.Range{Min: &least, Max: &most},
	}}
	return plan
}

// Few windows fit into the period of the plan.
var Few = int32(1)

// Comparing is a metric that compares a canary with other pods.
func Comparing(name string, to v1alpha1.CompareTo) v1alpha1.Metric {
	return v1alpha1.Metric{Name: name, Compare: &v1alpha1.Comparison{
		To: to, Minimum: v1alpha1.Minimum{Points: &Few}, Count: &v1alpha1.Counted{Bad: `r_total{ {{pods}}, code=~"5.." }`, Total: "r_total{ {{pods}} }"},
	}}
}
