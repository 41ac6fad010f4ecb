package backends

import (
	"fmt"
	"math"
	"testing"
	"time"

	"holdfast.dev/holdfast/evaluator/measure"
)

// firstIncrements: what increase() makes of a counter that is born at 9, and of one born at 30, and stays so. Built-in queries and
// comparisons count both, on every server; of a query of one's own it depends on the server. VictoriaMetrics counts the first value
// if it is less than ten times the next difference and one (rollupDelta in app/vmselect/promql), Prometheus never, but with
// the flag use-start-timestamps where a start timestamp lies in the window.
func firstIncrements(t *testing.T, e measure.Endpoint, at time.Time, ofNine, ofThirty float64) {
	t.Helper()
	for pod, want := range map[string]float64{"born-a": ofNine, "born-b": ofThirty} {
		answer, err := e.Query(t.Context(), fmt.Sprintf(`increase(http_requests_total{%s=%q,code="500"}[50s])`, e.Labels.Pod, pod), at)
		if err != nil || len(answer.Series) != 1 {
			t.Errorf("increase of the counter of %s: %+v, %v", pod, answer, err)
			continue
		}
		got := answer.Series[0].Value
		t.Logf("increase of the counter of %s: %g", pod, got)
		if math.Abs(got-want) > 0.2*want {
			t.Errorf("increase of the counter of %s is %g, and was known to be %g", pod, got, want)
		}
	}
}
