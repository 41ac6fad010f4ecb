package soak

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/test/cluster"
	"holdfast.dev/holdfast/test/stage"
)

// house is a cluster with the page, and nobody who evaluates.
type house struct {
	t testing.TB
	*cluster.Cluster
	client client.WithWatch
	line   *line
}

const namespace = "soak"

func openHouse(t testing.TB) *house {
	t.Helper()
	c, err := cluster.Start(context.WithoutCancel(t.Context()), cluster.Options{Install: "install", Progress: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	h := &house{t: t, Cluster: c}
	if h.client, err = stage.Client(c); err != nil {
		t.Fatal(err)
	}
	h.must("", "create", "namespace", namespace)
	h.must(h.docRoles(), "apply", "-f", "-")
	h.line = openLine(t, c)
	return h
}

func (h *house) must(stdin string, args ...string) string {
	h.t.Helper()
	result, err := h.Kubectl(h.t.Context(), stdin, args...)
	if err != nil || result.Code != 0 {
		h.t.Fatalf("kubectl %q: %v\n%s", args, err, result.Stderr)
	}
	return strings.TrimSpace(result.Stdout)
}

// docRoles are those of the docs.
func (h *house) docRoles() string {
	h.t.Helper()
	text, err := os.ReadFile("../../../docs/how-to/page.md")
	if err != nil {
		h.t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```yaml\n(apiVersion: rbac.*?)```").FindSubmatch(text)
	if found == nil {
		h.t.Fatal("the docs have no Roles")
	}
	return strings.ReplaceAll(string(found[1]), "namespace: shop", "namespace: "+namespace)
}

// user makes a ServiceAccount that has Roles.
func (h *house) user(name string, roles ...string) {
	h.t.Helper()
	h.must("", "create", "serviceaccount", name, "-n", namespace)
	for _, role := range roles {
		h.must("", "create", "rolebinding", name+"-"+role, "-n", namespace, "--role="+role, "--serviceaccount="+namespace+":"+name)
	}
}

// token is one that is good for so long, or until takeBack.
func (h *house) token(name string, good time.Duration) string {
	h.t.Helper()
	h.must(fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {name: of-%s, namespace: %s}}", name, namespace), "apply", "-f", "-")
	return h.must("", "create", "token", name, "-n", namespace, "--duration="+good.String(), "--bound-object-kind=Secret", "--bound-object-name=of-"+name)
}

// takeBack has all tokens of a user be good no longer.
func (h *house) takeBack(name string) {
	h.t.Helper()
	h.must("", "delete", "secret", "of-"+name, "-n", namespace)
}

// server is how large Holdfast is, in bytes: all of the process, and what was alive at the last collection,
// which is half of what its collector aims at.
func (h *house) server() (process, alive float64, err error) {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.MetricsURL(), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, 0, err
	}
	defer answer.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		return 0, 0, err
	}
	of := func(name string) float64 {
		if f := families[name]; f != nil {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
		h.t.Fatalf("Holdfast has no metric %s", name)
		return 0
	}
	return of("process_resident_memory_bytes"), of("go_memstats_next_gc_bytes") / 2, nil
}

// restart has Holdfast be another process.
func (h *house) restart() {
	h.t.Helper()
	h.must("", "delete", "pod", "-n", "holdfast-system", "-l", "app.kubernetes.io/name=holdfast", "--wait=false")
}

// line is how browsers reach the page: kubectl port-forward, which is begun again when it ends.
type line struct {
	port string
	stop context.CancelFunc
	over sync.WaitGroup

	mu sync.Mutex
	// cut ends it as it is now; down has it not begin again.
	cut  context.CancelFunc
	down bool
}

func openLine(t testing.TB, c *cluster.Cluster) *line {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	l := &line{stop: stop}
	first := make(chan string, 1)
	l.over.Go(func() {
		for ctx.Err() == nil {
			l.forward(ctx, c, first)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	})
	t.Cleanup(func() {
		stop()
		l.over.Wait()
	})
	select {
	case l.port = <-first:
	case <-time.After(time.Minute):
		t.Fatal("kubectl port-forward has not begun")
	}
	return l
}

// setDown has the page not be reached, or be.
func (l *line) setDown(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
	if down && l.cut != nil {
		l.cut()
	}
}

// forward is one time that the line is up.
func (l *line) forward(ctx context.Context, c *cluster.Cluster, first chan<- string) {
	ctx, cut := context.WithCancel(ctx)
	defer cut()
	l.mu.Lock()
	l.cut = cut
	port, down := l.port, l.down
	l.mu.Unlock()
	if down {
		return
	}
	cmd := c.Command(ctx, "kubectl", "port-forward", "-n", "holdfast-system", "svc/holdfast-page", port+":443")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		return
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := regexp.MustCompile(`127\.0\.0\.1:(\d+)`).FindStringSubmatch(lines.Text()); found != nil && port == "" {
			first <- found[1]
			port = found[1]
		}
	}
	_ = cmd.Wait()
}
