package promql

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/api/resource"

	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/internal/outbound"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func server(t *testing.T, handler http.HandlerFunc) string { return serve(t, handler) }

func serve(t testing.TB, handler http.Handler) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

func reply200(body string) http.HandlerFunc { return replies(200, body) }

func replies(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// at is the endpoint at an address, with defaults but for what a change makes of it.
func at(address string, change ...func(*endpoint.Definition)) endpoint.Definition {
	e := endpoint.Definition{Name: endpoint.Default, Target: outbound.Target{URL: address}}
	for _, c := range change {
		c(&e)
	}
	e.SetDefaults(endpoint.PodLabels{Namespace: "namespace", Pod: "pod"})
	return e
}

func client(t *testing.T, e endpoint.Definition) *Client {
	t.Helper()
	c, err := New(e, NewMetrics(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ask1(t *testing.T, c *Client) analysis.Answer {
	t.Helper()
	o, err := c.Query(context.Background(), "up", noon)
	if err != nil {
		t.Fatal(err)
	}
	if o.Query != "up" {
		t.Errorf("query %q", o.Query)
	}
	return o
}

func askAt(t *testing.T, address string, change ...func(*endpoint.Definition)) analysis.Answer {
	t.Helper()
	return ask1(t, client(t, at(address, change...)))
}

func success(kind, result string) string {
	return `{"status":"success","data":{"resultType":"` + kind + `","result":` + result + `}}`
}

func TestQuery(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		want   analysis.Answer // its Error is part of the one wanted
	}{
		"scalar": {200, success("scalar", `[1,"0.5"]`), analysis.Answer{Type: "scalar", Series: []analysis.Series{{Value: 0.5}}}},
		"vector": {
			200, success("vector", `[{"metric":{"__name__":"up","pod":"a"},"value":[1,"1"]},{"metric":{},"value":[1,"NaN"]}]`),
			analysis.Answer{Type: "vector", Series: []analysis.Series{
				{Labels: `up{pod="a"}`, Value: 1, Metric: map[string]string{"__name__": "up", "pod": "a"}},
				{Labels: `{}`, Value: math.NaN(), Metric: map[string]string{}},
			}},
		},
		"infinities": {
			200, success("vector", `[{"metric":{"a":"b"},"value":[1,"+Inf"]},{"metric":{"a":"c"},"value":[1.5,"-Inf"]}]`),
			analysis.Answer{Type: "vector", Series: []analysis.Series{
				{Labels: `{a="b"}`, Value: math.Inf(1), Metric: map[string]string{"a": "b"}},
				{Labels: `{a="c"}`, Value: math.Inf(-1), Metric: map[string]string{"a": "c"}},
			}},
		},
		"empty vector": {200, success("vector", `[]`), analysis.Answer{Type: "vector"}},
		"matrix":       {200, success("matrix", `[{"metric":{},"values":[[1,"1"]]}]`), analysis.Answer{WrongType: "matrix"}},
		"string":       {200, success("string", `[1,"x"]`), analysis.Answer{WrongType: "string"}},
		"histogram": {
			200, success("vector", `[{"metric":{},"value":[1,"1"]},{"metric":{},"histogram":[1,{"count":"1","sum":"1","buckets":[[0,"0","1","1"]]}]}]`),
			analysis.Answer{WrongType: "vector of histograms"},
		},
		"warnings and infos": {
			200, `{"status":"success","warnings":["slow"],"infos":["odd"],"data":{"resultType":"scalar","result":[1,"1"]}}`,
			analysis.Answer{Type: "scalar", Series: []analysis.Series{{Value: 1}}, Warnings: []string{"slow"}, Infos: []string{"odd"}},
		},
		"infos among the warnings, as Thanos has them": {
			200, `{"status":"success","warnings":["PromQL info: metric might not be a counter","a store is away"],"data":{"resultType":"scalar","result":[1,"1"]}}`,
			analysis.Answer{
				Type: "scalar", Series: []analysis.Series{{Value: 1}}, Warnings: []string{"a store is away"},
				Infos: []string{"PromQL info: metric might not be a counter"},
			},
		},
		"partial, as VictoriaMetrics says it": {
			200, `{"status":"success","isPartial":true,"data":{"resultType":"scalar","result":[1,"1"]}}`,
			analysis.Answer{Type: "scalar", Series: []analysis.Series{{Value: 1}}, Warnings: []string{"the answer is partial"}},
		},
		"bad query":               {400, `{"status":"error","errorType":"bad_data","error":"1:3: parse error"}`, analysis.Answer{Error: "Prometheus: bad_data: 1:3: parse error"}},
		"execution":               {422, `{"status":"error","errorType":"execution","error":"many-to-many"}`, analysis.Answer{Error: "Prometheus: execution: many-to-many"}},
		"timeout of its own":      {503, `{"status":"error","errorType":"timeout","error":"query timed out"}`, analysis.Answer{Error: "Prometheus did not answer within 10s"}},
		"not there":               {502, `<html>Bad Gateway</html>`, analysis.Answer{Error: "Prometheus: HTTP status 502 Bad Gateway"}},
		"too many":                {429, `slow down`, analysis.Answer{Error: "Prometheus: HTTP status 429 Too Many Requests"}},
		"nobody":                  {401, ``, analysis.Answer{Error: "Prometheus refused Holdfast: HTTP status 401 Unauthorized"}},
		"no path":                 {404, `404 page not found`, analysis.Answer{Error: "Prometheus: HTTP status 404"}},
		"redirect":                {302, ``, analysis.Answer{Error: "a redirect (302), which is not followed"}},
		"another success":         {204, ``, analysis.Answer{Error: "HTTP status 204"}},
		"no JSON":                 {200, `hello`, analysis.Answer{Error: "the answer of Prometheus cannot be read"}},
		"half an answer":          {200, `{"status":"success","data":{"resultType":"vector","resu`, analysis.Answer{Error: "cannot be read: it is no JSON, or ends early"}},
		"unknown type":            {200, success("cube", `[]`), analysis.Answer{Error: "cannot be read"}},
		"empty":                   {200, `{}`, analysis.Answer{Error: "cannot be read"}},
		"success without data":    {200, `{"status":"success"}`, analysis.Answer{Error: "cannot be read"}},
		"an error that is a 200":  {200, `{"status":"error","errorType":"internal","error":"x"}`, analysis.Answer{Error: "Prometheus: internal: x"}},
		"a success that is a 400": {400, success("scalar", `[1,"1"]`), analysis.Answer{Error: "HTTP status 400"}},
		"null":                    {200, success("vector", `[null]`), analysis.Answer{WrongType: "vector with a series that is null"}},
		"null for a scalar":       {200, success("scalar", `null`), analysis.Answer{WrongType: "scalar without a value"}},
		"no value":                {200, success("vector", `[{"metric":{}}]`), analysis.Answer{WrongType: "vector with a series that has no value"}},
		"half a value":            {200, success("vector", `[{"metric":{},"value":[1]}]`), analysis.Answer{Error: "cannot be read"}},
		"a value that is none":    {200, success("vector", `[{"metric":{},"value":[1,"x"]}]`), analysis.Answer{Error: `the value of a sample is no number`}},
		"a value without quotes":  {200, success("vector", `[{"metric":{},"value":[1,1]}]`), analysis.Answer{Error: "cannot be read"}},
		"no time":                 {200, success("vector", `[{"metric":{},"value":[null,"1"]}]`), analysis.Answer{Error: "cannot be read"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := askAt(t, server(t, replies(tc.status, tc.body)))
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

func TestQueryRange(t *testing.T) {
	var form url.Values
	address := server(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		form = r.Form
		form.Set("path", r.URL.Path)
		reply200(success("matrix", `[{"metric":{"pod":"a"},"values":[[1772366400,"1"],[1772366415.5,"NaN"]]}]`))(w, r)
	})
	got, err := client(t, at(address)).QueryRange(t.Context(), "up", noon, noon.Add(time.Minute), 1500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	want := analysis.Answer{Query: "up", Type: "matrix", Series: []analysis.Series{{
		Labels: `{pod="a"}`, Metric: map[string]string{"pod": "a"}, Value: math.NaN(),
		Samples: []analysis.Sample{{Time: noon, Value: 1}, {Time: noon.Add(15500 * time.Millisecond), Value: math.NaN()}},
	}}}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	wantForm := url.Values{
		"path": {"/api/v1/query_range"}, "query": {"up"}, "start": {"1772366400"}, "end": {"1772366460"}, "step": {"1.5"}, "timeout": {form.Get("timeout")},
	}
	if diff := cmp.Diff(wantForm, form); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	vector := server(t, reply200(success("vector", `[]`)))
	if got, _ := client(t, at(vector)).QueryRange(t.Context(), "up", noon, noon, time.Second); got.WrongType != "vector" {
		t.Errorf("got %+v", got)
	}
}

func TestQueryAsksForTheTime(t *testing.T) {
	var form url.Values
	var header http.Header
	address := server(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		form, header = r.Form, r.Header
		form.Set("path", r.URL.Path)
		reply200(success("scalar", `[1,"1"]`))(w, r)
	})
	askAt(t, address+"/prefix/", func(e *endpoint.Definition) {
		e.Limits.Timeout.Duration = 1500 * time.Millisecond
		e.Headers = map[string]string{"x-scope-orgid": "shop"}
		e.Arguments = map[string]string{"latency_offset": "1s"}
	})
	want := url.Values{"latency_offset": {"1s"}, "path": {"/prefix/api/v1/query"}, "query": {"up"}, "time": {"1772366400"}, "timeout": {form.Get("timeout")}}
	if diff := cmp.Diff(want, form); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if left, err := strconv.ParseFloat(form.Get("timeout"), 64); err != nil || left <= 0 || left > 1.35 {
		t.Errorf("the server is given %q of 1.5s", form.Get("timeout"))
	}
	if header.Get("X-Scope-OrgID") != "shop" || header.Get("Authorization") != "" {
		t.Errorf("headers %v", header)
	}
}

func TestAServerWithoutPOSTIsAskedByGET(t *testing.T) {
	var methods []string
	address := server(t, func(w http.ResponseWriter, r *http.Request) {
		methods = append(methods, r.Method+" "+r.URL.Query().Get("query"))
		if r.Method != http.MethodGet {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		reply200(success("scalar", `[1,"1"]`))(w, r)
	})
	if got := askAt(t, address); got.Error != "" {
		t.Errorf("got %+v", got)
	}
	if diff := cmp.Diff([]string{"POST ", "GET up"}, methods); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestQueryIsGuarded(t *testing.T) {
	limit := func(bytes int64) func(*endpoint.Definition) {
		return func(e *endpoint.Definition) { e.Limits.MaxResponse = *resource.NewQuantity(bytes, resource.BinarySI) }
	}
	timeout := func(d time.Duration) func(*endpoint.Definition) {
		return func(e *endpoint.Definition) { e.Limits.Timeout.Duration = d }
	}
	t.Run("a large response is an error, not half an answer", func(t *testing.T) {
		body := success("vector", `[{"metric":{},"value":[1,"1"]}`+strings.Repeat(`,{"metric":{},"value":[1,"1"]}`, 1000)+`]`)
		got := askAt(t, server(t, reply200(body)), limit(1024))
		if !strings.Contains(got.Error, errTooLarge.Error()) || got.Series != nil {
			t.Errorf("got %+v", got)
		}
		if got := askAt(t, server(t, reply200(body)), limit(int64(len(body)))); got.Error != "" || len(got.Series) != 1001 {
			t.Errorf("one of just that size: %+v", got.Error)
		}
	})
	t.Run("a small response that unpacks to a large one is a large one", func(t *testing.T) {
		var packed bytes.Buffer
		zip := gzip.NewWriter(&packed)
		_, _ = zip.Write(bytes.Repeat([]byte{' '}, 32<<20))
		_ = zip.Close()
		got := askAt(t, server(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes())
		}))
		if packed.Len() > 1<<16 || !strings.Contains(got.Error, errTooLarge.Error()) {
			t.Errorf("%d bytes: got %+v", packed.Len(), got)
		}
	})
	t.Run("many small series are a large answer", func(t *testing.T) {
		body := vectorOf(20_000, 1)
		got := askAt(t, server(t, reply200(body)))
		if len(body) > endpoint.DefaultMaxResponse/2 || !strings.Contains(got.Error, errTooLarge.Error()) || got.Series != nil {
			t.Errorf("%d bytes: got %d series, %q", len(body), len(got.Series), got.Error)
		}
		if got := askAt(t, server(t, reply200(body)), limit(4*endpoint.DefaultMaxResponse)); got.Error != "" || len(got.Series) != 20_000 {
			t.Errorf("where more may be answered: %d series, %q", len(got.Series), got.Error)
		}
	})
	t.Run("large headers are an error", func(t *testing.T) {
		got := askAt(t, server(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }))
		if !strings.Contains(got.Error, "could not be asked") {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a response that ends in the middle is no answer", func(t *testing.T) {
		got := askAt(t, server(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, success("vector", `[]`))
		}))
		if !strings.Contains(got.Error, "cannot be read: it ends in the middle") {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a redirect is not followed", func(t *testing.T) {
		var asked atomic.Int32
		other := server(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
		got := askAt(t, server(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other, http.StatusTemporaryRedirect) }))
		if got.Error == "" || asked.Load() != 0 {
			t.Errorf("got %+v, %d requests elsewhere", got, asked.Load())
		}
	})
	t.Run("the environment's proxy is not used", func(t *testing.T) {
		t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
		if got := askAt(t, server(t, reply200(success("scalar", `[1,"1"]`)))); got.Error != "" {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("no answer in time", func(t *testing.T) {
		release := make(chan struct{})
		address := server(t, func(http.ResponseWriter, *http.Request) { <-release })
		defer close(release)
		if got := askAt(t, address, timeout(20*time.Millisecond)); got.Error != "Prometheus did not answer within 20ms" {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("an answer that trickles is none in time", func(t *testing.T) {
		release := make(chan struct{})
		address := server(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"status":`)
			_ = http.NewResponseController(w).Flush()
			<-release
		})
		defer close(release)
		if got := askAt(t, address, timeout(100*time.Millisecond)); got.Error != "Prometheus did not answer within 100ms" {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("nobody listens, and the address is not told", func(t *testing.T) {
		got := askAt(t, "http://127.0.0.1:1/secret-path")
		if !strings.Contains(got.Error, "refused") || strings.Contains(got.Error, "secret-path") {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("an evaluator that stops has observed nothing", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		release := make(chan struct{})
		address := server(t, func(http.ResponseWriter, *http.Request) { cancel(); <-release })
		defer close(release)
		if got, err := client(t, at(address)).Query(ctx, "up", noon); !errors.Is(err, context.Canceled) || got.Error != "" {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("a slot that does not come is no silence of the server", func(t *testing.T) {
		c := client(t, at("http://127.0.0.1:1", timeout(100*time.Millisecond), func(e *endpoint.Definition) { e.Limits.Concurrency = 1 }))
		if _, err := c.slots.Take(context.Background(), "other", 1); err != nil { // somebody has it
			t.Fatal(err)
		}
		for range 2 * openAfter {
			if got := ask1(t, c); got.Error != "Prometheus was not asked within 100ms: too many queries at once" {
				t.Fatalf("got %+v", got)
			}
		}
	})
	t.Run("only so many at once", func(t *testing.T) {
		var now, most atomic.Int32
		address := server(t, func(w http.ResponseWriter, r *http.Request) {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			defer now.Add(-1)
			reply200(success("scalar", `[1,"1"]`))(w, r)
		})
		c := client(t, at(address, func(e *endpoint.Definition) { e.Limits.Concurrency = 2 }))
		done := make(chan error)
		for i := range 20 {
			go func() { _, err := c.Query(context.Background(), fmt.Sprintf("up > %d", i), noon); done <- err }()
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
	if got := askAt(t, ""); got.Error != errNone.Error() {
		t.Errorf("got %+v", got)
	}
}
