// Package alerts has the scenarios of alerts that a real Alertmanager sends to Holdfast.
package alerts

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestMain(m *testing.M) { shop.Main(m) }
