package promql

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/internal/outbound"
)

// heap is what is in use of it.
func heap() int {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc) // #nosec G115 -- of a test
}

// vectorOf is a vector of so many series with so many labels.
func vectorOf(series, labels int) string {
	var out []string
	for i := range series {
		var metric []string
		for l := range labels {
			metric = append(metric, fmt.Sprintf(`"label_%d":"web-1-%d"`, l, i))
		}
		out = append(out, fmt.Sprintf(`{"metric":{%s},"value":[1,"%d"]}`, strings.Join(metric, ","), i))
	}
	return success("vector", "["+strings.Join(out, ",")+"]")
}

// matrixOf is one series of so many samples.
func matrixOf(samples int) string {
	return success("matrix", `[{"metric":{},"values":[`+strings.TrimSuffix(strings.Repeat(`[1772366400,"1"],`, samples), ",")+`]}]`)
}

// TestAnswersTakeLittleMemory: whatever tenants ask for, an endpoint keeps so
// much of it and no more, and nothing of an answer that is not kept.
func TestAnswersTakeLittleMemory(t *testing.T) {
	const series, samples = 200, 4000
	for name, tc := range map[string]struct {
		body  string
		asked int
		want  bool // is kept
	}{
		"large answers":             {vectorOf(25*series, 2), 4, false},
		"answers of many series":    {vectorOf(series, 2), 60, true},
		"answers of many labels":    {vectorOf(series/10, 30), 100, true},
		"answers of many samples":   {matrixOf(samples), 45, true},
		"answers of too many":       {matrixOf(10 * samples), 5, false},
		"small ones, very many":     {success("vector", `[]`), 5000, true},
		"a warning with each":       {strings.Replace(vectorOf(1, 1), `{`, `{"warnings":["`+strings.Repeat("x", 1000)+`"],`, 1), 4000, true},
		"errors, and what they say": {`{"status":"error","errorType":"execution","error":"` + strings.Repeat("x", 100_000) + `"}`, 200, false},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := New(at("http://prometheus.test"), NewMetrics(nil), nil)
			if err != nil {
				t.Fatal(err)
			}
			before := heap()
			for i := range tc.asked {
				a := c.shared.join(question{query: fmt.Sprint("up > ", i)}, func(*promise) {})
				c.shared.settle(a, answered(c, fmt.Sprint("up > ", i), tc.body))
			}
			grown := heap() - before
			t.Logf("%d bytes in the heap, %d are counted", grown, c.shared.kept.bytes)
			if grown > keepBytes+keepBytes/4 {
				t.Errorf("%d bytes are kept, want %d at most", grown, keepBytes)
			}
			if kept := len(c.shared.answers); (kept > 0) != tc.want || kept != len(c.shared.kept.order) {
				t.Errorf("%d answers are kept, %d of them in order", kept, len(c.shared.kept.order))
			}
			runtime.KeepAlive(c)
		})
	}
}

// answered is what a client makes of a body.
func answered(c *Client, query, body string) answerWithCause {
	o := analysis.Answer{Query: query}
	r, err := read(200, []byte(body))
	if err != nil {
		return c.failed(o, err)
	}
	if err := decode(r.Data, func(string) bool { return true }, 1<<30, &o); err != nil {
		return c.failed(o, err)
	}
	o.Warnings, o.Infos = r.Warnings, r.Infos
	return answerWithCause{Answer: o}
}

func TestWhoWaitsReadsAnAnswerThatIsNotKept(t *testing.T) {
	c := client(t, at(server(t, reply200(vectorOf(2000, 2)))))
	for i := range 2 {
		if o := mustQuery(t, c, "up", noon); len(o.Series) != 2000 || o.Error != "" {
			t.Errorf("question %d: %d series, %q", i, len(o.Series), o.Error)
		}
	}
	if n := len(c.shared.answers); n > 0 {
		t.Errorf("%d are kept", n)
	}
}

// TestAnEndpointThatIsNotAskedLetsGo: nobody has to ask again for that.
func TestAnEndpointThatIsNotAskedLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := testingclock.NewFakeClock(noon)
		all, err := Open("", endpoint.Definition{Target: outbound.Target{URL: "http://prometheus.test"}}, NewMetrics(nil), clock)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = all.Start(ctx) }()
		synctest.Wait()
		s := all.clients[endpoint.Default].shared
		s.settle(s.join(question{query: "up"}, func(*promise) {}), answerWithCause{})
		for _, want := range []int{1, 0} {
			if n := len(s.answers); n != want || len(s.kept.order) != want || (s.kept.bytes > 0) != (want > 0) {
				t.Errorf("%d answers and %d bytes are kept, want %d", n, s.kept.bytes, want)
			}
			clock.Step(keepFor + time.Second)
			synctest.Wait()
		}
	})
}
