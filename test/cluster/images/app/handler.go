package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// handler answers as its behaviour says and counts what it answers.
type handler struct {
	behaviour
	errors   spread
	requests *prometheus.CounterVec
	duration prometheus.Histogram
	received received
}

// newHandler serves the page, the probes and the metrics. The start is the time of the call.
func newHandler(b behaviour, now func() time.Time) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	h := &handler{behaviour: b, errors: spread{rate: b.errorRate}}
	h.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "http_requests_total", Help: "Requests to / by status code.",
	}, []string{b.status})
	h.duration = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "http_request_duration_seconds", Help: "Time taken to answer a request to /.", Buckets: prometheus.DefBuckets,
	})
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "app_info", Help: "Always 1; the label is the version.", ConstLabels: prometheus.Labels{"version": b.version},
	})
	info.Set(1)
	registry.MustRegister(h.requests, h.duration, info)
	for _, code := range []int{http.StatusOK, http.StatusInternalServerError} {
		if b.lateSeries {
			break
		}
		h.requests.WithLabelValues(strconv.Itoa(code)) // at 0 from the first scrape, so that rates are never absent
	}

	ready := now().Add(b.readyAfter)
	mux := http.NewServeMux()
	mux.HandleFunc("/", h.page)
	mux.Handle("GET /received", &h.received)
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if b.neverReady || now().Before(ready) {
			http.Error(w, "not ready, as told", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /file/{path...}", readFile)
	mux.HandleFunc("GET /touch/{path...}", touchFile)
	mux.HandleFunc("GET /app-health/{port}/{path...}", askBeside)
	mux.HandleFunc("GET /fail/{share}", h.fail)
	mux.HandleFunc("GET /env/{name}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, os.Getenv(r.PathValue("name"))) })
	mux.HandleFunc("POST "+version, h.answerCall)
	mux.HandleFunc("POST "+watch, h.answerStream)
	mux.HandleFunc("POST /echo", echo)
	mux.Handle("GET /messages", echoMessages)
	mux.HandleFunc("GET /streams/{address}", askStreams)
	mux.HandleFunc("GET /calls/{n}/{gateway}/{host}", makeCalls)
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

// fail changes the error rate while the server runs: an incident begins, or ends.
func (h *handler) fail(w http.ResponseWriter, r *http.Request) {
	rate, err := strconv.ParseFloat(r.PathValue("share"), 64)
	if err != nil || !(rate >= 0 && rate <= 1) {
		http.Error(w, "the share must be from 0 to 1", http.StatusBadRequest)
		return
	}
	h.errors.set(rate)
}

func (h *handler) page(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	h.received.take(r)
	if h.latency > 0 {
		select {
		case <-time.After(h.latency):
		case <-r.Context().Done():
		}
	}
	code := http.StatusOK
	if h.errors.next() {
		code = http.StatusInternalServerError
	}
	h.requests.WithLabelValues(strconv.Itoa(code)).Inc()
	h.duration.Observe(time.Since(began).Seconds())
	w.Header().Set("X-App-Version", h.version)
	w.WriteHeader(code)
	fmt.Fprintf(w, "app %s\n", h.version)
}
