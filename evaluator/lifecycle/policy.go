package lifecycle

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/policy"
)

// policyApplied says in the status what policies changed in the plan of the run.
func (s *planner) policyApplied() {
	changes := s.in.Run.Spec.Policies
	if s.in.Run.Spec.PlanRef != "" && s.out.Plan != nil && s.in.Run.Status.Plan == nil {
		changes = s.in.Ref.Changes
	}
	if len(changes) == 0 || meta.FindStatusCondition(s.out.Conditions, v1alpha1.ConditionPolicyApplied) != nil {
		return
	}
	s.condition(v1alpha1.ConditionPolicyApplied, metav1.ConditionTrue, v1alpha1.ReasonPolicyApplied, policy.Sentences(changes, maxMessage))
}
