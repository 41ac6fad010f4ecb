package notify

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/tell"
)

// receiver is an HTTP server that keeps what it is sent, and answers as it is told to.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
	arrived  chan struct{}
}

// listenAs answers each request by answer, which gets its number from 1.
func listenAs(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, n int)) *receiver {
	t.Helper()
	s := &receiver{arrived: make(chan struct{}, 1000)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.requests, s.bodies = append(s.requests, r), append(s.bodies, string(body))
		n := len(s.bodies)
		s.mu.Unlock()
		answer(w, r, n)
		s.arrived <- struct{}{}
	}))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

func takes(http.ResponseWriter, *http.Request, int) {}

// await waits until as many requests were answered.
func (s *receiver) await(t *testing.T, n int) []string {
	t.Helper()
	for range n {
		select {
		case <-s.arrived:
		case <-t.Context().Done():
			t.Fatal("the test ends")
		case <-time.After(20 * time.Second):
			t.Fatalf("%d requests came, want %d: %v", len(s.seen()), n, s.seen())
		}
	}
	return s.seen()
}

func (s *receiver) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bodies)
}

// open has an outbox deliver to the notifiers of a file, with short pauses.
func open(t *testing.T, text string) (*Outbox, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notifiers.yaml")
	write(t, path, text)
	o, err := Open(path, NewMetrics(prometheus.NewRegistry()), clock.RealClock{})
	if err != nil {
		t.Fatal(err)
	}
	o.pauses = pauses{time.Millisecond, 4 * time.Millisecond}
	var running sync.WaitGroup
	running.Go(func() { _ = o.Start(t.Context()) })
	t.Cleanup(running.Wait)
	return o, path
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var runName = types.NamespacedName{Namespace: "shop", Name: "web-1"}

// happens tells of a transition of run web-1.
func happens(o *Outbox, number int64, kind lifecycle.TransitionKind, message string) {
	run := &v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Namespace: runName.Namespace, Name: runName.Name, UID: "u"}}
	run.Spec.Deployment = "web"
	o.Tell(tell.About{Run: run}, lifecycle.Transition{Number: number, Time: time.Now(), Kind: kind, Message: message})
}

// ids are those of messages, as a webhook without a template has them.
func ids(t *testing.T, bodies []string) string {
	t.Helper()
	var out []string
	for _, body := range bodies {
		var m Message
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		out = append(out, m.ID)
	}
	return strings.Join(out, " ")
}

func webhook(url string) string {
	return "notifiers:\n- {name: ci, kinds: [\"*\"], timeout: 100ms, webhook: {url: '" + url + "'}}\n"
}

func TestAReceiverIsToldInOrderUntilItTakesEach(t *testing.T) {
	s := listenAs(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n == 1 || n == 3 {
			http.Error(w, "busy", http.StatusServiceUnavailable)
		}
	})
	o, _ := open(t, webhook(s.URL))
	woken := make(chan types.NamespacedName, 10)
	o.OnDelivered(func(run types.NamespacedName) { woken <- run })
	happens(o, 1, lifecycle.TransitionStarted, "it starts")
	happens(o, 2, lifecycle.TransitionReverted, "it was worse")
	if got := ids(t, s.await(t, 4)); got != "u/1 u/1 u/2 u/2" {
		t.Errorf("told was %s", got)
	}
	for range 2 {
		if run := <-woken; run != runName {
			t.Errorf("%s is woken", run)
		}
	}
	if got := o.Delivered("u", 2); got != 2 {
		t.Errorf("delivered is all up to %d", got)
	}
}

// TestWhatWasNotTakenStaysInTheLog: the log of a run keeps what one of two receivers does not have yet.
func TestWhatWasNotTakenStaysInTheLog(t *testing.T) {
	let := make(chan struct{})
	slow := listenAs(t, func(w http.ResponseWriter, r *http.Request, n int) {
		select {
		case <-let:
		case <-r.Context().Done(): // the timeout of the notifier
		}
	})
	fast := listenAs(t, takes)
	o, _ := open(t, "notifiers:\n- {name: slow, timeout: 1m, webhook: {url: '"+slow.URL+"'}}\n- {name: fast, webhook: {url: '"+fast.URL+"'}}\n")
	woken := make(chan types.NamespacedName, 10)
	o.OnDelivered(func(run types.NamespacedName) { woken <- run })
	happens(o, 3, lifecycle.TransitionStarted, "nobody wants to know")
	happens(o, 4, lifecycle.TransitionReverted, "one")
	happens(o, 5, lifecycle.TransitionReleased, "two")
	fast.await(t, 2)
	if got := o.Delivered("u", 5); got != 3 {
		t.Errorf("with one that has nothing yet, delivered is all up to %d, want 3", got)
	}
	happens(o, 4, lifecycle.TransitionReverted, "one") // by an evaluator that begins anew
	close(let)
	if got := ids(t, slow.await(t, 2)); got != "u/4 u/5" {
		t.Errorf("the slow one was told %s", got)
	}
	fast.await(t, 1)
	for o.Delivered("u", 5) != 5 {
		<-woken
	}
}

func TestWhatIsRefusedForGoodIsNotSentAgain(t *testing.T) {
	s := listenAs(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		switch n {
		case 1:
			http.Error(w, "no such field", http.StatusBadRequest)
		case 2:
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusFound)
		}
	})
	o, _ := open(t, webhook(s.URL))
	for n := range int64(3) {
		happens(o, n+1, lifecycle.TransitionReverted, "it was worse")
	}
	if got := ids(t, s.await(t, 3)); got != "u/1 u/2 u/3" {
		t.Errorf("told was %s", got)
	}
}

// TestAnAnswerThatIsLost is no answer: the receiver is told again, and knows it by the ID.
func TestAnAnswerThatIsLost(t *testing.T) {
	s := listenAs(t, func(w http.ResponseWriter, r *http.Request, n int) {
		switch n {
		case 1: // the connection ends
			connection, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				connection.Close()
			}
		case 2: // no answer comes
			<-r.Context().Done()
		}
	})
	o, _ := open(t, webhook(s.URL))
	happens(o, 1, lifecycle.TransitionReverted, "it was worse")
	if got := ids(t, s.await(t, 3)); got != "u/1 u/1 u/1" {
		t.Errorf("told was %s", got)
	}
}

func TestAFileThatChanges(t *testing.T) {
	away := listenAs(t, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(http.StatusBadGateway) })
	here := listenAs(t, takes)
	o, path := open(t, webhook(away.URL))
	happens(o, 1, lifecycle.TransitionReverted, "it was worse")
	away.await(t, 2)

	write(t, path, "notifiers: [{name: ci, webhook: {url: nowhere}}]")
	if err := o.Reread(); err == nil || !strings.Contains(err.Error(), "notifiers[0].webhook.url") {
		t.Errorf("a mistake in the file: %v", err)
	}
	write(t, path, webhook(here.URL))
	if err := o.Reread(); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, here.await(t, 1)); got != "u/1" {
		t.Errorf("what waited was not sent to where the receiver is now: %s", got)
	}
}

func TestAReceiverThatIsTakenOutKeepsNothingWaiting(t *testing.T) {
	away := listenAs(t, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(http.StatusBadGateway) })
	o, path := open(t, webhook(away.URL))
	happens(o, 1, lifecycle.TransitionReverted, "it was worse")
	away.await(t, 1)
	if got := o.Delivered("u", 1); got != 0 {
		t.Errorf("delivered is all up to %d", got)
	}
	write(t, path, "notifiers: []")
	if err := o.Reread(); err != nil {
		t.Fatal(err)
	}
	if got := o.Delivered("u", 1); got != 1 {
		t.Errorf("delivered is all up to %d, with nobody to tell", got)
	}
}

func TestABotHasAThreadForEachRun(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	write(t, token, "xoxb-1\n")
	s := listenAs(t, func(w http.ResponseWriter, r *http.Request, n int) {
		switch {
		case r.Header.Get("Authorization") != "Bearer xoxb-1" || r.URL.Path != "/api/chat.postMessage":
			_, _ = io.WriteString(w, `{"ok":false,"error":"not_authed"}`)
		case n == 1: // 200, and not taken
			_, _ = io.WriteString(w, `{"ok":false,"error":"ratelimited"}`)
		default:
			_, _ = io.WriteString(w, `{"ok":true,"ts":"17000.`+string(rune('0'+n))+`"}`)
		}
	})
	o, _ := open(t, "notifiers: [{name: bot, kinds: ['*'], slack: {tokenFile: "+token+", channel: C1, url: '"+s.URL+"/api'}}]")
	happens(o, 1, lifecycle.TransitionStarted, "it starts")
	happens(o, 2, lifecycle.TransitionReverted, "<!channel> & <https://evil.example|click>")
	bodies := s.await(t, 3)
	for i, want := range []string{"", "", "17000.2"} {
		var got struct {
			Channel string `json:"channel"`
			Thread  string `json:"thread_ts"`
			Text    string
		}
		if err := json.Unmarshal([]byte(bodies[i]), &got); err != nil || got.Channel != "C1" || got.Thread != want {
			t.Errorf("request %d: %s, want thread %q", i, bodies[i], want)
		}
		if strings.Contains(got.Text, "<") {
			t.Errorf("the text of others is not escaped: %s", got.Text)
		}
	}
}

func TestASecretURLIsNotInErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "url")
	write(t, path, "http://127.0.0.1:1/services/T0/B0/secret")
	n := &Notifier{Name: "slack", Slack: &Slack{WebhookFile: path}}
	n.setDefaults()
	s, err := newSender(n)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.send(t.Context(), sample); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error is %v", err)
	}
	write(t, path, "https://user:secret@ host/")
	if err := s.send(t.Context(), sample); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error of a URL that is none is %v", err)
	}
	write(t, path, "http://169.254.169.254/services/secret")
	if err := s.send(t.Context(), sample); err == nil || !strings.Contains(err.Error(), "its address is refused") {
		t.Errorf("an address where clouds serve credentials: %v", err)
	}
}
