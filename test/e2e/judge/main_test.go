// Package judge has the scenarios of every way to judge a canary, and those who cannot be judged.
package judge

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestMain(m *testing.M) { shop.Main(m) }
