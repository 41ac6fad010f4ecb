package policy

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Covers says whether a policy selects a namespace with these labels. A selector
// that cannot be read selects none; none is written past Validate.
func Covers(policy *v1alpha1.CanaryPolicy, namespace map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.NamespaceSelector)
	return err == nil && selector.Matches(labels.Set(namespace))
}

// ForNamespace is what the policies that select a namespace with these labels demand of it.
func ForNamespace(policies []v1alpha1.CanaryPolicy, namespace map[string]string) Effective {
	var covering []v1alpha1.CanaryPolicy
	for i := range policies {
		if Covers(&policies[i], namespace) {
			covering = append(covering, policies[i])
		}
	}
	return Combine(covering)
}

// GuardOf is how a namespace is guarded by its policies, and by which. The label
// that was derived from them counts as long as it stands: a policy that cannot be
// found for a moment lets nobody out.
func (e Effective) GuardOf(namespace map[string]string) (guard v1alpha1.Guard, by string) {
	label := v1alpha1.Guard(namespace[v1alpha1.PolicyLabel])
	switch {
	case e.Guard.Is():
		return e.Guard.Value, "CanaryPolicy " + e.Guard.Policy
	case label != "":
		return label, "label " + v1alpha1.PolicyLabel + " of the namespace"
	}
	return "", ""
}
