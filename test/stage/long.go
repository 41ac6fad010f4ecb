package stage

import "testing"

// Long leaves a scenario that takes a minute or more to make test-long, where make test has shorter ones of
// its kind:
// -short skips it.
func Long(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("long: make test-long plays it")
	}
}
