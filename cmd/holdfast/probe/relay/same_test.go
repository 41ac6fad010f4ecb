package relay_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/internal/probe"
)

// script is what a client asks, and how it is to be answered.
type script struct {
	Method   string
	Path     string
	Body     []int // sizes of pieces; nil is none
	Known    bool  // its length is said beforehand
	Trailers bool
	Answer   struct {
		Early    bool // before the body is read
		Interim  bool
		Status   int
		Pieces   []int
		Known    bool
		Trailers bool
	}
}

func randomScript(r *rand.Rand) script {
	pieces := func() (sizes []int) {
		for range r.IntN(5) {
			sizes = append(sizes, 1+r.IntN([]int{10, 1000, 100_000}[r.IntN(3)]))
		}
		return sizes
	}
	var s script
	s.Method = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PROPFIND"}[r.IntN(6)]
	s.Path = []string{"/", "//a", "/a%2Fb?x=%zz;y", "/%E2%82%AC?", "/a/../b"}[r.IntN(5)]
	if s.Method != http.MethodGet && s.Method != http.MethodHead {
		s.Body = pieces()
	}
	s.Known, s.Trailers = r.IntN(2) == 0, r.IntN(3) == 0
	s.Answer.Status = []int{200, 201, 204, 206, 301, 304, 400, 404, 429, 500, 502, 503, 511, 599}[r.IntN(14)]
	s.Answer.Interim = r.IntN(4) == 0
	s.Answer.Early = r.IntN(4) == 0 && s.Answer.Status < 300 // else Go's client of HTTP/2 says no more of its body
	if s.Answer.Status != 204 && s.Answer.Status != 304 {
		s.Answer.Pieces = pieces()
	}
	s.Answer.Known, s.Answer.Trailers = r.IntN(2) == 0, r.IntN(3) == 0
	return s
}

// letters are the bytes of a piece.
func letters(seed, n int) []byte {
	text := make([]byte, n)
	for i := range text {
		text[i] = byte('a' + (i*7+seed)%26)
	}
	return text
}

// ServeHTTP answers as the script says that the request brings, and says what it saw.
func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var own script
	if err := json.Unmarshal([]byte(r.Header.Get("Script")), &own); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex()
	body := func() []byte {
		said, err := io.ReadAll(r.Body)
		if err != nil {
			return []byte(err.Error())
		}
		return said
	}
	var said []byte
	if !own.Answer.Early {
		said = body()
	}
	if own.Answer.Interim {
		w.Header().Set("Link", "</a.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
	}
	w.Header()["Date"] = []string{"Mon, 30 Nov 2026 00:00:00 GMT"}
	w.Header().Set("Saw", fmt.Sprintf("%s %s %s %s %d %v %x %v %v", r.Method, r.RequestURI, r.Proto, r.Host, r.ContentLength, r.TransferEncoding,
		sha256.Sum256(said), sorted(r.Header), sorted(r.Trailer)))
	length := 0
	for _, n := range own.Answer.Pieces {
		length += n
	}
	if own.Answer.Known {
		w.Header().Set("Content-Length", fmt.Sprint(length))
	}
	if own.Answer.Trailers && !own.Answer.Known {
		w.Header().Set("Trailer", "Sum")
	}
	w.WriteHeader(own.Answer.Status)
	for i, n := range own.Answer.Pieces {
		_, _ = w.Write(letters(i, n))
		_ = control.Flush()
	}
	if own.Answer.Early {
		said = body()
	}
	if own.Answer.Trailers && !own.Answer.Known {
		w.Header().Set("Sum", fmt.Sprintf("%x", sha256.Sum256(said)))
		w.Header().Set(http.TrailerPrefix+"Unannounced", "1")
	}
}

func sorted(h http.Header) string {
	var text []string
	for _, name := range slices.Sorted(maps.Keys(h)) {
		text = append(text, fmt.Sprint(name, h[name]))
	}
	return strings.Join(text, ",")
}

// heard is all of an answer.
type heard struct {
	Interim  []string
	Status   string
	Length   int64
	Encoding []string
	Header   http.Header
	Body     string
	Trailer  http.Header
	Err      string
}

// play sends one request, and returns what came of it.
func (s script) play(ctx context.Context, client *http.Client, address string) heard {
	text, _ := json.Marshal(s)
	var h heard
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
		h.Interim = append(h.Interim, fmt.Sprint(code, header))
		return nil
	}})
	request, err := http.NewRequestWithContext(ctx, s.Method, "http://"+address+s.Path, nil)
	if err != nil {
		return heard{Err: err.Error()}
	}
	if s.Path == "/a%2Fb?x=%zz;y" {
		request.URL.Opaque, request.URL.RawQuery = s.Path, ""
	}
	request.Host = "shop"
	request.Header = http.Header{"Script": {string(text)}, "X-Forwarded-For": {"192.0.2.1"}, "X-Twice": {"b", "a"}, "Accept-Encoding": {"identity"}, "User-Agent": nil}
	if len(s.Body) > 0 {
		var whole []byte
		for i, n := range s.Body {
			whole = append(whole, letters(i, n)...)
		}
		if s.Known {
			request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(whole)), int64(len(whole))
		} else {
			request.Body, request.ContentLength = io.NopCloser(io.MultiReader(bytes.NewReader(whole[:1]), bytes.NewReader(whole[1:]))), -1
			if s.Trailers {
				request.Trailer = http.Header{"Sum": {"1"}}
			}
		}
	}
	answer, err := client.Do(request)
	if err != nil {
		return heard{Err: strings.ReplaceAll(err.Error(), address, "ADDRESS")}
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	h.Status, h.Length, h.Encoding, h.Header = answer.Status, answer.ContentLength, answer.TransferEncoding, answer.Header
	h.Body, h.Trailer = string(body), answer.Trailer
	if err != nil {
		h.Err = err.Error()
	}
	return h
}

// TestTheSameWithAndWithoutIt: scripts of a seed are played to a real server directly and through the relay,
// over connections that are kept: all that client and server see is the same, and what is counted is what was
// answered.
func TestTheSameWithAndWithoutIt(t *testing.T) {
	for _, version := range []string{"HTTP/1.1", "HTTP/2"} {
		t.Run(version, func(t *testing.T) {
			protocols := &http.Protocols{}
			protocols.SetHTTP1(version == "HTTP/1.1")
			protocols.SetUnencryptedHTTP2(version != "HTTP/1.1")
			l := listen(t, "127.0.0.1:0")
			server := &http.Server{Handler: &script{}, Protocols: protocols, ReadHeaderTimeout: time.Minute}
			go server.Serve(l) //nolint:errcheck // closed below
			defer server.Close()
			s := before(t, l.Addr(), probe.Auto)
			client := func() *http.Client {
				transport := &http.Transport{Protocols: protocols, DisableCompression: true}
				t.Cleanup(transport.CloseIdleConnections)
				return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			}
			direct, through := client(), client()
			codes, bytesOut := map[string]int{}, 0
			for seed := range uint64(120) {
				script := randomScript(rand.New(rand.NewPCG(seed, 15)))
				want, got := script.play(t.Context(), direct, l.Addr().String()), script.play(t.Context(), through, s.address)
				if difference := gocmp.Diff(want, got); difference != "" {
					t.Fatalf("seed %d, %+v: without it (-) and with (+)\n%s", seed, script, difference)
				}
				if got.Err != "" {
					t.Fatalf("seed %d, %+v: %s", seed, script, got.Err)
				}
				codes[got.Status[:3]]++
				bytesOut += len(got.Body)
			}
			var want []string
			for code, n := range codes {
				want = append(want, fmt.Sprint(n, " ", code))
			}
			slices.SortFunc(want, cmp.Compare[string])
			s.wants(probe.RequestsTotal, strings.Join(want, ", "))
			if carried := s.counted(probe.BytesTotal); !strings.Contains(carried, fmt.Sprint(float64(bytesOut))+" out") {
				t.Errorf("counted %s, want %d out", carried, bytesOut)
			}
			if connections := s.counted(probe.ConnectionsTotal); connections != "" {
				t.Errorf("connections: %s", connections)
			}
		})
	}
}
