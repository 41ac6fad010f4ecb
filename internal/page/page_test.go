package page_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/page"
	"holdfast.dev/holdfast/internal/page/pagetest"
	"holdfast.dev/holdfast/internal/page/person"
	"holdfast.dev/holdfast/internal/page/view"
)

// house is a page over an API server in memory.
type house struct {
	t     *testing.T
	api   *pagetest.API
	board *page.Board
	busy  *atomic.Bool
	url   string
}

// doorkeeper knows the users of the API server by their tokens, and asks it nothing.
type doorkeeper struct {
	api *pagetest.API
	// busy: nobody can be told apart at present.
	busy *atomic.Bool
}

func (d doorkeeper) Enter(_ context.Context, token string) (*page.Visitor, error) {
	if d.busy.Load() {
		return nil, page.ErrBusy
	}
	user, known := d.api.Users[token]
	if !known {
		return nil, page.ErrStranger
	}
	p, err := person.New(d.api.As(token))
	if err != nil {
		return nil, err
	}
	return &page.Visitor{ID: user.Name, Name: user.Name, Person: p, Sees: func(_ context.Context, namespace string) (bool, error) {
		return namespace == "shop", nil
	}}, nil
}

// memory says of which run it was asked.
type memory struct{}

func (memory) Earlier(_ context.Context, run *v1alpha1.CanaryRun) ([]view.Earlier, error) {
	return []view.Earlier{{Name: run.Name, Says: "asked"}}, nil
}

func open(t *testing.T) *house {
	t.Helper()
	return openAt(t, clock.RealClock{})
}

func openAt(t *testing.T, c clock.WithTicker) *house {
	t.Helper()
	h := &house{t: t, api: pagetest.New(t), board: page.NewBoard(), busy: new(atomic.Bool)}
	h.api.Users["jane"] = pagetest.User{Name: "jane", May: []string{
		"get shop/canaryruns", "patch shop/canaryruns", "get shop/deployments", "list shop/events",
	}}
	h.api.Users["vic"] = pagetest.User{Name: "vic", May: []string{"get shop/canaryruns"}}
	ready := make(chan struct{})
	close(ready)
	handler := page.Handler(page.Options{Door: doorkeeper{h.api, h.busy}, Board: h.board, Clock: c, Ready: ready, Past: memory{}, Hosts: nil})
	server := httptest.NewServer(handler)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	h.url = server.URL
	h.put("shop", "web-a", v1alpha1.PhaseRunning)
	h.put("vault", "key-b", v1alpha1.PhaseRunning)
	return h
}

func (h *house) put(namespace, name string, phase v1alpha1.Phase) *v1alpha1.CanaryRun {
	run := &v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: v1alpha1.CanaryRunSpec{Deployment: "web", Hold: "h", Plan: &v1alpha1.CanaryPlanSpec{}}}
	run.Status.Phase = phase
	run = h.api.Put(run)
	h.board.Put(run)
	return run
}

func (h *house) ask(method, path, token, body string, header ...string) (int, string, http.Header) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer.StatusCode, string(text), answer.Header
}

const aRun = "/api/runs/shop/web-a"

func TestWhoMayAskWhat(t *testing.T) {
	h := open(t)
	uid := string(h.api.Run("shop", "web-a").UID)
	decision := `{"uid":"` + uid + `","reason":"because"}`
	for name, tc := range map[string]struct {
		method, path, token, body string
		header                    []string
		code                      int
		says                      string
	}{
		"nothing without a token":               {"GET", aRun, "", "", nil, 401, "not known to the API server"},
		"nothing with another":                  {"GET", aRun, "x", "", nil, 401, "not known to the API server"},
		"no stream without a token":             {"GET", "/api/stream", "", "", nil, 401, "not known"},
		"a run that one may list":               {"GET", aRun, "vic", "", nil, 200, `"phase":"Running"`},
		"none of a namespace that one may not":  {"GET", "/api/runs/vault/key-b", "vic", "", nil, 403, `may not list the canary runs of namespace \"vault\"`},
		"nor a decision there":                  {"POST", "/api/runs/vault/key-b/pause", "jane", decision, nil, 403, "vault"},
		"a run that there is not":               {"GET", "/api/runs/shop/web-x", "vic", "", nil, 404, "no such run"},
		"rights of who may decide":              {"GET", aRun + "/rights", "jane", "", nil, 200, `{"verbs":["promote","pause","retry","abort"]}`},
		"rights of who may not":                 {"GET", aRun + "/rights", "vic", "", nil, 200, `{"verbs":[]}`},
		"a decision of who may not":             {"POST", aRun + "/promote", "vic", decision, nil, 403, `You lack the verb \"patch\"`},
		"a decision about another run":          {"POST", aRun + "/promote", "jane", `{"uid":"other"}`, nil, 409, "another one by now"},
		"a decision about no run":               {"POST", aRun + "/promote", "jane", `{}`, nil, 400, "uid"},
		"a decision that is none":               {"POST", aRun + "/explode", "jane", decision, nil, 409, "is no decision"},
		"a decision that would do nothing":      {"POST", aRun + "/resume", "jane", decision, nil, 200, "is not paused"},
		"a decision that is too long":           {"POST", aRun + "/abort", "jane", strings.Repeat("x", 5000), nil, 413, "at most"},
		"a reason that is too long":             {"POST", aRun + "/abort", "jane", `{"uid":"` + uid + `","reason":"` + strings.Repeat("x", 501) + `"}`, nil, 400, "500 characters"},
		"a decision that another site asks for": {"POST", aRun + "/promote", "jane", decision, []string{"Sec-Fetch-Site", "cross-site"}, 403, "another site"},
		"what a site beside it asks for":        {"GET", aRun, "jane", "", []string{"Sec-Fetch-Site", "same-site"}, 403, "another site"},
		"events that one may not list":          {"GET", aRun + "/events", "vic", "", nil, 200, `"hidden":"events is forbidden`},
		"a Deployment that one may not read":    {"GET", aRun + "/difference", "vic", "", nil, 200, `"hidden":"deployments is forbidden`},
		"earlier values of who may list":        {"GET", aRun + "/earlier", "vic", "", nil, 200, `{"metrics":[{"name":"web-a","says":"asked"}]}`},
		"and of who may not":                    {"GET", "/api/runs/vault/key-b/earlier", "vic", "", nil, 403, "vault"},
		"earlier values without a token":        {"GET", aRun + "/earlier", "", "", nil, 401, "not known"},
		"a token that is too long":              {"GET", aRun, strings.Repeat("x", 40000), "", nil, 401, "not known"},
		"another way to ask":                    {"PUT", aRun, "jane", "", nil, 405, ""},
		"a path that there is not":              {"GET", "/api/secrets", "jane", "", nil, 404, ""},
		"files are for everybody":               {"GET", "/app.js", "", "", nil, 200, "import"},
		"and nothing else of the folder is":     {"GET", "/uplot/README.md", "", "", nil, 404, ""},
		"the page itself":                       {"GET", "/", "", "", nil, 200, "<!doctype html>"},
	} {
		t.Run(name, func(t *testing.T) {
			code, text, header := h.ask(tc.method, tc.path, tc.token, tc.body, tc.header...)
			if code != tc.code || !strings.Contains(text, tc.says) {
				t.Errorf("answered %d: %s", code, text)
			}
			if p := header.Get("Content-Security-Policy"); !strings.Contains(p, "default-src 'none'") || strings.Contains(p, "unsafe") || header.Get("X-Frame-Options") != "DENY" {
				t.Errorf("without its headers: %v", header)
			}
			if strings.HasPrefix(tc.path, "/api/runs") && header.Get("Cache-Control") != "no-store" {
				t.Error("a browser may keep it")
			}
		})
	}
	if run := h.api.Run("shop", "web-a"); run.Spec.Decision != "" || run.Spec.Paused {
		t.Errorf("something was decided: %+v", run.Spec)
	}
}

func TestADecisionIsWrittenAsThePersonWhoMakesIt(t *testing.T) {
	h := open(t)
	run := h.api.Run("shop", "web-a")
	code, text, _ := h.ask("POST", aRun+"/promote", "jane", `{"uid":"`+string(run.UID)+`","reason":"it is <b>good</b>"}`)
	if code != 200 || !strings.Contains(text, `"says":"promoted"`) {
		t.Fatalf("answered %d: %s", code, text)
	}
	if s := h.api.Run("shop", "web-a").Spec; s.Decision != v1alpha1.DecisionPromote || s.DecidedBy != "jane" || s.DecisionReason != "it is <b>good</b>" {
		t.Errorf("decided %+v", s)
	}
	wrote := ""
	for _, asked := range h.api.Asked() {
		if strings.Contains(asked, " PATCH ") {
			wrote += asked + "\n"
		}
	}
	if wrote != "jane PATCH /apis/holdfast.dev/v1alpha1/namespaces/shop/canaryruns/web-a\n" {
		t.Errorf("wrote as %s", wrote)
	}
}

// TestAPolicyTakesAButtonAway, and what is tried for it writes nothing.
func TestAPolicyTakesAButtonAway(t *testing.T) {
	h := open(t)
	h.api.Forbids = func(_ string, spec map[string]any) string {
		if spec["decision"] == "Promote" {
			return "user jane may not promote runs here"
		}
		return ""
	}
	if _, text, _ := h.ask("GET", aRun+"/rights", "jane", ""); !strings.Contains(text, `{"verbs":["pause","retry","abort"]}`) {
		t.Errorf("rights: %s", text)
	}
	if run := h.api.Run("shop", "web-a"); run.ResourceVersion != "1" {
		t.Errorf("the run was written: %+v", run.Spec)
	}
}

// stream is a stream of messages.
type stream struct {
	t     *testing.T
	lines *bufio.Scanner
	close func()
}

func (h *house) stream(token, after string) *stream {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	h.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+"/api/stream?after="+after, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = answer.Body.Close() })
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		h.t.Fatalf("answered %d: %s", answer.StatusCode, text)
	}
	return &stream{h.t, bufio.NewScanner(answer.Body), cancel}
}

// next is the next message of a kind, and its mark.
func (s *stream) next(event string) (data, mark string) {
	s.t.Helper()
	is := false
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch {
		case name == "event":
			is, mark = value == event, ""
		case name == "id":
			mark = value
		case name == "data" && is:
			return value, mark
		}
	}
	s.t.Fatalf("the stream ended before %s: %v", event, s.lines.Err())
	return "", ""
}

func TestAStreamTellsWhatChangesAndNothingElse(t *testing.T) {
	h := open(t)
	s := h.stream("vic", "")
	hello, _ := s.next("hello")
	if !strings.Contains(hello, `"who":"vic"`) || !strings.Contains(hello, `"keys":["shop/web-a"]`) {
		t.Errorf("hello: %s", hello)
	}
	news, mark := s.next("news")
	if !strings.Contains(news, `"key":"shop/web-a"`) || strings.Contains(news, "vault") {
		t.Errorf("news: %s", news)
	}
	h.put("shop", "api-c", v1alpha1.PhasePaused)
	if news, _ = s.next("news"); !strings.Contains(news, "shop/api-c") || strings.Contains(news, "web-a") {
		t.Errorf("news of one run: %s", news)
	}
	s.close()
	h.board.Remove("shop", "api-c")
	again := h.stream("vic", mark)
	if hello, _ := again.next("hello"); !strings.Contains(hello, `"resumed":true`) {
		t.Errorf("hello again: %s", hello)
	}
	if news, _ := again.next("news"); !strings.Contains(news, `"gone":["shop/api-c"]`) || strings.Contains(news, "web-a") {
		t.Errorf("news since: %s", news)
	}
}

// What a person may see may be another by now, so a stream does not go on for long while nobody can tell.
func TestAStreamEndsWhereItsPersonStaysUnknown(t *testing.T) {
	c := clocktesting.NewFakeClock(time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC))
	h := openAt(t, c)
	s := h.stream("vic", "")
	s.next("hello")
	h.busy.Store(true)
	go func() {
		for t.Context().Err() == nil {
			c.Step(time.Second)
			runtime.Gosched()
		}
	}()
	if farewell, _ := s.next("end"); !strings.Contains(farewell, page.ErrBusy.Error()) {
		t.Errorf("it ends with %s", farewell)
	}
}

func TestStreamsOfOnePersonAreLimited(t *testing.T) {
	h := open(t)
	for range 12 {
		h.stream("vic", "").next("hello")
	}
	if code, text, _ := h.ask("GET", "/api/stream", "vic", ""); code != http.StatusTooManyRequests || !strings.Contains(text, "too many tabs") {
		t.Errorf("answered %d: %s", code, text)
	}
	h.stream("jane", "").next("hello")
}

func TestAnAddressThatIsAnotherIsNotAnswered(t *testing.T) {
	ready := make(chan struct{})
	handler := page.Handler(page.Options{Board: page.NewBoard(), Clock: clock.RealClock{}, Ready: ready, Hosts: []string{"127.0.0.1:1234"}})
	for host, want := range map[string]int{"127.0.0.1:1234": 200, "evil.example:1234": 421, "127.0.0.1": 421} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: answered %d, want %d", host, w.Code, want)
		}
	}
}

// TestWhatIsServedAsksNobodyElse: no address of another host is in the page's own files.
func TestWhatIsServedAsksNobodyElse(t *testing.T) {
	address := regexp.MustCompile(`(?:https?:)?//[a-z0-9.-]+\.[a-z]+`)
	err := fs.WalkDir(os.DirFS("assets"), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path, "uplot/") {
			return err
		}
		text, err := os.ReadFile("assets/" + path)
		for _, found := range address.FindAllString(string(text), -1) {
			if found != "http://www.w3.org" { // a namespace of SVG, which nobody asks
				t.Errorf("%s names %s", path, found)
			}
		}
		for _, forbidden := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", " style=", "onclick="} {
			if strings.Contains(string(text), forbidden) {
				t.Errorf("%s has %s", path, forbidden)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTheLibraryIsWhatItsAuthorPublished: the checksums of its README are those of its files.
func TestTheLibraryIsWhatItsAuthorPublished(t *testing.T) {
	readme, err := os.ReadFile("assets/uplot/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"uPlot.iife.min.js", "uPlot.min.css"} {
		data, err := os.ReadFile("assets/uplot/" + name)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		if !regexp.MustCompile("`" + regexp.QuoteMeta(name) + "`.*`" + hex.EncodeToString(sum[:]) + "`").Match(readme) {
			t.Errorf("%s is another file than its README says", name)
		}
	}
}

// TestAnEndedRunIsReadAsThePerson: of one that has ended a board may keep little.
func TestAnEndedRunIsReadAsThePerson(t *testing.T) {
	h := open(t)
	run := h.put("shop", "web-a", v1alpha1.PhaseReverted)
	run.Status.Metrics = []v1alpha1.MetricStatus{{Name: "m", Last: []v1alpha1.Measurement{{Time: metav1.NewTime(time.Unix(1, 0)), Outcome: v1alpha1.OutcomeFailed, Value: "3"}}}}
	h.api.Put(run)
	_, text, _ := h.ask("GET", aRun, "vic", "")
	var d struct{ Charts []struct{ Name string } }
	if err := json.Unmarshal([]byte(text), &d); err != nil || len(d.Charts) != 1 {
		t.Errorf("%v in %s", err, text)
	}
}
