package load

import (
	"errors"
	"strings"
	"testing"

	"holdfast.dev/holdfast/internal/policy"
	"holdfast.dev/holdfast/webhook/demand/demandtest"
)

// TestANameThatNoPlanCanHaveIsNotAsked: a client refuses such a name itself, and no error of a client is to
// keep an update from being held, or from being told of.
func TestANameThatNoPlanCanHaveIsNotAsked(t *testing.T) {
	refusing := demandtest.Cache{Err: errors.New("invalid resource name")}
	for _, name := range []string{"a/b", "..", ".", "50%", "a b", "Strict", "-", strings.Repeat("a", 254)} {
		if found, err := Find(t.Context(), refusing, "shop", name, policy.Effective{}); err != nil || found.Spec != nil {
			t.Errorf("%q: found %+v, %v", name, found, err)
		}
	}
	if _, err := Find(t.Context(), refusing, "shop", "strict", policy.Effective{}); err == nil {
		t.Error("a plan that cannot be read is taken for one that is not there")
	}
}
