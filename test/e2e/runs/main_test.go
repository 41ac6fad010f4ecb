// Package runs has the scenarios of what people decide about a run, its steps and its times.
package runs

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestMain(m *testing.M) { shop.Main(m) }
