// Package gates has the scenarios of hooks, with Flagger's own load tester as the server that is asked.
package gates

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestMain(m *testing.M) { shop.Main(m) }
