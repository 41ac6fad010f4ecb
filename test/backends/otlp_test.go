package backends

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"
)

// otlp is what a pod sends, for a time: what it would export, and its durations as a native histogram alone.
func (p pod) otlp(began, now time.Time) *metricspb.ResourceMetrics {
	since := now.Sub(began)
	start, at := uint64(began.Add(p.begins).UnixNano()), uint64(now.UnixNano()) // #nosec G115 -- of this century
	if p.restartsAfter > 0 && since > p.restartsAfter {
		since -= p.restartsAfter
	}
	total := int64((since - p.begins).Seconds() * perSecond)
	bad := int64(float64(total) * p.failing)
	counted := func(code string, n int64) *metricspb.NumberDataPoint {
		point := &metricspb.NumberDataPoint{StartTimeUnixNano: start, TimeUnixNano: at, Value: &metricspb.NumberDataPoint_AsInt{AsInt: n}}
		if code != "" {
			point.Attributes = []*commonpb.KeyValue{attribute("code", code)}
		}
		return point
	}
	requests := []*metricspb.NumberDataPoint{counted("200", total-bad)}
	if p.failing > 0 {
		requests = append(requests, counted("500", bad))
	}
	if p.burst > 0 && since > ofBursts {
		failed := counted("500", int64(p.burst))
		failed.StartTimeUnixNano = uint64(began.Add(ofBursts - time.Second/2).UnixNano()) // #nosec G115 -- of this century
		requests = append(requests, failed)
	}
	duration := &metricspb.ExponentialHistogramDataPoint{
		StartTimeUnixNano: start, TimeUnixNano: at, Count: uint64(total), Sum: proto.Float64(float64(total) * p.takes), // #nosec G115 -- is positive
		Scale: 0, Positive: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: p.bucket(), BucketCounts: []uint64{uint64(total)}}, // #nosec G115 -- is positive
	}
	return &metricspb.ResourceMetrics{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{
			attribute("service.name", "web"), attribute("service.instance.id", p.namespace()+"/"+p.name),
			attribute("k8s.namespace.name", p.namespace()), attribute("k8s.pod.name", p.name),
		}},
		ScopeMetrics: []*metricspb.ScopeMetrics{{Metrics: []*metricspb.Metric{
			sum("http_requests", requests...), sum("jobs", counted("", 0)), sum("jobs_failed", counted("", 0)),
			{Name: "queue_length", Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{counted("", int64(len(p.name)))}}}},
			{Name: "http_request_duration", Unit: "s", Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{
				AggregationTemporality: cumulative, DataPoints: []*metricspb.ExponentialHistogramDataPoint{duration},
			}}},
		}}},
	}
}

const cumulative = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE

// bucket is the power of two below what a request takes.
func (p pod) bucket() int32 {
	if p.takes > 0.5 {
		return -1 // up to 1 s
	}
	return -5 // up to 1/16 s
}

func sum(name string, points ...*metricspb.NumberDataPoint) *metricspb.Metric {
	return &metricspb.Metric{Name: name, Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{IsMonotonic: true, AggregationTemporality: cumulative, DataPoints: points}}}
}

func attribute(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

// otlpServer is a Prometheus that scrapes nothing and takes OTLP, with settings for that.
func otlpServer(t *testing.T, settings string, more ...string) string {
	t.Helper()
	return prometheusServer(t, fileOf(t, "otlp:\n"+settings), append(more, "--web.enable-otlp-receiver")...)
}

// send sends what all pods have each second, to several servers, until a time.
func send(t *testing.T, began, until time.Time, servers ...string) {
	t.Helper()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for now := range second.C {
		if now.After(until) {
			return
		}
		all := &metricspb.MetricsData{} // on the wire the same as an ExportMetricsServiceRequest
		for _, p := range pods {
			if p.isThere(now.Sub(began)) {
				all.ResourceMetrics = append(all.ResourceMetrics, p.otlp(began, now))
			}
		}
		body, err := proto.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		for _, server := range servers {
			post(t, server+"/api/v1/otlp/v1/metrics", body)
		}
	}
}

func post(t *testing.T, address string, body []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		var said bytes.Buffer
		_, _ = said.ReadFrom(response.Body)
		t.Fatalf("it answers %s: %s", response.Status, said.String())
	}
}

// joined are metrics for series whose pod stands on target_info only.
const joined = `
analysis:
  interval: 5s
  period: 1m
  initialDelay: 20s
  metrics:
  - name: error-rate
    query: |
      1 - sum(rate(http_requests_total{code="200"}[20s]) * on (job, instance) group_left () target_info{ {{canary}} })
      / sum(rate(http_requests_total[20s]) * on (job, instance) group_left () target_info{ {{canary}} })
    range: {max: 0.05}
  - name: latency
    query: histogram_quantile(0.9, sum(rate(http_request_duration_seconds[20s]) * on (job, instance) group_left () target_info{ {{canary}} }))
    range: {max: 0.3}
  - name: queue
    query: max(queue_length * on (job, instance) group_left () target_info{ {{canary}} })
    range: {max: 8}
  - name: of-each
    query: sum by (k8s_pod_name) (rate(http_requests_total{code="200"}[20s]) * on (job, instance) group_left (k8s_pod_name) target_info{ {{canary}} })
    per: Pod
    range: {min: 30}
`

// native are queries of a histogram without classic buckets.
const native = `
analysis:
  interval: 5s
  period: 1m
  metrics:
  - name: latency
    query: histogram_quantile(0.9, sum(rate(http_request_duration_seconds{ {{canary}} }[20s])))
    range: {max: 0.3}
  - name: fast
    query: histogram_fraction(0, 0.3, sum(rate(http_request_duration_seconds{ {{canary}} }[20s])))
    range: {min: 0.99}
  - name: compared
    query: histogram_quantile(0.9, sum(rate(http_request_duration_seconds{ {{pods}} }[{{window}}])))
    window: 5s
    compare: {to: Stable, unit: " s"}
`

// TestSeriesThatCameByOTLP are judged as those that were scraped: by labels with dots, with underscores, and
// by target_info.
func TestSeriesThatCameByOTLP(t *testing.T) {
	t.Parallel()
	target, begin := application(t)
	const promoted = "  promote_resource_attributes: [k8s.namespace.name, k8s.pod.name]\n"
	dots := otlpServer(t, "  translation_strategy: NoUTF8EscapingWithSuffixes\n"+promoted)
	underscores := otlpServer(t, promoted)
	alone := otlpServer(t, "  translation_strategy: UnderscoreEscapingWithSuffixes\n")
	byStart := otlpServer(t, promoted, "--enable-feature=st-storage,use-start-timestamps")
	scraped := prometheusServer(t, scrapeConfig(t, target))
	began := begin()
	until := began.Add(75 * time.Second)
	send(t, began, until, dots, underscores, alone, byStart)
	for _, set := range sets {
		want := outcomes(t, open(t, scraped, ""), tried(t, set, began, ready, criteria), until)
		want["slow-compared"] = "NoData NoData" // no classic bucket is there to be counted; it says so
		for name, e := range map[string]struct{ address, labels string }{
			"labels with dots":        {dots, withDots},
			"start timestamps":        {byStart, withUnderscores},
			"labels with underscores": {underscores, withUnderscores},
		} {
			t.Run(set+" by "+name, func(t *testing.T) {
				agree(t, outcomes(t, open(t, e.address, settings(e.labels)), tried(t, set, began, ready, criteria), until), want)
			})
		}
		t.Run(set+" by a native histogram", func(t *testing.T) {
			got := outcomes(t, open(t, dots, settings(withDots)), tried(t, set, began, ready, native), until)
			agree(t, got, map[string]string{
				"compared": map[bool]string{false: "Passed NotWorse", true: "Failed Worse"}[set == "slow"],
				"latency":  want["latency"], "fast": map[bool]string{false: "Passed InRange", true: "Failed BelowMin"}[set == "slow"],
			})
		})
		t.Run(set+" by target_info", func(t *testing.T) {
			got := outcomes(t, open(t, alone, settings(withUnderscores)), tried(t, set, began, ready, joined), until)
			agree(t, got, map[string]string{
				"error-rate": want["error-rate"], "queue": want["queue"],
				"latency": want["latency"], "of-each": map[bool]string{false: "Passed InRange", true: "Failed BelowMin"}[set == "bad" || set == "sick" || set == "worse"],
			})
		})
	}
	firstIncrements(t, open(t, byStart, settings(withUnderscores)), until, 9, 30)
	// There is no up, and how late samples come is known by what is asked.
	e, client := opened(t, shop, dots, settings(withDots))
	if _, err := e.Query(t.Context(), `sum({"http_requests_total","k8s.pod.name"="good-a"})`, time.Now()); err != nil {
		t.Fatal(err)
	}
	client.MeasureSampleAge(t.Context())
	if age, silent := client.SampleAge(), time.Since(until); !age.Known || age.Age > silent+10*time.Second {
		t.Errorf("how late samples come, %s after the last: %+v", silent, age)
	}
}
