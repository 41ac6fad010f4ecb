// Package outages has the scenarios that stop parts of the cluster or take rights and settings from
// Holdfast. They run alone, on a cluster of their own.
package outages

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestMain(m *testing.M) { shop.MainAlone(m) }
