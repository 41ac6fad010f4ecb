// Package neighbours has the scenarios of other people's webhooks and policies beside Holdfast, and what
// they refuse.
package neighbours

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestMain(m *testing.M) { shop.Main(m) }
