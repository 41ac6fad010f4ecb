package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/outbound"
	"holdfast.dev/holdfast/internal/plaintext"
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

// HookAllowed says why a hook of a plan in a namespace may not be asked at a URL, nil if it may: an
// administrator allows hosts, and policies fewer.
func (e Effective) HookAllowed(hosts outbound.Hosts, namespace, url string) error {
	if len(hosts) == 0 {
		return errors.New("no hook is asked: the administrator of Holdfast allows no host (--hook-hosts)")
	}
	if !hosts.Allow(url, namespace) {
		return fmt.Errorf("its host is none that the administrator of Holdfast allows (--hook-hosts: %s)", plaintext.Cut(strings.Join(hosts, ", "), 200))
	}
	if may, by := e.mayHook(url, namespace); !may {
		return fmt.Errorf("CanaryPolicy %s does not let plans of this namespace name its host (hooks.hosts)", by)
	}
	return nil
}

// mayHook says whether the policies let a plan of a namespace have a hook with this URL, and if not, which of
// them does not.
func (e Effective) mayHook(url, namespace string) (may bool, policy string) {
	for _, list := range e.HookHosts {
		if !outbound.Hosts(list.Value).Allow(url, namespace) {
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
