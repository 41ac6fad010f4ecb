package shop

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// AsControllerManager is the user of all controllers where they have no
// credentials of their own (--use-service-account-credentials=false).
const AsControllerManager = "--as=system:kube-controller-manager"

// LetControllersDelete gives that user what it needs for it here.
func (s Tenancy) LetControllersDelete() {
	s.T.Helper()
	s.Must("create", "rolebinding", "controllers", "--clusterrole=edit", "--user=system:kube-controller-manager")
	Until(s.Shop, "the controller manager may delete", func() bool {
		_, _, code := s.Kubectl(AsControllerManager, "auth", "can-i", "delete", "deployments.apps")
		return code == 0
	})
}

// Path is that of the Deployments of the namespace.
func (s Tenancy) Path(rest string) string {
	return "/apis/apps/v1/namespaces/" + s.Namespace + "/deployments" + rest
}

// AsCollectorDeletes is what the garbage collector sends (pkg/controller/garbagecollector).
func (s Tenancy) AsCollectorDeletes() string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":%q},"propagationPolicy":"Background"}`+"\n", s.Deployment("web").UID)
}

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

// Tenancy is a shop of a tenant, under a policy of its cluster's admin.
type Tenancy struct{ *Shop }

// policyOf is a policy for a shop alone, by a label that its owner could take
// off. lines stand below spec.
func (s *Shop) policyOf(name string, lines ...string) string {
	return fmt.Sprintf("apiVersion: holdfast.dev/v1alpha1\nkind: CanaryPolicy\nmetadata: {name: %s-%s}\nspec:\n  namespaceSelector: {matchLabels: {tenant: %s}}\n  %s\n",
		s.Namespace, name, s.Namespace, strings.Join(lines, "\n  "))
}

// Demand makes a policy for the shop, and takes it away at the end of the test.
func (s *Shop) Demand(name string, lines ...string) {
	s.T.Helper()
	s.Must("apply", "-f", "-", s.policyOf(name, lines...))
	s.T.Cleanup(func() {
		_, _ = World.Cluster.Kubectl(context.Background(), "", "delete", "canarypolicy", s.Namespace+"-"+name, "--wait=false")
	})
}

// OpenTenancy is a shop that a policy guards, with no annotation of its own. It
// returns when the API server goes by that.
func OpenTenancy(t *testing.T, plan string, lines ...string) Tenancy {
	t.Helper()
	s := Tenancy{Open(t, Settings{NoLoad: true, Plan: plan})}
	s.Must("apply", "-f", "-", tenantRoles)
	s.Must("label", "namespace", s.Namespace, "tenant="+s.Namespace)
	guard := v1alpha1.CanaryRequired
	if slices.Contains(lines, "guard: enabled") {
		guard = v1alpha1.CanaryEnabled
	} else {
		lines = append(lines, "guard: required")
	}
	s.Demand("tenants", lines...)
	Await(s.Shop, "the policy guards", s.Namespace, &corev1.Namespace{}, func(ns *corev1.Namespace) bool {
		return ns.Labels[v1alpha1.CanaryLabel] == guard && ns.Labels[v1alpha1.PolicyLabel] == guard
	})
	s.Must("annotate", "namespace", s.Namespace, v1alpha1.CanaryAnnotation+"-")
	s.AwaitCan("joe", "bypass", "canaryruns.holdfast.dev")
	s.AwaitCan("joe", "create", "replicasets.apps")
	// What only the admission policies refuse, in caches of their own.
	for _, refused := range [][]string{
		{"--as=joe", "create", "--dry-run=server", "-f", "-", BareReplicaSet},
		{"--as=joe", "label", "namespace", s.Namespace, "tenant-", "--dry-run=server"},
	} {
		Until(s.Shop, "the API server has the policy", func() bool {
			_, stderr, code := s.Kubectl(refused...)
			return code != 0 && strings.Contains(stderr, "CanaryPolicy")
		})
	}
	return s
}

// BareReplicaSet would be adopted by the Deployment.
const BareReplicaSet = `
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

// Joe is kubectl as the tenant.
func (s Tenancy) Joe(args ...string) string {
	s.T.Helper()
	return s.Must(append([]string{"--as=joe"}, args...)...)
}

// WantRefused runs kubectl as the tenant, and wants it refused in these words.
func (s Tenancy) WantRefused(words string, args ...string) {
	s.T.Helper()
	if said := s.Refused(append([]string{"--as=joe"}, args...)...); !strings.Contains(said, words) {
		s.T.Errorf("kubectl %v: refused, but not in the words %q:\n%s", args[:min(3, len(args))], words, said)
	}
}

// WantHeld sets an image as the tenant, and wants that held.
func (s Tenancy) WantHeld(version string) *v1alpha1.CanaryRun {
	s.T.Helper()
	said := s.Joe("set", "image", "deployment/web", "app=holdfast.test/app:"+version)
	if !strings.Contains(said, "update held") {
		s.T.Fatalf("%s was not held; kubectl says:\n%s", version, said)
	}
	s.WantImage("v1")
	return s.NewestRun(said)
}

// StillGuarded says what the namespace must look like after every attempt.
func (s Tenancy) StillGuarded() {
	s.T.Helper()
	ns := Get(s.Shop, s.Namespace, &corev1.Namespace{})
	if ns.Labels[v1alpha1.CanaryLabel] != v1alpha1.CanaryRequired || ns.Labels[v1alpha1.PolicyLabel] != v1alpha1.CanaryRequired || ns.Labels["tenant"] != s.Namespace {
		s.T.Errorf("the namespace has the labels %v", ns.Labels)
	}
}

// Idle is the Deployment of the shop with no pods, as another object.
func (s Tenancy) Idle(kind, metadata, version string) string {
	manifest, _, _ := strings.Cut(s.Web(version), "---")
	return strings.NewReplacer("kind: Deployment", "kind: "+kind, "metadata: {name: web}", "metadata: "+metadata, "replicas: 2", "replicas: 0").Replace(manifest)
}
