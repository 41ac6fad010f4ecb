package inbound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// serve is a server that has groups taken by a function.
func serve(t *testing.T, take func(context.Context, group) error) (send func(path, token, body string) (int, string), s *Server) {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	close(ready)
	s = &Server{TokenFile: token, Ready: ready, Metrics: NewMetrics(nil)}
	slots := make(chan struct{}, atOnce)
	h := s.byToken(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, slots, take) }))
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return func(path, token, body string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("Authorization", token)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		var text bytes.Buffer
		if _, err := text.ReadFrom(answer.Body); err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, text.String()
	}, s
}

const oneAlert = `{"alerts":[{"status":"firing","labels":{"alertname":"A"}}]}`

// Alertmanager sends again what was answered by 5xx, and nothing else.
func TestWhatIsAnswered(t *testing.T) {
	var fail error
	taken := 0
	send, s := serve(t, func(_ context.Context, g group) error { taken += len(g.Alerts); return fail })
	for name, tc := range map[string]struct {
		token, body string
		fail        error
		status      int
		words       string
	}{
		"an alert":              {"Bearer secret", oneAlert, nil, 200, ""},
		"no token":              {"", oneAlert, nil, 401, "--alerts-token-file"},
		"another token":         {"Bearer Secret", oneAlert, nil, 401, "--alerts-token-file"},
		"another scheme":        {"Basic secret", oneAlert, nil, 401, "--alerts-token-file"},
		"no JSON":               {"Bearer secret", "{", nil, 400, "read the payload"},
		"no alerts":             {"Bearer secret", "{}", nil, 400, "webhook_configs"},
		"too many":              {"Bearer secret", `{"alerts":[` + strings.Repeat("{},", maxAlerts) + `{}]}`, nil, 400, "max_alerts"},
		"too large":             {"Bearer secret", strings.Repeat(" ", maxBody+1), nil, 413, "max_alerts"},
		"it could not be noted": {"Bearer secret", oneAlert, errors.New("etcd is away"), 503, "send it again"},
	} {
		t.Run(name, func(t *testing.T) {
			fail, taken = tc.fail, 0
			status, text := send(alertsPath, tc.token, tc.body)
			if status != tc.status || !strings.Contains(text, tc.words) || strings.Contains(text, "etcd") {
				t.Errorf("answered %d %q, want %d with %q", status, text, tc.status, tc.words)
			}
			if (taken > 0) != (tc.status == 200 || tc.fail != nil) {
				t.Errorf("%d alerts were taken", taken)
			}
		})
	}
	if err := os.Remove(s.TokenFile); err != nil {
		t.Fatal(err)
	}
	if status, text := send(alertsPath, "Bearer secret", oneAlert); status != 503 {
		t.Errorf("without a token to compare with the answer is %d %q", status, text)
	}
}

func TestWhoIsBusySaysSo(t *testing.T) {
	hold, begun := make(chan struct{}), make(chan struct{}, atOnce)
	send, _ := serve(t, func(context.Context, group) error { begun <- struct{}{}; <-hold; return nil })
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			if status, text := send(alertsPath, "Bearer secret", oneAlert); status != 200 {
				t.Errorf("one of the first is answered %d %q", status, text)
			}
		})
	}
	for range atOnce {
		<-begun
	}
	if status, text := send(alertsPath, "Bearer secret", oneAlert); status != 503 {
		t.Errorf("one too many is answered %d %q", status, text)
	}
	close(hold)
	all.Wait()
}

func TestBeforeTheRunsAreKnownNothingIsTaken(t *testing.T) {
	send, s := serve(t, func(context.Context, group) error { t.Error("it was taken"); return nil })
	s.Ready = make(chan struct{})
	if status, text := send(alertsPath, "Bearer secret", oneAlert); status != 503 {
		t.Errorf("answered %d %q", status, text)
	}
}

func TestOnlyWhatIsOnIsServed(t *testing.T) {
	ready := make(chan struct{})
	close(ready)
	s := &Server{Judge: &Judge{}, Ready: ready, Metrics: NewMetrics(nil)}
	h := s.handler()
	for request, want := range map[string]int{
		"POST /alerts": 200, "GET /alerts": 405, "POST /kill": 404, "POST /": 404, "GET /metrics": 404,
	} {
		var method, path string
		if _, err := fmt.Sscan(request, &method, &path); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(`{"alerts":[]}`)))
		if w.Code != want {
			t.Errorf("%s is answered %d, want %d", request, w.Code, want)
		}
	}
	if n := testutil.ToFloat64(s.Metrics.groups.WithLabelValues(alertsPath, answerTaken)); n != 1 {
		t.Errorf("%v groups are counted, want 1", n)
	}
	if err := (&Server{}).Check(); err == nil {
		t.Error("a server that knows nobody is let off")
	}
}
