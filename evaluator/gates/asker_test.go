package gates

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/outbound"
	"holdfast.dev/holdfast/internal/policy"
)

func aRun(namespace, name string) *v1alpha1.CanaryRun {
	return &v1alpha1.CanaryRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID("uid-of-" + name)},
		Spec:       v1alpha1.CanaryRunSpec{Deployment: "web", TemplateHash: "abc"},
		Status: v1alpha1.CanaryRunStatus{
			Phase: v1alpha1.PhasePaused, Reason: v1alpha1.ReasonGateClosed, Step: &v1alpha1.StepStatus{Number: 2}, Attempt: 1,
		},
	}
}

func aQuestion(address string, edit ...func(*v1alpha1.Hook)) lifecycle.HookQuestion {
	h := v1alpha1.Hook{Name: "ship", Type: v1alpha1.HookConfirmPromotion, URL: address, Timeout: &metav1.Duration{Duration: 5 * time.Second}}
	for _, e := range edit {
		e(&h)
	}
	return lifecycle.HookQuestion{Hook: h, About: "1/ship/0/1772366400"}
}

// anAsker asks whatever is on this machine, with pauses that a test can wait for.
func anAsker(settings ...func(*Settings)) *Asker {
	s := Settings{Hosts: []string{"127.0.0.1:*"}}
	for _, edit := range settings {
		edit(&s)
	}
	a := New(s, NewMetrics(nil), nil)
	a.client.pause = time.Millisecond
	return a
}

func times(n int32) func(*v1alpha1.Hook) { return func(h *v1alpha1.Hook) { h.Retries = &n } }
func within(d time.Duration) func(*v1alpha1.Hook) {
	return func(h *v1alpha1.Hook) { h.Timeout.Duration = d }
}

// What answers mean: a status of 2xx is a yes, another is none, and who does not know has not answered.
func TestWhatAnAnswerMeans(t *testing.T) {
	for name, tc := range map[string]struct {
		serve  http.HandlerFunc
		said   v1alpha1.HookAnswer
		says   string
		asked  int32 // with two retries
		within time.Duration
	}{
		"yes":           {status(200, "Approved"), v1alpha1.HookYes, "200 OK: Approved", 1, 0},
		"accepted":      {status(202, ""), v1alpha1.HookYes, "202 Accepted", 1, 0},
		"no content":    {status(204, ""), v1alpha1.HookYes, "204 No Content", 1, 0},
		"no":            {status(403, "Forbidden"), v1alpha1.HookNo, "403 Forbidden: Forbidden", 1, 0},
		"not there":     {status(404, "404 page not found\n"), v1alpha1.HookNo, "404 Not Found: 404 page not found", 1, 0},
		"a failed test": {status(500, "exit status 1"), v1alpha1.HookNo, "500 Internal Server Error: exit status 1", 3, 0},
		"busy":          {status(429, ""), v1alpha1.HookNone, "429 Too Many Requests", 3, 0},
		"a proxy whose server is away": {status(503, "no healthy upstream"), v1alpha1.HookNone,
			"503 Service Unavailable: no healthy upstream", 3, 0},
		"text that is no text": {status(403, "a\x1b[31m\nb\u202ec\xff"), v1alpha1.HookNo, "403 Forbidden: a\ufffd[31m b\ufffdc\ufffd", 1, 0},
		"much text":            {status(403, strings.Repeat("secret ", 1000)), v1alpha1.HookNo, "", 1, 0},
		"a body without end": {func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}, v1alpha1.HookYes, "", 1, 0},
		"a body that never comes": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, v1alpha1.HookYes, "200 OK", 1, 200 * time.Millisecond},
		"no answer": {func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}, v1alpha1.HookNone, "no answer within 200ms", 3, 200 * time.Millisecond},
		"a connection that is cut": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, v1alpha1.HookNone, "the connection was cut", 3, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked.Add(1); tc.serve(w, r) }))
			defer server.Close()
			edits := []func(*v1alpha1.Hook){times(2)}
			if tc.within > 0 {
				edits = append(edits, within(tc.within))
			}
			got := anAsker().Ask(t.Context(), aRun("shop", "web-x"), policy.Effective{}, aQuestion(server.URL+"/check", edits...))
			if got.Said != tc.said || tc.says != "" && got.Message != tc.says || len(got.Message) > maxShown+60 {
				t.Errorf("said %s: %q", got.Said, got.Message)
			}
			if asked.Load() != tc.asked {
				t.Errorf("asked %d times, want %d", asked.Load(), tc.asked)
			}
		})
	}
}

func status(code int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	}
}

// Who Holdfast is it says as a file has it at the time, and a hook is not asked without that.
func TestACredentialIsShown(t *testing.T) {
	var shown atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { shown.Store(r.Header.Get("Authorization")) }))
	defer server.Close()
	folder := t.TempDir()
	host := strings.TrimPrefix(server.URL, "http://")
	ask := func(credentials string) lifecycle.HookReply {
		t.Helper()
		known, err := outbound.ParseCredentials([]string{credentials})
		if err != nil {
			t.Fatal(err)
		}
		shown.Store("nothing was asked")
		return anAsker(func(s *Settings) { s.Credentials = known }).Ask(t.Context(), aRun("shop", "web-x"), policy.Effective{}, aQuestion(server.URL+"/check"))
	}
	for _, credential := range []string{"Bearer abc", "Basic eA=="} {
		if err := os.WriteFile(filepath.Join(folder, "shop"), []byte(credential+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := ask("http://" + host + "=" + folder + "/{{namespace}}"); got.Said != v1alpha1.HookYes || shown.Load() != credential {
			t.Errorf("said %s: %q; shown was %q", got.Said, got.Message, shown.Load())
		}
	}
	if got := ask(host + "=" + folder + "/shop"); got.Said != v1alpha1.HookYes || shown.Load() != "" {
		t.Errorf("in the clear: said %s: %q; shown was %q", got.Said, got.Message, shown.Load())
	}
	if got := ask("http://" + host + "=" + folder + "/none"); got.Said != v1alpha1.HookNone || !strings.Contains(got.Message, "--hook-credentials") || strings.Contains(got.Message, folder) || shown.Load() != "nothing was asked" {
		t.Errorf("without its file: said %s: %q; shown was %q", got.Said, got.Message, shown.Load())
	}
}

// Where a server sends on to nobody goes, be it a host that is allowed.
func TestNobodyIsSentOn(t *testing.T) {
	var visited atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited.Store(true) }))
	defer other.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.RedirectHandler(other.URL, code))
		got := anAsker().Ask(t.Context(), aRun("shop", "web-x"), policy.Effective{}, aQuestion(server.URL, times(3)))
		server.Close()
		if got.Said != v1alpha1.HookNone || !strings.Contains(got.Message, "name that URL") || strings.Contains(got.Message, other.URL) || visited.Load() {
			t.Errorf("%d: %s %q, visited: %v", code, got.Said, got.Message, visited.Load())
		}
	}
}

// What nobody allows is not asked, and where an allowed name leads is looked at as well.
func TestWhoMayBeAsked(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	only := policy.Effective{HookHosts: []policy.Bound[[]string]{{Value: []string{"gate.{{namespace}}.svc"}, Policy: "tenants"}}}
	for name, tc := range map[string]struct {
		hosts   []string
		deny    []string
		demands policy.Effective
		url     string
		want    string
	}{
		"off":                  {nil, nil, policy.Effective{}, server.URL, "--hook-hosts"},
		"another host":         {[]string{"gate.example.com"}, nil, policy.Effective{}, server.URL, "--hook-hosts: gate.example.com"},
		"another port":         {[]string{"127.0.0.1"}, nil, policy.Effective{}, server.URL, "--hook-hosts"},
		"not by the policy":    {[]string{"127.0.0.1:*"}, nil, only, server.URL, "CanaryPolicy tenants"},
		"metadata":             {[]string{"169.254.169.254"}, nil, policy.Effective{}, "http://169.254.169.254/latest", "link-local"},
		"metadata behind IPv6": {[]string{"[::ffff:169.254.169.254]", "169.254.169.254"}, nil, policy.Effective{}, "http://[::ffff:169.254.169.254]/latest", "link-local"},
		"denied":               {[]string{"127.0.0.1:*"}, []string{"127.0.0.0/8"}, policy.Effective{}, server.URL, "denies"},
		"a host that is not":   {[]string{"gate.invalid:*"}, nil, policy.Effective{}, "http://gate.invalid" + port, "its host is not found"},
	} {
		t.Run(name, func(t *testing.T) {
			a := anAsker(func(s *Settings) { s.Hosts, s.DenyAddresses = tc.hosts, tc.deny })
			got := a.Ask(t.Context(), aRun("shop", "web-x"), tc.demands, aQuestion(tc.url))
			if got.Said != v1alpha1.HookNone || !strings.Contains(got.Message, tc.want) {
				t.Errorf("said %s: %q, want %q", got.Said, got.Message, tc.want)
			}
		})
	}
	if asked.Load() > 0 {
		t.Errorf("asked %d times", asked.Load())
	}
}

// A certificate that nobody vouches for is refused, and the words do not say where the server is.
func TestTLSIsVerified(t *testing.T) {
	server := httptest.NewTLSServer(status(200, ""))
	server.Config.ErrorLog = nil
	defer server.Close()
	got := anAsker().Ask(t.Context(), aRun("shop", "web-x"), policy.Effective{}, aQuestion(server.URL))
	if got.Said != v1alpha1.HookNone || got.Message != "its certificate is not trusted, or is for another name (--hook-ca-file)" {
		t.Errorf("said %s: %q", got.Said, got.Message)
	}
}

// What is sent is what Flagger sends, and what there is of Holdfast; and nothing of Holdfast's own.
func TestWhatIsSent(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	var header http.Header
	var body map[string]any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Method != http.MethodPost || r.URL.RequestURI() != "/check?a=b" {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
	}))
	defer server.Close()
	a := anAsker()
	q := aQuestion(server.URL+"/check?a=b", func(h *v1alpha1.Hook) { h.Metadata = map[string]string{"type": "bash", "cmd": "true"} })
	for range 2 {
		if got := a.Ask(t.Context(), aRun("shop", "web-x"), policy.Effective{}, q); got.Said != v1alpha1.HookYes {
			t.Fatalf("said %s: %q", got.Said, got.Message)
		}
		want := map[string]any{
			"name": "web", "namespace": "shop", "phase": "Progressing", "checksum": "abc", "metadata": map[string]any{"type": "bash", "cmd": "true"},
			"holdfast": map[string]any{
				"id": "uid-of-web-x/1/ship/0/1772366400", "hook": "ship", "type": "ConfirmPromotion", "run": "web-x",
				"phase": "Paused", "reason": "GateClosed", "step": 2., "attempt": 1.,
			},
		}
		if diff := cmp.Diff(want, body); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		for name := range header {
			switch name {
			case "Content-Type", "Content-Length", "User-Agent", "Accept-Encoding":
			default:
				t.Errorf("header %s: %v", name, header[name])
			}
		}
	}
}

func TestFlaggersPhases(t *testing.T) {
	for _, tc := range []struct {
		phase v1alpha1.Phase
		hook  v1alpha1.HookType
		want  string
	}{
		{v1alpha1.PhaseWaiting, v1alpha1.HookConfirmRollout, "Waiting"}, {v1alpha1.PhaseStarting, v1alpha1.HookPreRollout, "Progressing"},
		{v1alpha1.PhaseRunning, v1alpha1.HookRollout, "Progressing"}, {v1alpha1.PhasePaused, v1alpha1.HookConfirmPromotion, "Progressing"},
		{v1alpha1.PhaseReleased, v1alpha1.HookPostRollout, "Succeeded"}, {v1alpha1.PhasePassed, v1alpha1.HookPostRollout, "Succeeded"},
		{v1alpha1.PhaseReverted, v1alpha1.HookPostRollout, "Failed"}, {v1alpha1.PhaseSuperseded, v1alpha1.HookPostRollout, "Terminated"},
	} {
		if got := flaggersPhase(tc.phase, tc.hook); got != tc.want {
			t.Errorf("%s of %s: %s", tc.hook, tc.phase, got)
		}
	}
}

// A question that is under way is not put again; the run is looked at when it is answered; and what was asked
// of a run that is gone, or of another of its name, is nobody's answer.
func TestAQuestionIsPutOnceAtATime(t *testing.T) {
	var asked atomic.Int32
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1); <-release }))
	defer server.Close()
	a, woken := anAsker(), make(chan types.NamespacedName, 10)
	a.Wake = func(run types.NamespacedName) { woken <- run }
	run, q := aRun("shop", "web-x"), aQuestion(server.URL)
	for range 5 {
		a.Put(t.Context(), run, policy.Effective{}, []lifecycle.HookQuestion{q})
	}
	if got := a.Answers(run); len(got) > 0 {
		t.Errorf("answered before it was: %v", got)
	}
	close(release)
	if name := <-woken; name.Name != "web-x" || asked.Load() != 1 {
		t.Errorf("%s was woken, the hook asked %d times", name, asked.Load())
	}
	if got := a.Answers(run)["ship"]; got.Said != v1alpha1.HookYes || got.About != q.About {
		t.Errorf("answered: %+v", got)
	}
	other := aRun("shop", "web-x")
	other.UID = "another"
	if got := a.Answers(other); len(got) > 0 {
		t.Errorf("another run of the name has %v", got)
	}
	a.Forget(types.NamespacedName{Namespace: "shop", Name: "web-x"})
	if got := a.Answers(run); len(got) > 0 {
		t.Errorf("of a run that is gone: %v", got)
	}
	a.Put(t.Context(), run, policy.Effective{}, []lifecycle.HookQuestion{q})
	<-woken
	a.BeginTerm()
	if got := a.Answers(run); len(got) > 0 {
		t.Errorf("of another term: %v", got)
	}
}

// A tenant whose servers hang keeps nobody else from being answered.
func TestAServerThatHangsKeepsItsOwnTenantOnly(t *testing.T) {
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer slow.Close()
	quick := httptest.NewServer(status(200, ""))
	defer quick.Close()
	a := anAsker()
	var all sync.WaitGroup
	for i := range 3 * atOnce {
		all.Go(func() {
			a.Ask(t.Context(), aRun("loud", fmt.Sprint("web-", i)), policy.Effective{}, aQuestion(slow.URL, within(time.Minute)))
		})
	}
	for held := int64(0); held < atOnce/2; held = a.slots.Held()["loud"] {
		time.Sleep(time.Millisecond) // until they hold what they can
	}
	if got := a.Ask(t.Context(), aRun("quiet", "web-x"), policy.Effective{}, aQuestion(quick.URL)); got.Said != v1alpha1.HookYes {
		t.Errorf("said %s: %q", got.Said, got.Message)
	}
	close(release)
	all.Wait()
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	server := httptest.NewServer(status(403, ""))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	a := New(Settings{Hosts: []string{u.Host}}, NewMetrics(registry), nil)
	a.Ask(t.Context(), aRun("shop", "web-x"), policy.Effective{}, aQuestion(server.URL))
	if n := testutil.ToFloat64(a.metrics.answers.WithLabelValues("ConfirmPromotion", "No")); n != 1 {
		t.Errorf("counted %g", n)
	}
	if n, err := testutil.GatherAndCount(registry, "holdfast_hook_answers_total"); err != nil || n != len(v1alpha1.HookTypes)*3 {
		t.Errorf("%d series: %v", n, err)
	}
}
