package promql

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"holdfast.dev/holdfast/evaluator/analysis"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func server(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func ask(t *testing.T, address string, options Options) analysis.Observation {
	t.Helper()
	c, err := New(address, options)
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.Query(context.Background(), "up", noon)
	if err != nil {
		t.Fatal(err)
	}
	if o.Query != "up" {
		t.Errorf("query %q", o.Query)
	}
	return o
}

func success(kind, result string) string {
	return `{"status":"success","data":{"resultType":"` + kind + `","result":` + result + `}}`
}

func TestQuery(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		want   analysis.Observation // its Error is part of the one wanted
	}{
		"scalar": {200, success("scalar", `[1,"0.5"]`), analysis.Observation{Series: []analysis.Series{{Value: 0.5}}}},
		"vector": {
			200, success("vector", `[{"metric":{"__name__":"up","pod":"a"},"value":[1,"1"]},{"metric":{},"value":[1,"NaN"]}]`),
			analysis.Observation{Series: []analysis.Series{{Labels: `up{pod="a"}`, Metric: map[string]string{"__name__": "up", "pod": "a"}, Value: 1}, {Labels: `{}`, Metric: map[string]string{}, Value: math.NaN()}}},
		},
		"infinities": {
			200, success("vector", `[{"metric":{},"value":[1,"+Inf"]},{"metric":{},"value":[1,"-Inf"]}]`),
			analysis.Observation{Series: []analysis.Series{{Labels: `{}`, Metric: map[string]string{}, Value: math.Inf(1)}, {Labels: `{}`, Metric: map[string]string{}, Value: math.Inf(-1)}}},
		},
		"empty vector": {200, success("vector", `[]`), analysis.Observation{}},
		"matrix":       {200, success("matrix", `[{"metric":{},"values":[[1,"1"]]}]`), analysis.Observation{WrongType: "matrix"}},
		"string":       {200, success("string", `[1,"x"]`), analysis.Observation{Error: "the answer of Prometheus cannot be read: "}},
		"histogram": {
			200, success("vector", `[{"metric":{},"value":[1,"1"]},{"metric":{},"histogram":[1,{"count":"1","sum":"1","buckets":[[0,"0","1","1"]]}]}]`),
			analysis.Observation{WrongType: "vector of histograms"},
		},
		"warnings": {
			200, `{"status":"success","warnings":["slow"],"data":{"resultType":"scalar","result":[1,"1"]}}`,
			analysis.Observation{Series: []analysis.Series{{Value: 1}}, Warnings: []string{"slow"}},
		},
		"bad query":          {400, `{"status":"error","errorType":"bad_data","error":"1:3: parse error"}`, analysis.Observation{Error: "Prometheus: bad_data: 1:3: parse error"}},
		"execution":          {422, `{"status":"error","errorType":"execution","error":"many-to-many"}`, analysis.Observation{Error: "Prometheus: execution: many-to-many"}},
		"timeout of its own": {503, `{"status":"error","errorType":"timeout","error":"query timed out"}`, analysis.Observation{Error: "server_error: server error: 503: "}},
		"not there":          {502, `<html>Bad Gateway</html>`, analysis.Observation{Error: "server_error: server error: 502: <html>Bad Gateway"}},
		"no path":            {404, `404 page not found`, analysis.Observation{Error: "client_error: client error: 404"}},
		"redirect":           {302, ``, analysis.Observation{Error: "bad_response"}},
		"no JSON":            {200, `hello`, analysis.Observation{Error: "bad_response"}},
		"half an answer":     {200, `{"status":"success","data":{"resultType":"vector","resu`, analysis.Observation{Error: "bad_response"}},
		"unknown type":       {200, success("cube", `[]`), analysis.Observation{Error: "cannot be read"}},
		"empty":              {200, `{}`, analysis.Observation{Error: "cannot be read"}},
		"null":               {200, success("vector", `[null]`), analysis.Observation{WrongType: "vector with a sample that has no value"}},
		"null for a scalar":  {200, success("scalar", `null`), analysis.Observation{Error: "cannot be read"}},
		"no value":           {200, success("vector", `[{"metric":{}}]`), analysis.Observation{WrongType: "vector with a sample that has no value"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(t, server(t, answer(tc.status, tc.body)), Options{})
			if !strings.Contains(got.Error, tc.want.Error) || (got.Error == "") != (tc.want.Error == "") {
				t.Errorf("error %q, want %q in it", got.Error, tc.want.Error)
			}
			got.Error, tc.want.Error, tc.want.Query = "", "", "up"
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestQueryAsksForTheTime(t *testing.T) {
	var form url.Values
	address := server(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		form = r.Form
		answer(200, success("scalar", `[1,"1"]`))(w, r)
	})
	ask(t, address, Options{Timeout: 3 * time.Second})
	want := url.Values{"query": {"up"}, "time": {"1772366400"}, "timeout": {"3s"}}
	if diff := cmp.Diff(want, form); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestQueryIsGuarded(t *testing.T) {
	t.Run("a large response is an error, not half an answer", func(t *testing.T) {
		body := success("vector", `[{"metric":{},"value":[1,"1"]}`+strings.Repeat(`,{"metric":{},"value":[1,"1"]}`, 1000)+`]`)
		got := ask(t, server(t, answer(200, body)), Options{MaxResponse: 1000})
		if !strings.Contains(got.Error, errTooLarge.Error()) || got.Series != nil {
			t.Errorf("got %+v", got)
		}
		if got := ask(t, server(t, answer(200, body)), Options{MaxResponse: int64(len(body))}); got.Error != "" || len(got.Series) != 1001 {
			t.Errorf("one of just that size: %+v", got.Error)
		}
	})
	t.Run("a redirect is not followed", func(t *testing.T) {
		var asked atomic.Int32
		other := server(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
		got := ask(t, server(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other, http.StatusTemporaryRedirect) }), Options{})
		if got.Error == "" || asked.Load() != 0 {
			t.Errorf("got %+v, %d requests elsewhere", got, asked.Load())
		}
	})
	t.Run("the environment's proxy is not used", func(t *testing.T) {
		t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
		if got := ask(t, server(t, answer(200, success("scalar", `[1,"1"]`))), Options{}); got.Error != "" {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("no answer in time", func(t *testing.T) {
		release := make(chan struct{})
		address := server(t, func(http.ResponseWriter, *http.Request) { <-release })
		defer close(release)
		if got := ask(t, address, Options{Timeout: 20 * time.Millisecond}); got.Error != "Prometheus did not answer within 20ms" {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("nobody listens, and the address is not told", func(t *testing.T) {
		got := ask(t, "http://127.0.0.1:1/secret-path", Options{})
		if !strings.Contains(got.Error, "refused") || strings.Contains(got.Error, "secret-path") {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("an evaluator that stops has observed nothing", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		release := make(chan struct{})
		address := server(t, func(http.ResponseWriter, *http.Request) { cancel(); <-release })
		defer close(release)
		c, err := New(address, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Query(ctx, "up", noon); !errors.Is(err, context.Canceled) || got.Error != "" {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("only so many at once", func(t *testing.T) {
		var now, most atomic.Int32
		address := server(t, func(w http.ResponseWriter, r *http.Request) {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			defer now.Add(-1)
			answer(200, success("scalar", `[1,"1"]`))(w, r)
		})
		c, err := New(address, Options{Concurrency: 2})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		for range 20 {
			go func() { _, err := c.Query(context.Background(), "up", noon); done <- err }()
		}
		for range 20 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if most.Load() > 2 {
			t.Errorf("%d at once", most.Load())
		}
	})
}

func TestWithoutPrometheusEveryQueryIsAnError(t *testing.T) {
	if got := ask(t, "", Options{}); got.Error != errNone.Error() {
		t.Errorf("got %+v", got)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, address := range []string{"prometheus:9090", "file:///etc/passwd", "http://", "http://user:secret@%zz"} {
		if _, err := New(address, Options{}); err == nil || strings.Contains(err.Error(), "secret@") {
			t.Errorf("New(%q) = %v", address, err)
		}
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	ask(t, server(t, answer(400, `{"status":"error","errorType":"bad_data","error":"x"}`)), Options{Registerer: registry})
	want := `
# HELP holdfast_query_errors_total Queries of an analysis that got no answer, by kind of error.
# TYPE holdfast_query_errors_total counter
holdfast_query_errors_total{kind="bad_query"} 1
holdfast_query_errors_total{kind="bad_response"} 0
holdfast_query_errors_total{kind="not_configured"} 0
holdfast_query_errors_total{kind="server"} 0
holdfast_query_errors_total{kind="timeout"} 0
holdfast_query_errors_total{kind="too_large"} 0
holdfast_query_errors_total{kind="unreachable"} 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "holdfast_query_errors_total"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(registry, "holdfast_query_duration_seconds"); n != 1 || err != nil {
		t.Errorf("duration: %d, %v", n, err)
	}
}

// FuzzResponse: no response panics or is taken for values and an error at once.
func FuzzResponse(f *testing.F) {
	for _, seed := range []string{
		success("scalar", `[1,"0.5"]`), success("vector", `[{"metric":{"a":"b"},"value":[1,"NaN"]}]`), success("matrix", `[]`),
		success("vector", `[null]`), success("vector", `null`), success("scalar", `null`), `{"status":"error"}`, `null`, ``,
		success("vector", `[{"histogram":[1,{"buckets":[[9,"1","2","3"]]}]}]`),
	} {
		f.Add(200, seed)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		transport := roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
		})
		c, err := New("http://prometheus", Options{Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		o, err := c.Query(context.Background(), "up", noon)
		if err != nil {
			t.Fatal(err)
		}
		if (o.Error != "" || o.WrongType != "") && o.Series != nil {
			t.Fatalf("both: %+v", o)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (r roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }
