package redirect

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"
)

// counted is how many requests the probe has measured, once it has measured as many as are wanted or the time
// is up.
func counted(t *testing.T, want int) {
	t.Helper()
	line := fmt.Sprintf("holdfast_probe_requests_total{code=\"200\",grpc_status=\"\",port=\"8080\"} %d\n", want)
	var text []byte
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		resp, err := each.Get("http://" + pod4 + ":15190/metrics") //nolint:noctx // of the pod
		if err != nil {
			continue // it begins
		}
		text, _ = io.ReadAll(resp.Body)
		resp.Body.Close()
		if strings.Contains(string(text), line) {
			return
		}
	}
	t.Fatalf("the probe says:\n%swant %s", text, line)
}

// TestWhatComesFromOutsideIsMeasured, by either family and by a number that no name is given; what the pod
// says to itself is not, nor is what takes the detour, which goes on while the probe does not run.
func TestWhatComesFromOutsideIsMeasured(t *testing.T) {
	p := newPod(t)
	for _, what := range []string{"application", "redirect", "probe"} {
		p.wants(what)
	}
	counted(t, 0)
	n := 0
	for family, at := range map[string]struct{ outside, pod, loopback string }{
		"IPv4": {outside4, pod4, "127.0.0.1"}, "IPv6": {outside6, pod6, "::1"},
	} {
		url := func(host, port string) string { return "http://" + net.JoinHostPort(host, port) + "/" }
		for what, tc := range map[string]struct{ got, want string }{
			"from outside":                {ask(url(at.pod, "8080")), at.pod}, // by the probe
			"from outside, by the detour": {ask(url(at.pod, "15102")), at.outside},
			"from the pod":                {p.does("ask " + url(at.pod, "8080")), at.pod},
			"from the pod, by loopback":   {p.does("ask " + url(at.loopback, "8080")), at.loopback},
			"from the pod, by the detour": {p.does("ask " + url(at.pod, "15102")), at.pod},
		} {
			if tc.got != tc.want {
				t.Errorf("%s, %s: the application is asked by %s, want %s", family, what, tc.got, tc.want)
			}
		}
		n++
		counted(t, n)
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", net.JoinHostPort(at.pod, "9000"))
		if err != nil {
			t.Fatal(err)
		}
		if said, err := io.ReadAll(conn); string(said) != "welcome\n" || err != nil {
			t.Errorf("%s: who speaks first says %q, %v", family, said, err)
		}
		conn.Close()
	}
	if ended := p.does("kill"); ended != "ended <nil>" {
		t.Errorf("the probe: %s", ended)
	}
	if got := ask("http://" + pod4 + ":8080/"); !strings.Contains(got, "refused") {
		t.Errorf("without the probe a client is answered: %s", got)
	}
	if got := ask("http://" + pod4 + ":15102/"); got != outside4 {
		t.Errorf("without the probe the kubelet is answered: %s", got)
	}
	p.wants("probe")
	counted(t, 0)
	if got := ask("http://" + pod4 + ":8080/"); got != pod4 {
		t.Errorf("when it runs again: %s", got)
	}
	counted(t, 1)
}

const body = 100 << 20

// TestRulesAreWrittenAnewUnderALoad: the init container runs again while a body of 100 MiB is on its way, by
// each family; it arrives whole, is counted once, and the next request too.
func TestRulesAreWrittenAnewUnderALoad(t *testing.T) {
	p := newPod(t)
	for _, what := range []string{"application", "redirect", "redirect", "probe"} {
		p.wants(what)
	}
	counted(t, 0)
	for i, host := range []string{pod4, pod6} {
		url := "http://" + net.JoinHostPort(host, "8080") + "/"
		sum := sha256.New()
		upload := &halfway{r: io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{1}), body), sum), at: body / 2, do: func() {
			p.wants("redirect")
			if got := ask(url); got != host { // another one meanwhile
				t.Errorf("asked while the rules are new: %s", got)
			}
		}}
		answer, err := each.Post(url, "application/octet-stream", upload) //nolint:noctx // of a test
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if want := fmt.Sprintf("%d %x", body, sum.Sum(nil)); string(got) != want || err != nil {
			t.Errorf("the application got %q, %v, want %s", got, err, want)
		}
		counted(t, 2*(i+1))
	}
}

// halfway does something once when so much has been read.
type halfway struct {
	r  io.Reader
	at int
	do func()
}

func (h *halfway) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	if h.at -= n; h.at <= 0 && h.do != nil {
		h.do()
		h.do = nil
	}
	return n, err
}
