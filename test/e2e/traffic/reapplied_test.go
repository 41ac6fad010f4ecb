package traffic

import (
	"fmt"
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestAppliedAgainARouteStaysAsItIs while the share of a canary lies on it, in whichever way its user writes it: not
// even its resourceVersion changes. Afterwards it is what it was, byte for byte but that.
// argoproj/argo-rollouts#2463: there, whoever applies the route again takes the share off it.
func TestAppliedAgainARouteStaysAsItIs(t *testing.T) {
	t.Parallel()
	needGatewayAPI(t)
	s := open(t, weightedPlan(`[{weight: 20, approval: true}]`))
	// Each route is written in one way, and written again in the same.
	rules := func(i int) string {
		return fmt.Sprintf(`[{matches: [{path: {type: PathPrefix, value: /%d}}], backendRefs: [{name: web, port: 80, weight: 3}, {name: old, port: 80}]}]`, i)
	}
	ways := [][]string{
		{"apply", "-f", "-"},
		{"apply", "--server-side", "--field-manager=gitops", "-f", "-"},
		{"replace", "-f", "-"},
		{"patch", "httproute", "web-3", "--type=merge", "-p", `{"spec":{"rules":[{"matches":[{"path":{"type":"PathPrefix","value":"/3"}}],"backendRefs":[{"name":"web","port":80,"weight":3},{"name":"old","port":80}]}]}}`},
	}
	manifest := func(i int) string {
		return fmt.Sprintf("apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: web-%d}\nspec:\n  parentRefs: [{name: played}]\n  rules: %s\n", i, rules(i))
	}
	write := func(i int) {
		t.Helper()
		args := ways[i]
		if args[len(args)-1] == "-" {
			args = append(args[:len(args):len(args)], manifest(i))
		}
		s.Must(args...)
	}
	before := make([]string, len(ways))
	for i, way := range ways {
		switch way[0] {
		case "replace", "patch":
			s.Must("create", "-f", "-", manifest(i))
		}
		write(i)
		s.playGateway(name(i))
		before[i] = asked(s.routeOf(name(i)))
	}
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhasePaused)
	for i, way := range ways {
		laid := s.routeOf(name(i))
		if laid.GetAnnotations()[v1alpha1.OverlayAnnotation] == "" || asked(laid) == before[i] {
			t.Fatalf("nothing is laid over the route: %s", asked(laid))
		}
		write(i)
		if now := s.routeOf(name(i)); now.GetResourceVersion() != laid.GetResourceVersion() {
			t.Errorf("kubectl %s has changed the route:\n%s\nwas\n%s", strings.Join(way[:2], " "), asked(now), asked(laid))
		}
	}
	s.Decide(run.Name, `"decision":"Abort"`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReverted)
	for i, way := range ways {
		if now := asked(s.routeOf(name(i))); now != before[i] {
			t.Errorf("after the run the route written by kubectl %s is\n%s\nand was\n%s", strings.Join(way[:2], " "), now, before[i])
		}
	}
}

func name(i int) string { return fmt.Sprintf("web-%d", i) }
