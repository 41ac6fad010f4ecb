package policy

import (
	"slices"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// MaySkip says whether the policies let a user go without a canary, and if not,
// which of them does not. RBAC must allow it besides.
func (e Effective) MaySkip(user string, groups []string) (may bool, policy string) {
	for _, list := range e.Skip {
		if !slices.ContainsFunc(list.Value, func(s v1alpha1.Subject) bool { return isSubject(s, user, groups) }) {
			return false, list.Policy
		}
	}
	return true, ""
}

// isSubject is the rule of the admission policy for decisions, in manifests/base/policy.yaml.
func isSubject(s v1alpha1.Subject, user string, groups []string) bool {
	switch s.Kind {
	case v1alpha1.SubjectUser:
		return s.Name == user
	case v1alpha1.SubjectGroup:
		return slices.Contains(groups, s.Name)
	case v1alpha1.SubjectServiceAccount:
		return "system:serviceaccount:"+s.Namespace+":"+s.Name == user
	}
	return false
}

// DefaultEndpoint is the name of the endpoint of plans that name none.
const DefaultEndpoint = "default"

// MayAsk says whether the policies let a plan name an endpoint, "" being the
// default, and if not, which of them does not.
func (e Effective) MayAsk(endpoint string) (may bool, policy string) {
	if endpoint == "" {
		endpoint = DefaultEndpoint
	}
	for _, list := range e.Endpoints {
		if !slices.Contains(list.Value, endpoint) {
			return false, list.Policy
		}
	}
	return true, ""
}

// Offered finds the plan of a name that the policies offer, and the policy that
// does; nil if none does.
func (e Effective) Offered(name string) (plan *v1alpha1.CanaryPlanSpec, policy string) {
	for i := range e.Plans {
		if e.Plans[i].Value.Name == name {
			return &e.Plans[i].Value.Spec, e.Plans[i].Policy
		}
	}
	return nil, ""
}
