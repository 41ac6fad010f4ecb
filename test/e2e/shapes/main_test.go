// Package shapes has the scenarios of Deployments of all shapes in which teams have them.
package shapes

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestMain(m *testing.M) { shop.Main(m) }
