package redirect

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast.dev/holdfast/cmd/holdfast/probe"
)

// The ports of the pod: the application has two, of which no container says anything; the kubelet takes a
// detour to the first.
const (
	port, spoken = "--port=8080=15100:8080/Auto", "--port=9000=15101:9000/Auto"
	detour       = "--detour=15102:8080"
)

// bePod runs an application, and then what it is told, a line at a time; each is answered by a line. It ends
// when nobody tells it anything any more.
func bePod() {
	said := bufio.NewScanner(os.Stdin)
	var stop context.CancelFunc
	var ended chan error
	for said.Scan() {
		verb, rest, _ := strings.Cut(said.Text(), " ")
		var answer any = "done"
		switch verb {
		case "application":
			serveApplication()
		case "redirect":
			if err := command(context.Background(), "redirect", port, spoken, detour); err != nil {
				answer = err
			}
		case "probe":
			var ctx context.Context
			ctx, stop = context.WithCancel(context.Background())
			ended = make(chan error, 1)
			go func() { ended <- command(ctx, port, spoken, "--drain=0s") }()
		case "kill":
			stop()
			answer = fmt.Sprint("ended ", <-ended)
		case "ask":
			answer = ask(rest)
		}
		fmt.Println(strings.ReplaceAll(fmt.Sprint(answer), "\n", " "))
	}
	os.Exit(0)
}

// command is the command holdfast probe, as a container runs it.
func command(ctx context.Context, args ...string) error {
	c := probe.Command()
	c.SetArgs(args)
	c.SetOut(os.Stderr)
	return c.ExecuteContext(ctx)
}

// serveApplication serves HTTP at 8080, and speaks first at 9000, at all addresses.
func serveApplication() {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{Port: 8080})
	must(err)
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:errcheck // of a test
		from, _, _ := net.SplitHostPort(r.RemoteAddr)
		sum := sha256.New()
		n, _ := io.Copy(sum, r.Body)
		w.Header().Set("From", from)
		fmt.Fprintf(w, "%d %x", n, sum.Sum(nil))
	}))
	first, err := net.ListenTCP("tcp", &net.TCPAddr{Port: 9000})
	must(err)
	go func() {
		for {
			conn, err := first.Accept()
			must(err)
			fmt.Fprintln(conn, "welcome")
			_ = conn.Close()
		}
	}()
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// each makes a connection for each request: pods come and go at one address.
var each = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}

// ask says from whom the application has a request for a URL to come, or what went wrong.
func ask(url string) string {
	answer, err := each.Get(url) //nolint:noctx // it has a time
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.Header.Get("From")
}

// pod is the other process.
type pod struct {
	t       *testing.T
	tell    io.Writer
	answers *bufio.Scanner
}

// newPod is a pod whose network is connected with this one, in which nothing runs yet.
func newPod(t *testing.T) *pod {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), "/proc/self/exe") // it ends with its input
	cmd.Env = append(os.Environ(), role+"=pod")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	connect(t, cmd.Process.Pid)
	return &pod{t, in, bufio.NewScanner(out)}
}

// does has the pod do something, and returns its answer.
func (p *pod) does(what string) string {
	p.t.Helper()
	fmt.Fprintln(p.tell, what)
	if !p.answers.Scan() {
		p.t.Fatalf("%s: the pod has ended", what)
	}
	return p.answers.Text()
}

// wants has the pod do something that goes well.
func (p *pod) wants(what string) {
	p.t.Helper()
	if got := p.does(what); got != "done" {
		p.t.Fatalf("%s: %s", what, got)
	}
}
