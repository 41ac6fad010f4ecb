package backtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestABacktestKeepsToItsNamespace: with an endpoint that has tenancy, every query
// of the command has the matcher, those that look for rollouts as those of the plan.
func TestABacktestKeepsToItsNamespace(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.FormValue("query"))
		mu.Unlock()
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"matrix","result":[]}}`)
	}))
	t.Cleanup(server.Close)
	endpoints := filepath.Join(t.TempDir(), "endpoints.yaml")
	if err := os.WriteFile(endpoints, fmt.Appendf(nil, "endpoints:\n- {name: default, url: %q, tenancy: {label: tenant}}\n", server.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	const plan = `{"apiVersion":"holdfast.dev/v1alpha1","kind":"CanaryPlan","metadata":{"name":"p"},"spec":{"analysis":{"metrics":[{"name":"a","query":"sum(a{ {{canary}} })","range":{"max":1}}]}}}`
	_, said, code := run(t, plan, "--plan=-", "-n=shop", "--deployment=web", "--from=-2h", "--prometheus-endpoints="+endpoints)
	if code != exitNone {
		t.Fatalf("exit code %d: %s", code, said)
	}
	if len(asked) < 3 {
		t.Errorf("asked %q", asked)
	}
	for _, q := range asked {
		if !strings.Contains(q, `tenant="shop"`) {
			t.Errorf("asked %s", q)
		}
	}
}
