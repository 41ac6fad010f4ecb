// Package traffic has the scenarios of canaries that routes give their share of the requests.
package traffic

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestMain(m *testing.M) { shop.Main(m) }
