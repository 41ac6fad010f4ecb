package backends

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast.dev/holdfast/test/cluster/build"
)

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

// agentAndReceiver are a Prometheus as agent, which scrapes, and the one that it writes to, which answers. It
// writes to others too.
func agentAndReceiver(t *testing.T, scraping, others string) string {
	t.Helper()
	receiver := prometheusServer(t, fileOf(t, "global: {}\n"), "--web.enable-remote-write-receiver")
	config, err := os.ReadFile(scraping)
	if err != nil {
		t.Fatal(err)
	}
	written := fileOf(t, string(config)+"remote_write:\n- url: "+receiver+"/api/v1/write\n"+others)
	program, address := tool(t, "prometheus"), "127.0.0.1:"+freePort(t)
	start(t, program, "http://"+address+"/-/ready", "--agent", "--config.file="+written, "--storage.agent.path="+t.TempDir(), "--web.listen-address="+address)
	return receiver
}

// thanosSidecar is where Thanos finds the series of a Prometheus.
func thanosSidecar(t *testing.T, prometheus string) string {
	t.Helper()
	store, address := "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t)
	start(t, tool(t, "thanos"), "http://"+address+"/-/ready", "sidecar", "--prometheus.url="+prometheus, "--tsdb.path="+t.TempDir(),
		"--grpc-address="+store, "--http-address="+address)
	return store
}

// thanosQuery is one that asks a store.
func thanosQuery(t *testing.T, store string, more ...string) string {
	t.Helper()
	address := "127.0.0.1:" + freePort(t)
	start(t, tool(t, "thanos"), "http://"+address+"/-/ready", append([]string{"query", "--endpoint=" + store, "--query.replica-label=replica",
		"--grpc-address=127.0.0.1:" + freePort(t), "--http-address=" + address}, more...)...)
	return "http://" + address
}
