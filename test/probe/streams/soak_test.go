package streams

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// soak is how long streams last; make soak-probe has them last for an hour.
var soak = flag.Duration("soak", 5*time.Second, "how long streams last")

const body = 100 << 20

// filler reads n bytes made of a seed, a piece at a time, and sums them up.
type filler struct {
	left   int64
	random *rand.ChaCha8
	sum    hash.Hash
}

func newFiller(n int64) *filler { return &filler{n, rand.NewChaCha8([32]byte{1}), sha256.New()} }

func (f *filler) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	n, _ := f.random.Read(p[:min(int64(len(p)), f.left)])
	f.sum.Write(p[:n])
	f.left -= int64(n)
	return n, nil
}

// TestLargeBodiesAndLongStreamsInFlatMemory: bodies of 100 MiB both ways, and an endless answer to a slow
// client, arrive whole; the memory of this process, which is client, application and probe, stays flat.
func TestLargeBodiesAndLongStreamsInFlatMemory(t *testing.T) {
	l := listen(t)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			control := http.NewResponseController(w)
			for i := 0; r.Context().Err() == nil; i++ {
				fmt.Fprintf(w, "event %d\n", i)
				_ = control.Flush()
				time.Sleep(time.Millisecond)
			}
			return
		}
		sum := sha256.New()
		n, err := io.Copy(sum, r.Body)
		w.Header().Set("Got", fmt.Sprintf("%d %x %v", n, sum.Sum(nil), err))
		_, _ = io.Copy(w, newFiller(body))
	})}
	go server.Serve(l) //nolint:errcheck // closed below
	defer server.Close()
	address, registry := through(t, l)

	exchange := func() {
		sent, wanted := newFiller(body), newFiller(body)
		_, _ = io.Copy(io.Discard, wanted)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/", sent)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		sum := sha256.New()
		n, err := io.Copy(sum, answer.Body)
		if got, want := answer.Header.Get("Got"), fmt.Sprintf("%d %x <nil>", body, sent.sum.Sum(nil)); got != want {
			t.Errorf("the application got %s, want %s", got, want)
		}
		if got, want := fmt.Sprintf("%d %x %v", n, sum.Sum(nil), err), fmt.Sprintf("%d %x <nil>", body, wanted.sum.Sum(nil)); got != want {
			t.Errorf("the client got %s, want %s", got, want)
		}
	}
	exchange()
	before := resident(t)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET /stream HTTP/1.1\r\nHost: shop\r\n\r\n")
	heard, most, reads := 0, before, 0
	for until := time.Now().Add(*soak); time.Now().Before(until); reads++ {
		if reads%1000 == 0 {
			most = max(most, resident(t))
		}
		n, err := conn.Read(make([]byte, 100)) // slowly
		if heard += n; err != nil {
			t.Fatalf("after %d bytes: %v", heard, err)
		}
		time.Sleep(time.Millisecond)
	}
	conn.Close()
	if heard == 0 {
		t.Error("nothing of the stream arrived")
	}
	exchange()
	after := resident(t)
	t.Logf("%d MiB resident before, %d MiB at most meanwhile, %d MiB afterwards; %d KiB of the stream read", before>>20, most>>20, after>>20, heard>>10)
	if after > before+24<<20 {
		t.Errorf("%d MiB resident before, %d MiB afterwards", before>>20, after>>20)
	}
	counts(t, registry, "3 200")
}

// resident is the memory of this process.
func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}
