package meter_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"holdfast.dev/holdfast/cmd/holdfast/probe/follow"
	"holdfast.dev/holdfast/cmd/holdfast/probe/meter"
)

func TestWhatIsCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	p := meter.NewMetrics(registry).Port("http")
	for _, r := range []follow.Request{
		{Code: 200}, {Code: 200}, {Code: 503}, {Code: 99}, {Code: 600}, {Code: 0}, {Code: 200, GRPC: follow.GRPCOK}, {Code: 200, GRPC: follow.GRPCOK},
		{Code: 502, GRPC: follow.GRPCUnavailable}, {GRPC: follow.GRPCCancelled},
	} {
		p.Began()
		p.Ended(r)
	}
	p.Began()
	p.Carried(follow.In, 3)
	p.Carried(follow.Out, 4)
	p.Connection(meter.Reset)
	const want = `
# HELP holdfast_probe_bytes_total Bytes of bodies, and of connections that are not read as HTTP, from clients (in) and to them (out).
# TYPE holdfast_probe_bytes_total counter
holdfast_probe_bytes_total{direction="in",port="http"} 3
holdfast_probe_bytes_total{direction="out",port="http"} 4
# HELP holdfast_probe_connections_total Connections that were not read as HTTP, by how they ended: closed, reset by the application, or refused by it.
# TYPE holdfast_probe_connections_total counter
holdfast_probe_connections_total{port="http",result="closed"} 0
holdfast_probe_connections_total{port="http",result="refused"} 0
holdfast_probe_connections_total{port="http",result="reset"} 1
# HELP holdfast_probe_requests_in_flight Requests that are under way.
# TYPE holdfast_probe_requests_in_flight gauge
holdfast_probe_requests_in_flight{port="http"} 1
# HELP holdfast_probe_requests_total Requests that came to their end, by the status of the answer and that of gRPC. 502 is also one that the application broke off or gave none; other is one whose client left before the answer.
# TYPE holdfast_probe_requests_total counter
holdfast_probe_requests_total{code="200",grpc_status="",port="http"} 2
holdfast_probe_requests_total{code="200",grpc_status="OK",port="http"} 2
holdfast_probe_requests_total{code="502",grpc_status="UNAVAILABLE",port="http"} 1
holdfast_probe_requests_total{code="503",grpc_status="",port="http"} 1
holdfast_probe_requests_total{code="other",grpc_status="",port="http"} 3
holdfast_probe_requests_total{code="other",grpc_status="CANCELLED",port="http"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "holdfast_probe_bytes_total", "holdfast_probe_connections_total",
		"holdfast_probe_requests_in_flight", "holdfast_probe_requests_total"); err != nil {
		t.Error(err)
	}
}

// TestDurationsAreOfBothKinds: classic buckets, whose bounds queries name, and native ones.
func TestDurationsAreOfBothKinds(t *testing.T) {
	registry := prometheus.NewRegistry()
	p := meter.NewMetrics(registry).Port("http")
	p.Began()
	p.Ended(follow.Request{Code: 200, Took: 300 * time.Millisecond})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "holdfast_probe_request_duration_seconds" {
			continue
		}
		h := f.GetMetric()[0].GetHistogram()
		below := map[float64]uint64{}
		for _, b := range h.GetBucket() {
			below[b.GetUpperBound()] = b.GetCumulativeCount()
		}
		if below[.25] != 0 || below[.5] != 1 || len(below) != 15 || h.GetSampleCount() != 1 || h.GetSampleSum() != .3 || len(h.GetPositiveSpan()) != 1 {
			t.Errorf("a histogram of %v", h)
		}
		return
	}
	t.Error("there is no histogram")
}
