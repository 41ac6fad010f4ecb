// Package tenants has the scenarios of what those who own a namespace cannot do against a policy.
package tenants

import (
	"testing"

	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestMain(m *testing.M) { shop.Main(m) }
