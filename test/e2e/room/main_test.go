// Package room has the scenarios of the room that a canary takes: budgets, quotas, nodes, and Deployments
// that have none to spare.
package room

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestMain(m *testing.M) { shop.Main(m) }
