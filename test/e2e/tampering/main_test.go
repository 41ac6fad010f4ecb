// Package tampering has the scenarios of pods and ReplicaSets of runs that are changed, taken away or
// forged.
package tampering

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestMain(m *testing.M) { shop.Main(m) }
