// Package backtest proves on Prometheus's own engine what holdfast backtest
// finds in recordings of rollouts, and says of them.
package backtest

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
)

// server speaks the part of Prometheus's HTTP API that queries need.
type server struct {
	engine  *promql.Engine
	storage storage.Queryable
}

// serve starts one that has recorded these series.
func serve(t *testing.T, load string) string {
	t.Helper()
	s := server{
		engine: promqltest.NewTestEngineWithOpts(t, promql.EngineOpts{
			MaxSamples: 1e7, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{}),
			NoStepSubqueryIntervalFn: func(int64) int64 { return 60_000 },
		}),
		storage: promqltest.LoadedStorage(t, load),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/query", func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, r, func(ctx context.Context) (promql.Query, error) {
			return s.engine.NewInstantQuery(ctx, s.storage, nil, r.FormValue("query"), at(r, "time"))
		})
	})
	mux.HandleFunc("/api/v1/query_range", func(w http.ResponseWriter, r *http.Request) {
		step, err := strconv.ParseFloat(r.FormValue("step"), 64)
		if err != nil {
			t.Errorf("step: %v", err)
		}
		s.answer(w, r, func(ctx context.Context) (promql.Query, error) {
			return s.engine.NewRangeQuery(ctx, s.storage, nil, r.FormValue("query"), at(r, "start"), at(r, "end"), time.Duration(step*float64(time.Second)))
		})
	})
	listening := httptest.NewServer(mux)
	t.Cleanup(listening.Close)
	return listening.URL
}

func at(r *http.Request, name string) time.Time {
	seconds, err := strconv.ParseFloat(r.FormValue(name), 64)
	if err != nil {
		panic(err) // ends the request
	}
	return time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()
}

func (s server) answer(w http.ResponseWriter, r *http.Request, begin func(context.Context) (promql.Query, error)) {
	q, err := begin(r.Context())
	if err != nil {
		refuse(w, "bad_data", err)
		return
	}
	defer q.Close()
	result := q.Exec(r.Context())
	if result.Err != nil {
		refuse(w, "execution", result.Err)
		return
	}
	body, err := json.Marshal(map[string]any{"status": "success", "data": map[string]any{
		"resultType": result.Value.Type(), "result": result.Value,
	}})
	if err != nil {
		refuse(w, "internal", err)
		return
	}
	_, _ = w.Write(body)
}

func refuse(w http.ResponseWriter, kind string, err error) {
	w.WriteHeader(http.StatusUnprocessableEntity)
	fmt.Fprintf(w, `{"status":"error","errorType":%q,"error":%q}`, kind, err.Error())
}
