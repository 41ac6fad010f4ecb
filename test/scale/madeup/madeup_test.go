package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/internal/query"
)

func TestNamesOf(t *testing.T) {
	for pattern, want := range map[string][]string{
		"web-1-abc":                         {"web-1-abc"},
		"web-1-(?:2xk9c|7wq4z)":             {"web-1-2xk9c", "web-1-7wq4z"},
		"(?:a-1-(?:2xk9c|2xk9d)|b[.]c-1-x)": {"a-1-2xk9c", "a-1-2xk9d", "b.c-1-x"},
		"(?:a-1-2|a-1-23|a-1-24)":           {"a-1-2", "a-1-23", "a-1-24"},
	} {
		got, err := namesOf(pattern)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", pattern, err, diff)
		}
	}
	for _, pattern := range []string{"web-[a-z]+", ".*", strings.Repeat("[0-9]", 5)} {
		if got, err := namesOf(pattern); err == nil {
			t.Errorf("%s stands for %d names, want an error", pattern, len(got))
		}
	}
}

// TestJoinedQueries: what Holdfast asks together is answered for each canary.
func TestJoinedQueries(t *testing.T) {
	h := newHandler()
	for name, tc := range map[string]struct {
		query string
		want  string
	}{
		"a share of errors": {
			`sum(rate(http_requests_total{ {{canary}}, code=~"5.." }[1m])) / sum(rate(http_requests_total{ {{canary}} }[1m]))`, "0.0010",
		},
		"a quantile": {
			`histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{ {{canary}} }[1m])))`, "0.2421",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var pods []string
			var batch query.Batch
			for _, run := range []string{"web-1", "web-2", "api.v2-7"} {
				template, err := query.Parse(tc.query)
				if err != nil {
					t.Fatal(err)
				}
				text, err := template.Render(query.Values{Namespace: "shop", Canary: []string{run}, PodNames: map[string][]string{run: {run + "-2xk9c", run + "-7wq4z"}}})
				if err != nil {
					t.Fatal(err)
				}
				var ok bool
				if batch, ok = query.BatchOf(text, "pod"); !ok {
					t.Fatalf("%s cannot be joined", text)
				}
				pods = append(pods, batch.Pods)
				if diff := cmp.Diff([]string{tc.want}, h.values(t, text)); diff != "" {
					t.Errorf("alone: %s", diff)
				}
			}
			if diff := cmp.Diff([]string{tc.want, tc.want, tc.want}, h.values(t, batch.Join(pods))); diff != "" {
				t.Errorf("joined: %s", diff)
			}
		})
	}
	if asked, failed := h.asked.Load(), h.failed.Load(); asked != 8 || failed != 0 {
		t.Errorf("%d queries, %d failed; want 8 and none", asked, failed)
	}
}

// values are those of the series of an answer, shortened.
func (h *handler) values(t *testing.T, text string) []string {
	t.Helper()
	form := url.Values{"query": {text}, "time": {"1800000000"}}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/query", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var said struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	var out []string
	for _, series := range said.Data.Result {
		var value float64
		if _, err := fmt.Sscan(series.Value[1].(string), &value); err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%.4f", value))
	}
	return out
}

// TestAReplicaSetOfArgoRollouts: its one pod is named by the hash.
func TestAReplicaSetOfArgoRollouts(t *testing.T) {
	const canary = `namespace="shop", rollouts_pod_template_hash="5d8f"`
	query := fmt.Sprintf(`sum(rate(http_requests_total{ %[1]s, code=~"5.." }[1m])) / sum(rate(http_requests_total{ %[1]s }[1m]))`, canary)
	if diff := cmp.Diff([]string{"0.0010"}, newHandler().values(t, query)); diff != "" {
		t.Error(diff)
	}
}

// TestADeploymentOfFlagger: its one pod is named by the label app, and the query says no time.
func TestADeploymentOfFlagger(t *testing.T) {
	const canary = `namespace="shop", app="web-7"`
	query := fmt.Sprintf(`sum(rate(http_requests_total{ %[1]s, code=~"5.." }[1m])) / sum(rate(http_requests_total{ %[1]s }[1m]))`, canary)
	w := httptest.NewRecorder()
	newHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/query?query="+url.QueryEscape(query), nil))
	var said struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || w.Code != http.StatusOK || len(said.Data.Result) != 1 {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	at, isNumber := said.Data.Result[0].Value[0].(float64)
	if now := float64(time.Now().Unix()); !isNumber || at < now-60 || at > now+1 {
		t.Errorf("it is of %v, want of now, %v", said.Data.Result[0].Value[0], now)
	}
}

func TestWhatNamesNoPodsIsRefused(t *testing.T) {
	h := newHandler()
	for _, text := range []string{`up`, `http_requests_total{namespace="shop"}`, `http_requests_total{namespace="shop",pod=~"web-.*"}`} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/query?time=1800000000&query="+url.QueryEscape(text), nil))
		if w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", text, w.Code, w.Body)
		}
	}
}
