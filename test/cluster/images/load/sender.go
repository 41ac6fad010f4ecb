package main

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// target is where to send how much.
type target struct {
	namespace, service, port, path string
	qps                            float64
	timeout                        time.Duration
}

// sender sends the requests and counts what becomes of them.
type sender struct {
	target
	ring    ring
	client  *http.Client
	results *prometheus.CounterVec
}

// Results that are no status code.
const (
	resultNoEndpoint = "no_endpoint"
	resultError      = "error"
)

func newSender(t target, registry prometheus.Registerer) *sender {
	s := &sender{target: t}
	// A connection for each request, as many clients behind kube-proxy would make: kept connections
	// would stick to pods.
	s.client = &http.Client{Timeout: t.timeout, Transport: &http.Transport{DisableKeepAlives: true}}
	s.results = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "load_requests_total", Help: "Requests sent, by status code, or why there was none.",
	}, []string{"result"})
	registry.MustRegister(s.results)
	for _, result := range []string{"200", "500", resultNoEndpoint, resultError} {
		s.results.WithLabelValues(result)
	}
	return s
}

// run sends at the wanted pace whatever the answers take, until ctx ends.
func (s *sender) run(ctx context.Context) {
	tick := time.NewTicker(time.Duration(float64(time.Second) / s.qps))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			go s.send(ctx)
		}
	}
}

func (s *sender) send(ctx context.Context) {
	address, ok := s.ring.next()
	if !ok {
		s.results.WithLabelValues(resultNoEndpoint).Inc()
		return
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+s.path, nil)
	if err != nil {
		s.results.WithLabelValues(resultError).Inc()
		return
	}
	response, err := s.client.Do(request)
	if err != nil {
		if ctx.Err() == nil {
			s.results.WithLabelValues(resultError).Inc()
		}
		return
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body) // the answer's end is the request's
	s.results.WithLabelValues(strconv.Itoa(response.StatusCode)).Inc()
}
