package promql

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/evaluator/analysis"
)

func askRange(t *testing.T, address string) analysis.Observation {
	t.Helper()
	c, err := New(address, Options{})
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.QueryRange(context.Background(), "up", noon.Add(-30*time.Second), noon, 15*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestQueryRange(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		want   analysis.Observation // its Error and WrongType are parts of those wanted
	}{
		"series": {
			200, success("matrix", `[{"metric":{"pod":"a"},"values":[[15,"1"],[30,"2"]]}]`),
			analysis.Observation{Series: []analysis.Series{{
				Labels: `{pod="a"}`, Metric: map[string]string{"pod": "a"}, Value: 2,
				Samples: []analysis.Sample{{Time: time.Unix(15, 0), Value: 1}, {Time: time.Unix(30, 0), Value: 2}},
			}}},
		},
		"none":       {200, success("matrix", `[]`), analysis.Observation{}},
		"vector":     {200, success("vector", `[]`), analysis.Observation{WrongType: "without ranges"}},
		"no values":  {200, success("matrix", `[{"metric":{}}]`), analysis.Observation{WrongType: "has no values"}},
		"no time":    {200, success("matrix", `[{"metric":{},"values":[[0,"1"]]}]`), analysis.Observation{WrongType: "sample that has no value"}},
		"histograms": {200, success("matrix", `[{"metric":{},"histograms":[[1,{"count":"1","sum":"1","buckets":[[0,"0","1","1"]]}]]}]`), analysis.Observation{WrongType: "of histograms"}},
		"refused":    {400, `{"status":"error","errorType":"bad_data","error":"exceeded maximum resolution"}`, analysis.Observation{Error: "exceeded maximum resolution"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := askRange(t, server(t, answer(tc.status, tc.body)))
			if !strings.Contains(got.Error, tc.want.Error) || (got.Error == "") != (tc.want.Error == "") ||
				!strings.Contains(got.WrongType, tc.want.WrongType) || (got.WrongType == "") != (tc.want.WrongType == "") {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
			if diff := cmp.Diff(tc.want.Series, got.Series); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestQueryRangeAsksForTheTimes(t *testing.T) {
	var form url.Values
	address := server(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		form = r.Form
		answer(200, success("matrix", `[]`))(w, r)
	})
	askRange(t, address)
	for key, want := range map[string]string{"query": "up", "start": "1772366370", "end": "1772366400", "step": "15"} {
		if got := form.Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}
