// Package admission has the scenarios of what the webhook answers: the golden cases on a real API server,
// and who is guarded.
package admission

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestMain(m *testing.M) { shop.Main(m) }
