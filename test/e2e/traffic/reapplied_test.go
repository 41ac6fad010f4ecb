package traffic

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// routeKind is a kind of routes as its users write it: a rule of a path, of whose requests the Service web
// has three quarters.
type routeKind struct {
	need           func(*testing.T)
	made           func() *unstructured.Unstructured
	resource       string
	spec, field    string
	rule, backends string // the former of a path
}

var routeKinds = map[string]routeKind{
	"HTTPRoute": {needGatewayAPI, newRoute, "httproute", `"parentRefs":[{"name":"played"}]`, "rules",
		`{"matches":[{"path":{"type":"PathPrefix","value":"/%d"}}],%s}`, `"backendRefs":[{"name":"web","port":80,"weight":3},{"name":"old","port":80,"weight":1}]`},
	"VirtualService": {needIstio, newVirtualService, "virtualservice", `"hosts":["web"]`, "http",
		`{"match":[{"uri":{"prefix":"/%d"}}],%s}`, `"route":[{"destination":{"host":"web"},"weight":3},{"destination":{"host":"old"},"weight":1}]`},
}

func (k routeKind) rules(i int) string { return fmt.Sprintf("["+k.rule+"]", i, k.backends) }

func (k routeKind) manifest(i int) string {
	of := k.made()
	return fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":%q},"spec":{%s,%q:%s}}`+"\n", of.GetAPIVersion(), of.GetKind(), name(i), k.spec, k.field, k.rules(i))
}

// TestAppliedAgainARouteStaysAsItIs while the share of a canary lies on it, in whichever way its user writes
// it: not even its resourceVersion changes, and there is no difference to be seen. Afterwards it is what it
// was, byte for byte but that. argoproj/argo-rollouts#2463: there, whoever applies the route again takes the
// share off it. argoproj/argo-rollouts#3854: there, rules of a VirtualService are the controller's for good
// once it has had a share.
func TestAppliedAgainARouteStaysAsItIs(t *testing.T) {
	t.Parallel()
	for kind, k := range routeKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			k.need(t)
			appliedAgainItStaysAsItIs(t, k)
		})
	}
}

func appliedAgainItStaysAsItIs(t *testing.T, k routeKind) {
	s := open(t, weightedPlan(`[{weight: 20, approval: true}]`))
	// Each route is written in one way, and written again in the same.
	ways := [][]string{
		{"apply", "-f", "-"},
		{"apply", "--server-side", "--field-manager=gitops", "-f", "-"},
		{"replace", "-f", "-"},
		{"patch", k.resource, name(3), "--type=merge", "-p", fmt.Sprintf(`{"spec":{%q:%s}}`, k.field, k.rules(3))},
	}
	write := func(i int, args ...string) {
		t.Helper()
		if args[len(args)-1] == "-" {
			args = append(args[:len(args):len(args)], k.manifest(i))
		}
		s.Must(args...)
	}
	get := func(i int) *unstructured.Unstructured {
		t.Helper()
		return shop.Get(s.Shop, name(i), k.made())
	}
	before := make([]string, len(ways))
	for i, way := range ways {
		switch way[0] {
		case "replace", "patch":
			s.Must("create", "-f", "-", k.manifest(i))
		}
		write(i, way...)
		if k.resource == "httproute" {
			s.playGateway(name(i))
		}
		before[i] = asked(get(i))
	}
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhasePaused)
	for i, way := range ways {
		laid := get(i)
		if laid.GetAnnotations()[v1alpha1.OverlayAnnotation] == "" || asked(laid) == before[i] {
			t.Fatalf("nothing is laid over the route: %s", asked(laid))
		}
		write(i, way...)
		if way[1] == "--server-side" {
			write(i, "diff", "--server-side", "--field-manager=gitops", "-f", "-")
		}
		if now := get(i); now.GetResourceVersion() != laid.GetResourceVersion() {
			t.Errorf("kubectl %s has changed the route:\n%s\nwas\n%s", strings.Join(way[:2], " "), asked(now), asked(laid))
		}
	}
	s.Decide(run.Name, `"decision":"Abort"`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReverted)
	for i, way := range ways {
		if now := asked(get(i)); now != before[i] {
			t.Errorf("after the run the route written by kubectl %s is\n%s\nand was\n%s", strings.Join(way[:2], " "), now, before[i])
		}
	}
}

func name(i int) string { return fmt.Sprintf("web-%d", i) }
