package promql

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/evaluator/analysis"
)

// Samples come with the times at which they were scraped, and are asked for once
// by all who ask at one time.
func TestSamplesAreRead(t *testing.T) {
	var asked atomic.Int32
	address := server(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path != "/api/v1/query" || r.FormValue("query") != "r_total[5m]" {
			t.Errorf("asked %s %v", r.URL.Path, r.Form)
		}
		replies(200, success("matrix", `[{"metric":{"pod":"a"},"values":[[15.001,"1"],[30.25,"2"]]}]`))(w, r)
	})
	c := client(t, at(address))
	for range 2 {
		got, err := c.QuerySamples(t.Context(), "r_total[5m]", noon)
		if err != nil {
			t.Fatal(err)
		}
		want := []analysis.Series{{
			Labels: `{pod="a"}`, Metric: map[string]string{"pod": "a"}, Value: 2,
			Samples: []analysis.Sample{{Time: time.UnixMilli(15001), Value: 1}, {Time: time.UnixMilli(30250), Value: 2}},
		}}
		if diff := cmp.Diff(want, got.Series); diff != "" || got.Error != "" || got.Query != "r_total[5m]" {
			t.Errorf("%+v, -want +got:\n%s", got, diff)
		}
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}

// What is no samples is not taken for some, nor kept for those who ask for a value.
func TestSamplesAreNoValues(t *testing.T) {
	c := client(t, at(server(t, replies(200, success("vector", `[{"metric":{},"value":[1,"1"]}]`)))))
	samples, err := c.QuerySamples(t.Context(), "up", noon)
	if err != nil || !strings.Contains(samples.WrongType, "vector") {
		t.Errorf("got %+v, %v", samples, err)
	}
	value, err := c.Query(t.Context(), "up", noon)
	if err != nil || value.WrongType != "" || len(value.Series) != 1 {
		t.Errorf("got %+v, %v", value, err)
	}
}
