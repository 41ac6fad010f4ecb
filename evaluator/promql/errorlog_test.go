package promql

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"
)

// TestTroubleIsLoggedOnce: how much tenants ask makes no difference to the log.
func TestTroubleIsLoggedOnce(t *testing.T) {
	var status atomic.Int32
	address := server(t, func(w http.ResponseWriter, r *http.Request) {
		replies(int(status.Load()), success("scalar", `[1,"1"]`))(w, r)
	})
	clock := testingclock.NewFakeClock(noon)
	c, err := New(at(address), NewMetrics(nil), clock)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		reason string
		after  time.Duration
		status int32
		want   string
	}{
		{"the first one", 0, 502, "HTTP status 502"},
		{"the same", 2 * tellEvery, 502, ""},
		{"another", 0, 503, "HTTP status 503"},
		{"an answer", 0, 200, ""},
		{"the same soon after an answer", tellEvery - 1, 503, ""},
		{"the same some time after an answer", 1, 503, "HTTP status 503"},
		{"another within a minute", tellEvery - 1, 502, ""},
		{"another still", 1, 502, "HTTP status 502"},
		{"a mistake of the query", 2 * tellEvery, 400, ""},
		{"the same after that, which was an answer", 0, 502, "HTTP status 502"},
	} {
		clock.Step(step.after)
		status.Store(step.status)
		_, log := logged(t.Context(), t, c, step.reason)
		if (log == "") != (step.want == "") || !strings.Contains(log, step.want) {
			t.Errorf("%s: logged %q, want %q in it", step.reason, log, step.want)
		}
	}
}
