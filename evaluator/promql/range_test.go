package promql

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/evaluator/analysis"
)

func askRange(t *testing.T, address string) analysis.Answer {
	t.Helper()
	o, err := client(t, at(address)).QueryRange(t.Context(), "up", noon.Add(-30*time.Second), noon, 15*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestRangesAreRead(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		want   analysis.Answer // its Error and WrongType are parts of those wanted
	}{
		"series": {
			200, success("matrix", `[{"metric":{"pod":"a"},"values":[[15,"1"],[30,"2"]]}]`),
			analysis.Answer{Series: []analysis.Series{{
				Labels: `{pod="a"}`, Metric: map[string]string{"pod": "a"}, Value: 2,
				Samples: []analysis.Sample{{Time: time.Unix(15, 0), Value: 1}, {Time: time.Unix(30, 0), Value: 2}},
			}}},
		},
		"none":       {200, success("matrix", `[]`), analysis.Answer{}},
		"vector":     {200, success("vector", `[]`), analysis.Answer{WrongType: "vector"}},
		"no values":  {200, success("matrix", `[{"metric":{}}]`), analysis.Answer{WrongType: "has no value"}},
		"histograms": {200, success("matrix", `[{"metric":{},"histograms":[[1,{"count":"1","sum":"1","buckets":[[0,"0","1","1"]]}]]}]`), analysis.Answer{WrongType: "of histograms"}},
		"refused":    {400, `{"status":"error","errorType":"bad_data","error":"exceeded maximum resolution"}`, analysis.Answer{Error: "exceeded maximum resolution"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := askRange(t, server(t, replies(tc.status, tc.body)))
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
