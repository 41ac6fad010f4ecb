package probe

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
)

func TestFlagsThatAreWrongAreSaid(t *testing.T) {
	good := Options{ports: []string{"http=15100:8080/Auto", "db=15101:5432/TCP"}, metricsPort: 15190}
	if err := good.Validate(); err != nil || len(good.measured) != 2 {
		t.Errorf("%v, %v", good.measured, err)
	}
	for want, o := range map[string]Options{
		"--port is missing": {metricsPort: 1},
		`--port: "http" is no port; write NAME=LISTEN:TARGET/PROTOCOL`: {ports: []string{"http"}, metricsPort: 1},
		"there are two of the name http":                               {ports: []string{"http=15100:8080/Auto", "http=15101:8081/Auto"}, metricsPort: 1},
		"15100 is that of --port http=15100:8080/Auto already":         {ports: []string{"http=15100:8080/Auto", "b=15100:8081/Auto"}, metricsPort: 1},
		"15100 is that of --metrics-port already":                      {ports: []string{"http=15100:8080/Auto"}, metricsPort: 15100},
		"the application listens there itself":                         {ports: []string{"http=8080:8080/Auto"}, metricsPort: 1},
		"--metrics-port is 0":                                          {ports: []string{"http=15100:8080/Auto"}},
		"--drain is -1s":                                               {ports: []string{"http=15100:8080/Auto"}, metricsPort: 1, drain: -time.Second},
	} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// free are ports at which nothing listens.
func free(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.ListenTCP("tcp", &net.TCPAddr{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// probing runs the probe in front of an application until the test ends it.
func probing(t *testing.T, target int, drain time.Duration) (listen, metrics int, tell func(), ended chan error) {
	t.Helper()
	ports := free(t, 2)
	o := Options{ports: []string{fmt.Sprintf("http=%d:%d/Auto", ports[0], target)}, metricsPort: int32(ports[1]), drain: drain}
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	ctx, tell := context.WithCancel(t.Context())
	ended = make(chan error, 1)
	go func() { ended <- run(ctx, o, logr.Discard()) }()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if page, err := read(t, ports[1], "/healthz"); err == nil && page == "ok\n" {
			return ports[0], ports[1], tell, ended
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not become healthy")
		}
	}
}

func read(t *testing.T, port int, path string) (string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", port, path), nil)
	if err != nil {
		return "", err
	}
	request.Close = true
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	return string(page), err
}

// TestItServesUntilTheApplicationIsGone: told to end, it takes requests as before, and ends when the
// application takes none and the last answer has been sent.
func TestItServesUntilTheApplicationIsGone(t *testing.T) {
	slow := make(chan struct{})
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-slow
		}
		fmt.Fprint(w, "hello")
	}))
	listen, metrics, tell, ended := probing(t, application.Listener.Addr().(*net.TCPAddr).Port, time.Hour)
	type said struct {
		page string
		err  error
	}
	under := make(chan said, 1)
	go func() {
		page, err := read(t, listen, "/slow")
		under <- said{page, err}
	}()
	tell()
	for range 20 {
		if page, err := read(t, listen, "/"); page != "hello" {
			t.Errorf("told to end: %q, %v", page, err)
		}
	}
	if page, err := read(t, metrics, "/metrics"); !strings.Contains(page, `holdfast_probe_requests_total{code="200",grpc_status="",port="http"} 20`) {
		t.Errorf("%v: %s", err, page)
	}
	application.Listener.Close()
	select {
	case err := <-ended:
		t.Errorf("ended with a request under way: %v", err)
	case <-time.After(3 * look):
	}
	close(slow)
	if s := <-under; s.page != "hello" {
		t.Errorf("the request under way: %q, %v", s.page, s.err)
	}
	application.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestItEndsWhenItsTimeIsUp(t *testing.T) {
	application := httptest.NewServer(http.NotFoundHandler())
	defer application.Close()
	_, _, tell, ended := probing(t, application.Listener.Addr().(*net.TCPAddr).Port, 10*time.Millisecond)
	tell()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAPortThatIsTakenIsSaid(t *testing.T) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := Options{ports: []string{fmt.Sprintf("http=%d:1/Auto", l.Addr().(*net.TCPAddr).Port)}, metricsPort: int32(free(t, 1)[0])}
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), o, logr.Discard()); err == nil || !strings.Contains(err.Error(), "listen for port http") {
		t.Error(err)
	}
}
