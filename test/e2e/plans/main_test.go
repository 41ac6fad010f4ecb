// Package plans has the scenarios of where a plan comes from, who may write what into it, and the examples
// of the docs.
package plans

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestMain(m *testing.M) { shop.Main(m) }
