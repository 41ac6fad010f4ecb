package backends

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/measure"
)

// TestWhatComesLateIsMissed without the settings for it, and called late: VictoriaMetrics leaves out the
// newest half a minute, so a canary that is Ready since less has no data.
func TestWhatComesLateIsMissed(t *testing.T) {
	t.Parallel()
	target, begin := application(t)
	config := scrapeConfig(t, target)
	byPrometheus, byVictoria := prometheusServer(t, config), victoriaServer(t, config)
	began := begin()
	time.Sleep(time.Until(began.Add(36 * time.Second)))
	now := time.Now()
	fresh := tried(t, "new", began, 21*time.Second, criteria)
	for _, tc := range []struct{ name, url, settings, want, late string }{
		{"Prometheus", byPrometheus, "", "Passed", ""},
		{"VictoriaMetrics as it comes", byVictoria, "", "NoData DataLate", "set delay: 35s for endpoint default"},
		{"with its latency taken back", byVictoria, settings(shortDelay, latencyTakenBack), "Passed", ""},
		{"with a delay", byVictoria, settings(longDelay), "warming up until 34s", ""},
	} {
		e := measured(t, tc.url, tc.settings)
		t.Logf("%s: the newest sample is %s old, %s at most where the settings are right", tc.name, e.SampleAge.Age, e.SampleAge.Limit())
		if !e.SampleAge.Known || e.SampleAge.IsLate() != (tc.late != "") || tc.late != "" && !strings.Contains(e.SampleAge.Remedy(), tc.late) {
			t.Errorf("%s: %+v: %s", tc.name, e.SampleAge, e.SampleAge.Remedy())
		}
		if got := outcomes(t, e, fresh, now)["success"]; !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
	late := measured(t, byVictoria, "")
	round, err := measure.Observe(t.Context(), tried(t, "good", began, 0, criteria).at(now), lookup{late, "good"}, now, new(measure.Budget).Reserve("shop"))
	if err != nil {
		t.Fatal(err)
	}
	queue := analysis.Judge(v1alpha1.Metric{Name: "queue", Query: "x"}, v1alpha1.MetricStatus{}, now, round.Observations["queue"])
	if !strings.Contains(queue.Message, "what came since was not seen") {
		t.Errorf("of a value of before: %s", queue.Message)
	}
	// The pods of a plan have been there for long, and all is answered: their age tells.
	if age, err := open(t, byVictoria, "").AgeOf(t.Context(), []string{`sum(rate(http_requests_total{pod="good-a"}[20s]))`}, now); err != nil || !age.IsLate() {
		t.Errorf("of the samples of a plan: %+v, %v", age, err)
	}
	showTimes(t, byPrometheus, byVictoria)
}

// measured is an endpoint of which it was measured how late its samples come, as while runs ask it.
func measured(t *testing.T, address, settings string) measure.Endpoint {
	t.Helper()
	e, client := opened(t, shop, address, settings)
	if _, err := e.Query(t.Context(), `sum(http_requests_total)`, time.Now()); err != nil {
		t.Fatal(err)
	}
	client.MeasureSampleAge(t.Context())
	e.SampleAge = client.SampleAge()
	return e
}

// showTimes: the time beside a value is the one that was asked for, on both; the value of timestamp() is that
// of the sample. It asks for now: what VictoriaMetrics leaves out goes by its own clock.
func showTimes(t *testing.T, byPrometheus, byVictoria string) {
	t.Helper()
	for _, tc := range []struct {
		name, address string
		from, to      time.Duration
	}{
		{"Prometheus", byPrometheus, 0, 3 * time.Second},
		{"VictoriaMetrics", byVictoria, 28 * time.Second, 36 * time.Second},
	} {
		now := time.Now()
		beside, _ := instant(t, tc.address, `queue_length{namespace="shop",pod="good-a"}`, now)
		if beside.Sub(now).Abs() > time.Second {
			t.Errorf("%s: beside the value is %s, asked for was %s", tc.name, beside, now)
		}
		_, value := instant(t, tc.address, `timestamp(queue_length{namespace="shop",pod="good-a"})`, now)
		if age := now.Sub(time.UnixMilli(int64(value * 1000))); age < tc.from || age > tc.to {
			t.Errorf("%s: the sample is %s old, want %s to %s", tc.name, age, tc.from, tc.to)
		}
	}
}

// instant is what a server itself says: the time beside the one value, and the value.
func instant(t *testing.T, address, query string, at time.Time) (time.Time, float64) {
	t.Helper()
	form := url.Values{"query": {query}, "time": {strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64)}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/api/v1/query?"+form.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Data.Result) != 1 {
		t.Fatalf("%s: %v: %s", query, err, body)
	}
	value, err := strconv.ParseFloat(fmt.Sprint(answer.Data.Result[0].Value[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	beside, _ := answer.Data.Result[0].Value[0].(float64)
	return time.UnixMilli(int64(beside * 1000)), value
}
