// Package footprint has the scenarios of what Holdfast costs a cluster: memory, writes and requests, and what
// an autoscaler makes of its pods. They run alone, on a cluster of their own, for nobody else to be counted.
package footprint

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestMain(m *testing.M) { shop.MainAlone(m) }
