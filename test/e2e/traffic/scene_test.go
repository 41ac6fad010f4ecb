package traffic

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

// scene is a shop that a route leads to.
type scene struct{ *shop.Shop }

// open makes a shop whose canaries follow a plan.
func open(t *testing.T, plan string) scene {
	t.Helper()
	return scene{shop.Open(t, shop.Settings{Plan: plan, NoLoad: true})}
}
