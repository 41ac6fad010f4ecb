// Package hold has the scenarios of an update from its request to its end, and what comes in between.
package hold

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestMain(m *testing.M) { shop.Main(m) }
