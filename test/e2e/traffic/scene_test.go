package traffic

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

// scene is a shop that a route leads to.
type scene struct {
	*shop.Shop
	// gateway is the parentRef of its route.
	gateway string
}

// played is a gateway that is not there: where the route is taken, playGateway does it.
const played = "{name: played}"

// open makes a shop whose canaries follow a plan.
func open(t *testing.T, plan string) scene {
	t.Helper()
	return scene{shop.Open(t, shop.Settings{Plan: plan, NoLoad: true}), played}
}

// openBehindTraefik makes a shop whose requests come by way of a route, which a gateway follows.
func openBehindTraefik(t *testing.T, plan string) scene {
	t.Helper()
	shop.NeedTraefik(t)
	s := scene{shop.Open(t, shop.Settings{Plan: plan, NoLoad: true, Args: []string{patient}}), shop.Traefik}
	s.Must("apply", "--server-side", "--field-manager=gitops", "-f", "-", s.routeManifest())
	s.AwaitGateway()
	return s
}

// openBehindSkipper does so by one that copies requests.
func openBehindSkipper(t *testing.T, plan string) scene {
	t.Helper()
	shop.NeedSkipper(t)
	s := scene{shop.Open(t, shop.Settings{Plan: plan, NoLoad: true, Args: []string{patient}}), shop.Skipper}
	s.Via = shop.ViaSkipper
	s.Must("apply", "--server-side", "--field-manager=gitops", "-f", "-", s.routeManifest())
	s.AwaitGateway()
	return s
}

// patient has the app serve for as long as the gateway may take to see that a pod is going: Traefik takes
// what changes every two seconds.
const patient = "--drain=5s"
