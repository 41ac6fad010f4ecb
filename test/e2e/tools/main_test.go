// Package tools has the scenarios of what tools see that wait for a rollout.
package tools

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestMain(m *testing.M) { shop.Main(m) }
