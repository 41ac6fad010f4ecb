package cluster

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// patience is how long anything may take that is waited for. It is a bound for what is stuck, not an
// assertion on speed.
const patience = 2 * time.Minute

// eventually asks until there is no error, and fails the test with the last one when patience is over.
func eventually(t *testing.T, ask func() error) {
	t.Helper()
	deadline := time.After(patience)
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("not within %s: %v", patience, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// kubectl runs kubectl and fails the test if that fails.
func kubectl(t *testing.T, c *Cluster, stdin string, args ...string) string {
	t.Helper()
	out, err := c.mustKubectl(context.Background(), stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// expect waits until kubectl prints want.
func expect(t *testing.T, c *Cluster, want string, args ...string) {
	t.Helper()
	eventually(t, func() error {
		result, err := c.Kubectl(context.Background(), "", args...)
		if err != nil {
			return err
		}
		if got := strings.TrimSpace(result.Stdout); got != want {
			return fmt.Errorf("kubectl %s: got %q, want %q (%s)", strings.Join(args, " "), got, want, result.Stderr)
		}
		return nil
	})
}

// expectEvent waits for one that says text; events are written after what they tell of.
func expectEvent(t *testing.T, c *Cluster, ns, text string) {
	t.Helper()
	eventually(t, func() error {
		if events := kubectl(t, c, "", "get", "events", "-n", ns); !strings.Contains(events, text) {
			return fmt.Errorf("no event says %q:\n%s", text, events)
		}
		return nil
	})
}

// namespace makes a namespace for a test and deletes it afterwards.
func namespace(t *testing.T, c *Cluster, name string) string {
	t.Helper()
	kubectl(t, c, "", "create", "namespace", name)
	t.Cleanup(func() { _, _ = c.Kubectl(context.Background(), "", "delete", "namespace", name, "--wait=false") })
	return name
}

// inside asks the first pod with the label app=name what its container sees.
func inside(c *Cluster, ns, name, path string) (string, error) {
	pod, err := c.mustKubectl(context.Background(), "", "get", "pods", "-n", ns, "-l", "app="+name, "-o", "jsonpath={.items[0].metadata.name}")
	if err != nil {
		return "", err
	}
	return c.mustKubectl(context.Background(), "", "get", "--raw", "/api/v1/namespaces/"+ns+"/pods/"+pod+":8080/proxy/"+path)
}
