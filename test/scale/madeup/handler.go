package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// handler answers queries as Prometheus's HTTP API does, and counts them.
type handler struct {
	*http.ServeMux
	engine *promql.Engine
	asked  atomic.Int64
	failed atomic.Int64
}

func newHandler() *handler {
	h := &handler{ServeMux: http.NewServeMux(), engine: promql.NewEngine(promql.EngineOpts{
		MaxSamples: 50_000_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: parser.NewParser(parser.Options{}),
	})}
	h.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	h.HandleFunc("/metrics", h.metrics)
	h.HandleFunc("/api/v1/query", h.query)
	return h
}

// metrics are how many queries were asked, and how many of them could not be answered.
func (h *handler) metrics(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, "# TYPE madeup_queries_total counter\nmadeup_queries_total %d\n", h.asked.Load())
	fmt.Fprintf(w, "# TYPE madeup_queries_failed_total counter\nmadeup_queries_failed_total %d\n", h.failed.Load())
}

type reply struct {
	Status    string `json:"status"`
	Data      any    `json:"data,omitempty"`
	ErrorType string `json:"errorType,omitempty"`
	Error     string `json:"error,omitempty"`
}

type data struct {
	ResultType parser.ValueType `json:"resultType"`
	Result     parser.Value     `json:"result"`
}

func (h *handler) query(w http.ResponseWriter, r *http.Request) {
	h.asked.Add(1)
	w.Header().Set("Content-Type", "application/json")
	result, err := h.answer(r)
	said := reply{Status: "success", Data: result}
	if err != nil {
		h.failed.Add(1)
		fmt.Printf("madeup: %q: %s\n", r.FormValue("query"), err)
		said = reply{Status: "error", ErrorType: "bad_data", Error: err.Error()}
		w.WriteHeader(http.StatusBadRequest)
	}
	_ = json.NewEncoder(w).Encode(said) // who asked has gone
}

func (h *handler) answer(r *http.Request) (*data, error) {
	at := time.Now() // that of whoever says none, as Flagger does
	if text := r.FormValue("time"); text != "" {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("time: %w", err)
		}
		at = time.UnixMilli(int64(seconds * 1000))
	}
	q, err := h.engine.NewInstantQuery(r.Context(), madeUp{}, nil, r.FormValue("query"), at)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	result := q.Exec(r.Context())
	if result.Err != nil {
		return nil, result.Err
	}
	// Copied, for what a query holds is used again when it is closed.
	if vector, ok := result.Value.(promql.Vector); ok {
		result.Value = append(promql.Vector{}, vector...)
	}
	return &data{result.Value.Type(), result.Value}, nil
}
