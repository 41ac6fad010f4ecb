package traffic

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// routeWriter lets joe write routes, as owners of namespaces do with the Gateway API.
const routeWriter = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: routes}
rules: [{apiGroups: [gateway.networking.k8s.io], resources: [httproutes], verbs: ["*"]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: routes}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: routes}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: joe}]
`

// openTenancy is a shop of joe, who writes his own plans and routes, under a policy.
func openTenancy(t *testing.T, limits string) (scene, shop.Tenancy) {
	t.Helper()
	needGatewayAPI(t)
	joe := shop.OpenTenancy(t, "", "limits: "+limits)
	s := scene{joe.Shop, played}
	s.Must("apply", "-f", "-", routeWriter)
	s.AwaitCan("joe", "create", "httproutes.gateway.networking.k8s.io")
	joe.Joe("apply", "-f", "-", s.routeManifest())
	return s, joe
}

// TestAPolicyBoundsTheShareOfATenant, whatever the tenant's plan says, and says so to whoever writes the
// plan.
func TestAPolicyBoundsTheShareOfATenant(t *testing.T) {
	t.Parallel()
	s, joe := openTenancy(t, "{maxWeight: 10, trafficSources: [Service, Weighted]}")
	said := joe.Joe("apply", "-f", "-", weightedPlan(`[{weight: 50, approval: true}]`))
	if !strings.Contains(said, "sets steps[0].weight to 10, not 50") {
		t.Errorf("kubectl says:\n%s", said)
	}
	s.playGateway("web")
	run := joe.WantHeld("v2")
	s.AwaitPhase(run.Name, v1alpha1.PhasePaused)
	if got := s.shares("web"); got != "web:9 canary:1" {
		t.Errorf("the route has %s, want web:9 canary:1", got)
	}
}

// TestAPolicyLeavesRoutesAlone where it allows no share by them: the canary is behind the Deployment's
// Services.
func TestAPolicyLeavesRoutesAlone(t *testing.T) {
	t.Parallel()
	s, joe := openTenancy(t, "{trafficSources: [Service]}")
	said := joe.Joe("apply", "-f", "-", weightedPlan(`[{weight: 50, approval: true}]`))
	if !strings.Contains(said, "sets traffic.source to Service, not Weighted") {
		t.Errorf("kubectl says:\n%s", said)
	}
	before := s.route()
	run := s.AwaitPhase(joe.WantHeld("v2").Name, v1alpha1.PhasePaused)
	if run.Status.Service != "web" || run.Status.Weight != nil {
		t.Errorf("its requests are %q, %+v", run.Status.Service, run.Status.Weight)
	}
	if now := s.route(); now.GetResourceVersion() != before.GetResourceVersion() {
		t.Errorf("the route is\n%s\nand was\n%s", asked(now), asked(before))
	}
}

// foreignRoute is a namespace whose route sends requests to the Service web of another, which lets it.
func foreignRoute(namespace, to string) string {
	return `
apiVersion: v1
kind: Namespace
metadata: {name: ` + namespace + `}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: ` + namespace + `}
spec: {parentRefs: [{name: played}], rules: [{backendRefs: [{name: web, namespace: ` + to + `, port: 80}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: gateways, namespace: ` + to + `}
spec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: ` + namespace + `}], to: [{group: "", kind: Service}]}
`
}

// TestARouteOfAnotherNamespaceCarriesNoShare, though a ReferenceGrant lets it send requests to the
// Deployment's Service: who applies an update is told, and the run says so.
func TestARouteOfAnotherNamespaceCarriesNoShare(t *testing.T) {
	t.Parallel()
	needGatewayAPI(t)
	s := open(t, weightedPlan(`[{weight: 20}]`))
	infra := "infra-" + s.Namespace
	t.Cleanup(func() {
		_, _ = shop.World.Cluster.Kubectl(context.Background(), "", "delete", "namespace", infra, "--wait=false")
	})
	if said, err := shop.World.Cluster.Kubectl(t.Context(), foreignRoute(infra, s.Namespace), "apply", "-f", "-"); err != nil || said.Code != 0 {
		t.Fatalf("%v: %s", err, said.Stderr)
	}
	foreign := func() string {
		route := newRoute()
		if err := shop.World.Client.Get(t.Context(), client.ObjectKey{Namespace: infra, Name: "web"}, route); err != nil {
			t.Fatal(err)
		}
		return route.GetResourceVersion() + asked(route)
	}
	before := foreign()
	says := "ReferenceGrant gateways lets HTTPRoutes of namespace " + infra + " send requests to Service web, and traffic.source Weighted lays no share over routes of other namespaces"
	said := s.Apply("v2")
	run := s.AwaitPhase(s.NewestRun(said).Name, v1alpha1.PhasePaused)
	if run.Status.Reason != v1alpha1.ReasonRoutesRefuse || !strings.Contains(run.Status.Message, says) {
		t.Errorf("%s: %s", run.Status.Reason, run.Status.Message)
	}
	// An answer does without what takes too long to find out.
	shop.Until(s.Shop, "who applies another one is told", func() bool {
		_, said, code := s.Kubectl("apply", "--dry-run=server", "-f", "-", s.Web("v3"))
		return code == 0 && strings.Contains(said, says)
	})
	if now := foreign(); now != before {
		t.Errorf("the route of the other namespace is\n%s\nand was\n%s", now, before)
	}
}

// TestARunBringsNoForeignServiceIntoARoute: a backend of another namespace gives no share, though its Service
// has the name of the tenant's; and a record that a tenant writes, or has kept, is no record.
func TestARunBringsNoForeignServiceIntoARoute(t *testing.T) {
	t.Parallel()
	s, joe := openTenancy(t, "{maxWeight: 50}")
	foreign := strings.NewReplacer("metadata: {name: web}", "metadata: {name: foreign}", "name: web, port: 80", "name: web, namespace: default, port: 80").Replace(s.routeManifest())
	joe.Joe("apply", "-f", "-", foreign)
	joe.Joe("apply", "-f", "-", weightedPlan(`[{weight: 50, approval: true}]`))
	for _, name := range []string{"web", "foreign"} {
		s.playGateway(name)
	}
	before := asked(s.routeOf("foreign"))
	run := joe.WantHeld("v2")
	s.AwaitPhase(run.Name, v1alpha1.PhasePaused)
	if now := asked(s.routeOf("foreign")); now != before {
		t.Errorf("the route to another namespace is\n%s\nand was\n%s", now, before)
	}
	laid := s.route()
	record := laid.GetAnnotations()[v1alpha1.OverlayAnnotation]
	forged := strings.NewReplacer(`"service":"web"`, `"service":"victim"`, `\"service\":\"web\"`, `\"service\":\"victim\"`).Replace(record)
	if record == "" || forged == record {
		t.Fatalf("there is no record to forge: %s", record)
	}
	joe.Joe("annotate", "httproute", "web", "--overwrite", v1alpha1.OverlayAnnotation+"="+forged)
	if diff := cmp.Diff(laid.Object["metadata"].(map[string]any)["annotations"], s.route().Object["metadata"].(map[string]any)["annotations"]); diff != "" {
		t.Errorf("a forged record changes the route's (-before +after):\n%s", diff)
	}
	// On another route the record that stands on this one means nothing.
	joe.Joe("annotate", "httproute", "foreign", v1alpha1.OverlayAnnotation+"="+record)
	if got := s.shares("foreign"); got != "web:1" {
		t.Errorf("with the record of another the route has %s, want web:1", got)
	}
	s.Decide(run.Name, `"decision":"Abort"`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReverted)
	joe.Joe("annotate", "httproute", "web", v1alpha1.OverlayAnnotation+"="+record)
	if got := s.shares("web"); got != "web:1" {
		t.Errorf("after the run its record brings back %s, want web:1", got)
	}
}
