package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// tenantRoles: joe owns the namespace. He is its admin, and has what admins give
// to some tenants besides: the Namespace object, runs with their status, and the
// right to go without a canary. ann is on call.
const tenantRoles = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: owner}
rules:
- {apiGroups: [""], resources: [namespaces, namespaces/status, namespaces/finalize], verbs: [get, update, patch]}
- {apiGroups: [holdfast.dev], resources: [canaryruns, canaryruns/status], verbs: ["*"]}
- {apiGroups: [holdfast.dev], resources: [canaryruns], verbs: [bypass]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: owner}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: owner}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: joe}, {apiGroup: rbac.authorization.k8s.io, kind: User, name: ann}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: admin}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: joe}, {apiGroup: rbac.authorization.k8s.io, kind: User, name: ann}]
`

// tenancy is a shop of a tenant, under a policy of its cluster's admin.
type tenancy struct{ *shop }

// policyOf is a policy for a shop alone, by a label that its owner could take
// off. lines stand below spec.
func (s *shop) policyOf(name string, lines ...string) string {
	return fmt.Sprintf("apiVersion: holdfast.dev/v1alpha1\nkind: CanaryPolicy\nmetadata: {name: %s-%s}\nspec:\n  namespaceSelector: {matchLabels: {tenant: %s}}\n  %s\n",
		s.namespace, name, s.namespace, strings.Join(lines, "\n  "))
}

// demand makes a policy for the shop, and takes it away at the end of the test.
func (s *shop) demand(name string, lines ...string) {
	s.t.Helper()
	s.must("apply", "-f", "-", s.policyOf(name, lines...))
	s.t.Cleanup(func() {
		_, _ = world.cluster.Kubectl(context.Background(), "", "delete", "canarypolicy", s.namespace+"-"+name, "--wait=false")
	})
}

// openTenancy is a shop that a policy guards, with no annotation of its own. It
// returns when the API server goes by that.
func openTenancy(t *testing.T, plan string, lines ...string) tenancy {
	t.Helper()
	s := tenancy{open(t, settings{noLoad: true, plan: plan})}
	s.must("apply", "-f", "-", tenantRoles)
	s.must("label", "namespace", s.namespace, "tenant="+s.namespace)
	guard := v1alpha1.CanaryRequired
	if slices.Contains(lines, "guard: enabled") {
		guard = v1alpha1.CanaryEnabled
	} else {
		lines = append(lines, "guard: required")
	}
	s.demand("tenants", lines...)
	await(s.shop, "the policy guards", s.namespace, &corev1.Namespace{}, func(ns *corev1.Namespace) bool {
		return ns.Labels[v1alpha1.CanaryLabel] == guard && ns.Labels[v1alpha1.PolicyLabel] == guard
	})
	s.must("annotate", "namespace", s.namespace, v1alpha1.CanaryAnnotation+"-")
	s.awaitCan("joe", "bypass", "canaryruns.holdfast.dev")
	s.awaitCan("joe", "create", "replicasets.apps")
	// What only the admission policies refuse, in caches of their own.
	for _, refused := range [][]string{
		{"--as=joe", "create", "--dry-run=server", "-f", "-", bareReplicaSet},
		{"--as=joe", "label", "namespace", s.namespace, "tenant-", "--dry-run=server"},
	} {
		until(s.shop, "the API server has the policy", func() bool {
			_, stderr, code := s.kubectl(refused...)
			return code != 0 && strings.Contains(stderr, "CanaryPolicy")
		})
	}
	return s
}

// bareReplicaSet would be adopted by the Deployment.
const bareReplicaSet = `
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: forged, labels: {app: web}}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: "holdfast.test/app:v9"}]}
`

// until asks again and again, as awaitGuarded does.
func until(s *shop, what string, is func() bool) {
	s.t.Helper()
	deadline := time.After(patience)
	for !is() {
		select {
		case <-deadline:
			s.t.Fatalf("waiting until %s", what)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// joe is kubectl as the tenant.
func (s tenancy) joe(args ...string) string {
	s.t.Helper()
	return s.must(append([]string{"--as=joe"}, args...)...)
}

// wantRefused runs kubectl as the tenant, and wants it refused in these words.
func (s tenancy) wantRefused(words string, args ...string) {
	s.t.Helper()
	if said := s.refused(append([]string{"--as=joe"}, args...)...); !strings.Contains(said, words) {
		s.t.Errorf("kubectl %v: refused, but not in the words %q:\n%s", args[:min(3, len(args))], words, said)
	}
}

// wantHeld sets an image as the tenant, and wants that held.
func (s tenancy) wantHeld(version string) *v1alpha1.CanaryRun {
	s.t.Helper()
	said := s.joe("set", "image", "deployment/web", "app=holdfast.test/app:"+version)
	if !strings.Contains(said, "update held") {
		s.t.Fatalf("%s was not held; kubectl says:\n%s", version, said)
	}
	s.wantImage("v1")
	return s.newestRun(said)
}

// stillGuarded says what the namespace must look like after every attempt.
func (s tenancy) stillGuarded() {
	s.t.Helper()
	ns := get(s.shop, s.namespace, &corev1.Namespace{})
	if ns.Labels[v1alpha1.CanaryLabel] != v1alpha1.CanaryRequired || ns.Labels[v1alpha1.PolicyLabel] != v1alpha1.CanaryRequired || ns.Labels["tenant"] != s.namespace {
		s.t.Errorf("the namespace has the labels %v", ns.Labels)
	}
}

func condition(conditions []metav1.Condition, kind string) metav1.Condition {
	for _, c := range conditions {
		if c.Type == kind {
			return c
		}
	}
	return metav1.Condition{}
}
