package backends

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast.dev/holdfast/test/cluster/build"
)

// pod is one that serves ten requests a second, and exports what a usual client library does.
type pod struct {
	name string
	set  string
	// share of requests that fail, and seconds that one takes.
	failing, takes float64
	// restartsAfter is when it begins to count anew, with another failing share of none; 0 is never.
	restartsAfter time.Duration
	// begins is when it answers first.
	begins time.Duration
	// burst is how many requests failed, all at once and no more after that, at the time of bursts.
	burst int
}

// ofBursts is when requests fail for the first time of a pod that has a burst: its counter of failures is born with them.
const ofBursts = 58 * time.Second

// The pods of the world: two that serve well, two canaries of each kind, one that restarts, those that
// came later, and those whose counter of failures is born with all that it ever counts.
var pods = []pod{
	{name: "web-1-a", set: "web-1", takes: 0.05}, {name: "web-1-b", set: "web-1", takes: 0.05},
	{name: "good-a", set: "good", takes: 0.05}, {name: "good-b", set: "good", takes: 0.05},
	{name: "bad-a", set: "bad", failing: 0.3, takes: 0.05}, {name: "bad-b", set: "bad", failing: 0.3, takes: 0.05},
	{name: "slow-a", set: "slow", takes: 0.7}, {name: "slow-b", set: "slow", takes: 0.7},
	{name: "again-a", set: "again", takes: 0.05, restartsAfter: 35 * time.Second}, {name: "again-b", set: "again", takes: 0.05},
	{name: "new-a", set: "new", takes: 0.05, begins: 20 * time.Second}, {name: "new-b", set: "new", takes: 0.05, begins: 20 * time.Second},
	{name: "born-a", set: "born", takes: 0.05, burst: 9}, {name: "born-b", set: "born", takes: 0.05, burst: 30},
}

const (
	perSecond = 40.0
	scrape    = time.Second
)

// export writes what a pod has counted since it was made, or began anew.
func (p pod) export(w *bytes.Buffer, since time.Duration) {
	if p.restartsAfter > 0 && since > p.restartsAfter {
		since -= p.restartsAfter
	}
	total := (since - p.begins).Seconds() * perSecond
	bad := total * p.failing
	fmt.Fprintf(w, "# TYPE http_requests_total counter\nhttp_requests_total{code=\"200\"} %g\n", float64(int(total-bad)))
	if p.failing > 0 {
		fmt.Fprintf(w, "http_requests_total{code=\"500\"} %g\n", float64(int(bad)))
	}
	if p.burst > 0 && since > ofBursts {
		fmt.Fprintf(w, "http_requests_total{code=\"500\"} %d\n", p.burst)
	}
	fmt.Fprintf(w, "# TYPE http_request_duration_seconds histogram\n")
	for _, le := range []float64{0.1, 0.25, 0.5, 1, 2.5} {
		n := 0.0
		if p.takes <= le {
			n = total
		}
		fmt.Fprintf(w, "http_request_duration_seconds_bucket{le=\"%g\"} %g\n", le, float64(int(n)))
	}
	fmt.Fprintf(w, "http_request_duration_seconds_bucket{le=\"+Inf\"} %[1]g\nhttp_request_duration_seconds_count %[1]g\n", float64(int(total)))
	fmt.Fprintf(w, "http_request_duration_seconds_sum %g\n", total*p.takes)
	fmt.Fprintf(w, "# TYPE queue_length gauge\nqueue_length %d\n# TYPE jobs_total counter\njobs_total 0\njobs_failed_total 0\n", len(p.name))
}

// application serves /metrics of all pods.
func application(t *testing.T, began time.Time) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, p := range pods {
			if r.URL.Path == "/"+p.name && time.Since(began) > p.begins {
				var out bytes.Buffer
				p.export(&out, time.Since(began))
				w.Header().Set("Content-Type", "text/plain; version=0.0.4")
				_, _ = w.Write(out.Bytes())
				return
			}
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// scrapeConfig is what Prometheus and VictoriaMetrics both read.
func scrapeConfig(t *testing.T, target string) string {
	t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "global: {scrape_interval: %s, external_labels: {replica: a}}\nscrape_configs:\n- job_name: pods\n  relabel_configs:\n"+
		"  - {source_labels: [pod], target_label: __metrics_path__, replacement: /$1}\n  static_configs:\n", scrape)
	for _, p := range pods {
		fmt.Fprintf(&out, "  - {targets: [%q], labels: {namespace: shop, pod: %s}}\n", target, p.name)
	}
	return fileOf(t, out.String())
}

func fileOf(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var source = sync.OnceValues(build.Source)

// tool is a pinned program, built on first use.
func tool(t *testing.T, name string) string {
	t.Helper()
	root, err := source()
	if err != nil {
		t.Fatal(err)
	}
	path, err := build.Tool(t.Context(), root, name, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// start runs a server until the test ends, and waits until it answers.
func start(t *testing.T, program, ready string, args ...string) {
	t.Helper()
	var said bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	server := exec.CommandContext(ctx, program, args...)
	server.Stdout, server.Stderr = &said, &said
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	server.Cancel = func() error { return server.Process.Signal(syscall.SIGTERM) }
	server.WaitDelay = 20 * time.Second
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	var failure error
	go func() {
		failure = server.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(program), said.String())
		}
	})
	for {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ready, nil)
		if err != nil {
			t.Fatal(err)
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ended:
			t.Fatalf("%s ended: %v", filepath.Base(program), failure)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// freePort is one of loopback that nobody listens at.
func freePort(t *testing.T) string {
	t.Helper()
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func prometheusServer(t *testing.T, config string, more ...string) string {
	t.Helper()
	program, address := tool(t, "prometheus"), "127.0.0.1:"+freePort(t)
	args := append([]string{"--config.file=" + config, "--storage.tsdb.path=" + t.TempDir(), "--web.listen-address=" + address}, more...)
	start(t, program, "http://"+address+"/-/ready", args...)
	return "http://" + address
}

func victoriaServer(t *testing.T, config string) string {
	t.Helper()
	program, address := tool(t, "victoria-metrics"), "127.0.0.1:"+freePort(t)
	start(t, program, "http://"+address+"/health", "-promscrape.config="+config, "-storageDataPath="+t.TempDir(), "-httpListenAddr="+address)
	return "http://" + address
}

// agentAndReceiver are a Prometheus as agent, which scrapes, and the one that it writes to, which answers.
func agentAndReceiver(t *testing.T, scraping string) string {
	t.Helper()
	receiver := prometheusServer(t, fileOf(t, "global: {}\n"), "--web.enable-remote-write-receiver")
	config, err := os.ReadFile(scraping)
	if err != nil {
		t.Fatal(err)
	}
	written := fileOf(t, string(config)+"remote_write:\n- url: "+receiver+"/api/v1/write\n")
	program, address := tool(t, "prometheus"), "127.0.0.1:"+freePort(t)
	start(t, program, "http://"+address+"/-/ready", "--agent", "--config.file="+written, "--storage.agent.path="+t.TempDir(), "--web.listen-address="+address)
	return receiver
}

// thanosQuery is one that asks the sidecar of a Prometheus.
func thanosQuery(t *testing.T, prometheus string) string {
	t.Helper()
	program, store := tool(t, "thanos"), "127.0.0.1:"+freePort(t)
	sidecar, address := "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t)
	start(t, program, "http://"+sidecar+"/-/ready", "sidecar", "--prometheus.url="+prometheus, "--tsdb.path="+t.TempDir(), "--grpc-address="+store, "--http-address="+sidecar)
	start(t, program, "http://"+address+"/-/ready", "query", "--endpoint="+store, "--query.replica-label=replica",
		"--grpc-address=127.0.0.1:"+freePort(t), "--http-address="+address)
	return "http://" + address
}
