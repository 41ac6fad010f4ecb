// Package clients has the scenarios of what every way of kubectl and Helm to ask for something means while
// an update is held.
package clients

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestMain(m *testing.M) { shop.Main(m) }
