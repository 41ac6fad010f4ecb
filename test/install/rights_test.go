package install

import (
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// TestNobodyMayDoMoreThanItMust walks through every rule that an installation has, with and without
// cert-manager.
func TestNobodyMayDoMoreThanItMust(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"self-managed", "cert-manager"} {
		all := helmTemplate(t, "helm4", "holdfast-system", "--set=certificates.mode="+mode)
		rules := 0
		for id, o := range all {
			u := unstructured.Unstructured{Object: o}
			if u.GetKind() != "Role" && u.GetKind() != "ClusterRole" {
				continue
			}
			var role rbacv1.ClusterRole // a Role has the same rules
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o, &role); err != nil {
				t.Fatalf("%s: %v", id, err)
			}
			for _, rule := range role.Rules {
				rules++
				for _, problem := range tooMuch(u.GetKind() == "ClusterRole", mode, rule) {
					t.Errorf("%s: %s: %v", id, problem, rule)
				}
			}
		}
		if rules < 20 {
			t.Errorf("there are %d rules only; is the test looking in the right place?", rules)
		}
	}
}

// tooMuch says what is wrong with a rule.
func tooMuch(clusterWide bool, certificates string, rule rbacv1.PolicyRule) (problems []string) {
	has := func(resource string) bool { return slices.Contains(rule.Resources, resource) }
	may := func(verbs ...string) bool {
		return slices.ContainsFunc(rule.Verbs, func(verb string) bool { return slices.Contains(verbs, verb) })
	}
	for what, wrong := range map[string]bool{
		"a wildcard":             slices.Contains(slices.Concat(rule.Verbs, rule.Resources, rule.APIGroups, rule.NonResourceURLs), "*"),
		"Secrets of the cluster": clusterWide && has("secrets"),
		"Secrets without a name": has("secrets") && len(rule.ResourceNames) == 0 && !slices.Equal(rule.Verbs, []string{"create"}),
		"a Secret that is not Holdfast's": has("secrets") && slices.ContainsFunc(rule.ResourceNames, func(name string) bool {
			return !strings.HasPrefix(name, "holdfast-")
		}),
		"webhook configurations of others":           (has("mutatingwebhookconfigurations") || has("validatingwebhookconfigurations")) && !slices.Equal(rule.ResourceNames, []string{"holdfast"}),
		"a webhook configuration, with cert-manager": certificates == "cert-manager" && has("mutatingwebhookconfigurations") && may("update", "patch", "create"),
		// Pods are made in dry runs only, and only labels and an annotation of them are patched, which RBAC cannot
		// tell apart; who makes ReplicaSets could have such pods anyway.
		"to write pods as a whole, or to run in them": may("update") && has("pods") || has("pods/exec") || has("pods/attach") || has("pods/ephemeralcontainers"),
		// The uninstall takes finalizers off, in a Job that is there for minutes.
		"to write ConfigMaps":     has("configmaps") && !slices.Equal(rule.Verbs, []string{"get"}) && !slices.Equal(rule.Verbs, []string{"list", "patch"}),
		"to become somebody else": may("impersonate", "bind", "escalate") || has("serviceaccounts/token"),
		"RBAC":                    slices.Contains(rule.APIGroups, "rbac.authorization.k8s.io"),
		"nodes":                   has("nodes") || has("nodes/proxy"),
		"to skip canaries":        may("bypass"),
	} {
		if wrong {
			problems = append(problems, what)
		}
	}
	return problems
}

// TestTheClusterRolesOfTenants: who may view a namespace reads plans and runs, who may edit it
// writes plans, and nobody gets by aggregation what decides on releases: runs, their status, or
// anything else of Holdfast's.
func TestTheClusterRolesOfTenants(t *testing.T) {
	t.Parallel()
	granted := map[string][]string{}
	for id, o := range helmTemplate(t, "helm4", "holdfast-system") {
		if !strings.HasPrefix(id, "ClusterRole.") {
			continue
		}
		var role rbacv1.ClusterRole
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o, &role); err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{"view", "edit", "admin"} {
			if role.Labels["rbac.authorization.k8s.io/aggregate-to-"+to] == "true" {
				granted[to] = append(granted[to], list(role)...)
			}
		}
	}
	for to, wants := range map[string][]string{
		"view":  {"get canaryplans", "watch canaryplans", "get canaryruns", "watch canaryruns", "get canaryruns/status"},
		"edit":  {"get canaryruns", "create canaryplans", "update canaryplans", "patch canaryplans", "delete canaryplans"},
		"admin": {"get canaryruns", "create canaryplans", "update canaryplans", "patch canaryplans", "delete canaryplans"},
	} {
		for _, want := range wants {
			if !slices.Contains(granted[to], want) {
				t.Errorf("who is bound to %s may not %s", to, want)
			}
		}
		for _, got := range granted[to] {
			verb, resource, _ := strings.Cut(got, " ")
			reads := slices.Contains([]string{"get", "list", "watch"}, verb)
			if !reads && (resource != "canaryplans" || to == "view") {
				t.Errorf("who is bound to %s may %s", to, got)
			}
		}
	}
}

// list is what a role allows, each as "verb resource".
func list(role rbacv1.ClusterRole) (out []string) {
	for _, rule := range role.Rules {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				out = append(out, verb+" "+resource)
			}
		}
	}
	return out
}
