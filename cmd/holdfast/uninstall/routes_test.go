package uninstall

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSharesAreOffBeforeCanariesGo: gateways have time to hear of it, and what could not be taken off is
// said.
func TestSharesAreOffBeforeCanariesGo(t *testing.T) {
	for sentence, tc := range map[string]struct {
		off  []string
		err  error
		wait time.Duration
	}{
		"nothing is on":  {wait: 0},
		"one was on":     {off: []string{"HTTPRoute shop/web"}, wait: settle},
		"one is refused": {off: []string{"HTTPRoute shop/web"}, err: errors.New("write HTTPRoute/api: change freeze"), wait: settle},
	} {
		t.Run(sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out strings.Builder
				begin := time.Now()
				err := (&ending{out: &out, takeOff: func(context.Context) ([]string, error) { return tc.off, tc.err }}).takeShares(t.Context())
				if waited := time.Since(begin); waited != tc.wait {
					t.Errorf("gateways had %s, want %s", waited, tc.wait)
				}
				if !errors.Is(err, tc.err) {
					t.Errorf("error %v, want %v", err, tc.err)
				}
				for _, name := range tc.off {
					if !strings.Contains(out.String(), name+" gives a canary nothing any more") {
						t.Errorf("printed is %q", out.String())
					}
				}
			})
		})
	}
}
