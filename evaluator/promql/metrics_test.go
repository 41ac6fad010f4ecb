package promql

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetrics(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	metrics := NewMetrics(registry)
	c, err := New(at(server(t, replies(400, `{"status":"error","errorType":"bad_data","error":"x"}`))), metrics, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask1(t, c)
	down, err := New(at(server(t, replies(502, ""))), metrics, nil)
	if err != nil {
		t.Fatal(err)
	}
	down.endpoint.Name = "thanos"
	metrics.begin("thanos")
	for range openAfter + 1 {
		ask1(t, down)
	}
	well, err := New(at(server(t, reply200(success("scalar", `[1,"1"]`)))), metrics, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask1(t, well)
	ask1(t, well)
	_ = mustQuery(t, well, "up", noon.Add(time.Second))
	want := `
# HELP holdfast_query_breaker_open 1 while an endpoint that failed several times in a row is left alone.
# TYPE holdfast_query_breaker_open gauge
holdfast_query_breaker_open{endpoint="default"} 0
holdfast_query_breaker_open{endpoint="thanos"} 1
# HELP holdfast_query_errors_total Queries of an analysis that got no answer, by endpoint and kind of error.
# TYPE holdfast_query_errors_total counter
holdfast_query_errors_total{endpoint="default",kind="bad_query"} 1
holdfast_query_errors_total{endpoint="default",kind="bad_response"} 0
holdfast_query_errors_total{endpoint="default",kind="breaker_open"} 0
holdfast_query_errors_total{endpoint="default",kind="not_configured"} 0
holdfast_query_errors_total{endpoint="default",kind="refused"} 0
holdfast_query_errors_total{endpoint="default",kind="server"} 0
holdfast_query_errors_total{endpoint="default",kind="timeout"} 0
holdfast_query_errors_total{endpoint="default",kind="too_large"} 0
holdfast_query_errors_total{endpoint="default",kind="unreachable"} 0
holdfast_query_errors_total{endpoint="thanos",kind="bad_query"} 0
holdfast_query_errors_total{endpoint="thanos",kind="bad_response"} 0
holdfast_query_errors_total{endpoint="thanos",kind="breaker_open"} 1
holdfast_query_errors_total{endpoint="thanos",kind="not_configured"} 0
holdfast_query_errors_total{endpoint="thanos",kind="refused"} 0
holdfast_query_errors_total{endpoint="thanos",kind="server"} 5
holdfast_query_errors_total{endpoint="thanos",kind="timeout"} 0
holdfast_query_errors_total{endpoint="thanos",kind="too_large"} 0
holdfast_query_errors_total{endpoint="thanos",kind="unreachable"} 0
# HELP holdfast_query_shared_total Queries of an analysis that needed no request of their own, by endpoint and how: identical to another, or batched with others.
# TYPE holdfast_query_shared_total counter
holdfast_query_shared_total{endpoint="default",how="batched"} 0
holdfast_query_shared_total{endpoint="default",how="identical"} 1
holdfast_query_shared_total{endpoint="thanos",how="batched"} 0
holdfast_query_shared_total{endpoint="thanos",how="identical"} 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want),
		"holdfast_query_breaker_open", "holdfast_query_errors_total", "holdfast_query_shared_total"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(registry, "holdfast_query_duration_seconds"); n != 2 || err != nil {
		t.Errorf("%d durations, %v", n, err)
	}
	metrics.end("thanos")
	if n, err := testutil.GatherAndCount(registry, "holdfast_query_breaker_open"); n != 1 || err != nil {
		t.Errorf("%d endpoints, %v", n, err)
	}
}
