package promql

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	testingclock "k8s.io/utils/clock/testing"

	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/query"
)

// counting is a Prometheus that remembers what it is asked. It answers a query
// with one series for each canary named in it.
type counting struct {
	mu      sync.Mutex
	queries []string
	// joint is what it says to joint queries instead.
	joint http.HandlerFunc
}

func (s *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	text := r.Form.Get("query")
	s.mu.Lock()
	s.queries = append(s.queries, text)
	joint := s.joint
	s.mu.Unlock()
	switch {
	case !strings.Contains(text, query.BatchLabel):
		reply200(success("vector", `[{"metric":{"code":"200"},"value":[1,"1"]}]`))(w, r)
	case joint != nil:
		joint(w, r)
	default:
		var series []string
		for i := range 50 {
			prefix := fmt.Sprintf("web-%d-", i)
			if strings.Contains(text, prefix) {
				series = append(series, fmt.Sprintf(`{"metric":{"code":"200","%s":%q},"value":[1,"%d"]}`, query.BatchLabel, prefix, i))
			}
		}
		reply200(success("vector", "["+strings.Join(series, ",")+"]"))(w, r)
	}
}

func (s *counting) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.queries
	s.queries = nil
	return out
}

func share(t testing.TB) (*Client, *counting, *testingclock.FakeClock) {
	s := &counting{}
	address := serve(t, s)
	clock := testingclock.NewFakeClock(noon)
	c, err := New(at(address), NewMetrics(nil), clock)
	if err != nil {
		t.Fatal(err)
	}
	return c, s, clock
}

func errorsOf(canary int) string {
	return fmt.Sprintf(`sum by (code) (rate(errors_total{namespace="shop",pod=~"web-%d-[a-z0-9]+"}[1m]))`, canary)
}

func mustQuery(t testing.TB, c *Client, text string, at time.Time) analysis.Answer {
	t.Helper()
	o, err := c.Query(context.Background(), text, at)
	if err != nil {
		t.Fatal(err)
	}
	if o.Query != text {
		t.Errorf("the answer is to %q, asked was %q", o.Query, text)
	}
	return o
}

func TestIdenticalQueriesAreAskedOnce(t *testing.T) {
	c, s, clock := share(t)
	for range 3 {
		mustQuery(t, c, "up", noon)
	}
	if got := len(s.taken()); got != 1 {
		t.Errorf("asked %d times for one time", got)
	}
	mustQuery(t, c, "up", noon.Add(time.Second))
	if got := len(s.taken()); got != 1 {
		t.Errorf("asked %d times for another time", got)
	}
	clock.Step(keepFor + time.Second)
	mustQuery(t, c, "up", noon)
	if got := len(s.taken()); got != 1 {
		t.Errorf("asked %d times when the answer is old", got)
	}
}

func TestQueriesUnderWayAreJoined(t *testing.T) {
	arrived, release := make(chan struct{}, 10), make(chan struct{})
	c := client(t, at(server(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-release
		reply200(success("scalar", `[1,"1"]`))(w, r)
	})))
	ctx, cancel := context.WithCancel(context.Background())
	first := make(chan error)
	go func() { _, err := c.Query(ctx, "up", noon); first <- err }()
	<-arrived
	second := make(chan analysis.Answer)
	go func() { o, _ := c.Query(context.Background(), "up", noon); second <- o }()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first: %v", err)
	}
	close(release)
	if o := <-second; o.Error != "" || len(o.Series) != 1 {
		t.Errorf("what the first one asked for is not lost for the second: %+v", o)
	}
	if len(arrived) != 0 {
		t.Error("asked twice")
	}
}

func TestErrorsAreNotKept(t *testing.T) {
	broken := client(t, at(server(t, replies(500, ""))))
	for range 2 {
		if mustQuery(t, broken, "up", noon).Error == "" {
			t.Error("no error")
		}
	}
	if broken.breaker.failures != 2 {
		t.Errorf("%d requests, want 2", broken.breaker.failures)
	}
}

func TestQueriesOfSeveralCanariesAreAskedTogether(t *testing.T) {
	c, s, _ := share(t)
	const canaries = 5
	for i := range canaries { // nobody knows of the others yet
		mustQuery(t, c, errorsOf(i), noon)
	}
	if got := len(s.taken()); got != canaries {
		t.Fatalf("asked %d times", got)
	}
	second := noon.Add(time.Minute)
	for i := range canaries {
		o := mustQuery(t, c, errorsOf(i), second)
		want := []analysis.Series{{Labels: `{code="200"}`, Metric: map[string]string{"code": "200"}, Value: float64(i)}}
		if diff := cmp.Diff(want, o.Series); diff != "" {
			t.Errorf("canary %d: -want +got:\n%s", i, diff)
		}
	}
	queries := s.taken()
	if len(queries) != 1 || !strings.Contains(queries[0], "web-0-|web-1-|web-2-|web-3-|web-4-") {
		t.Errorf("asked %q", queries)
	}
	// Who stops asking is not asked for any more, but for one round.
	mustQuery(t, c, errorsOf(1), second.Add(time.Minute))
	mustQuery(t, c, errorsOf(2), second.Add(time.Minute))
	mustQuery(t, c, cut(errorsOf(1)), second.Add(time.Minute)) // of the group, and of no run that is known
	s.taken()
	mustQuery(t, c, errorsOf(1), second.Add(2*time.Minute))
	if queries := s.taken(); len(queries) != 1 || strings.Contains(queries[0], "web-0-") || !strings.Contains(queries[0], "web-1-|web-2-") {
		t.Errorf("asked %q", queries)
	}
}

func cut(query string) string { return strings.Replace(query, "[1m]", "[17s]", 1) }

// TestManyCanariesAreAskedInAsFewRequestsAsTheyTake: who was asked for already takes no place among
// those who are asked for together.
func TestManyCanariesAreAskedInAsFewRequestsAsTheyTake(t *testing.T) {
	c, s, _ := share(t)
	const canaries = 3*maxBatch + 5
	for round, want := range []int{canaries, 4, 4} { // in the first one nobody knows of the others
		for i := range canaries {
			mustQuery(t, c, errorsOf(i), noon.Add(time.Duration(round)*time.Minute))
		}
		if got := len(s.taken()); got != want {
			t.Errorf("round %d: asked %d times, want %d", round, got, want)
		}
	}
}

// TestYoungCanariesAreAskedTogether: their windows grow, and are alike as long as
// they were alike.
func TestYoungCanariesAreAskedTogether(t *testing.T) {
	c, s, _ := share(t)
	for round := range 5 {
		for i := range 3 {
			age := 20 + 15*round
			if i == 2 {
				age += 5 // this one is older
			}
			text := strings.Replace(errorsOf(i), "[1m]", fmt.Sprintf("[%ds]", age), 1)
			o := mustQuery(t, c, text, noon.Add(time.Duration(round)*15*time.Second))
			if round > 0 && i < 2 && (len(o.Series) != 1 || o.Series[0].Value != float64(i)) {
				t.Errorf("round %d, canary %d: %+v", round, i, o)
			}
		}
		want := 2 // those of one age together, the older one alone
		if round == 0 {
			want = 3
		}
		if got := s.taken(); len(got) != want {
			t.Errorf("round %d: asked %q", round, got)
		}
	}
}

func TestWhatIsAskedTogetherIsNoMoreThanWhatWouldBeAskedAlone(t *testing.T) {
	for name, tc := range map[string]struct {
		joint http.HandlerFunc
		again int    // how many of two canaries ask by themselves then
		says  string // the error of the one that asked for both
	}{
		"an error of the query may be another canary's": {replies(422, `{"status":"error","errorType":"execution","error":"many-to-many"}`), 2, ""},
		"so may a warning":                             {reply200(`{"status":"success","warnings":["x"],"data":{"resultType":"vector","result":[]}}`), 2, ""},
		"and an answer that is too large":              {reply200(strings.Repeat(" ", 5<<20)), 2, ""},
		"a server that is down is not asked once more": {replies(502, ""), 1, "HTTP status 502"},
		"a canary without series has no data":          {reply200(success("vector", `[]`)), 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, s, _ := share(t)
			s.joint = tc.joint
			for round := range 3 {
				for i := range 2 {
					o := mustQuery(t, c, errorsOf(i), noon.Add(time.Duration(round)*time.Minute))
					if round == 0 {
						continue // they do not know of each other
					}
					if got := len(o.Series) == 1; got != (i >= 2-tc.again) {
						t.Errorf("round %d, canary %d: %+v", round, i, o)
					}
					if i == 0 && !strings.Contains(o.Error, tc.says) || (o.Error == "") != (i == 1 || tc.says == "") {
						t.Errorf("round %d, canary %d: %+v", round, i, o)
					}
				}
			}
			joint := len(slices.DeleteFunc(s.taken(), func(q string) bool { return !strings.Contains(q, query.BatchLabel) }))
			if want := map[bool]int{true: 1, false: 2}[tc.again == 2]; joint != want {
				t.Errorf("asked together %d times, want %d", joint, want)
			}
		})
	}
}

// BenchmarkRounds is what a Prometheus is asked by 20 runs of one plan with two
// queries, over ten rounds: requests/round.
func BenchmarkRounds(b *testing.B) {
	const runs, rounds = 20, 10
	texts := func(canary int) []string {
		return []string{errorsOf(canary), strings.Replace(errorsOf(canary), "errors_total", "requests_total", 1)}
	}
	for name, shared := range map[string]bool{"alone": false, "shared": true} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				c, s, _ := share(b)
				for round := range rounds {
					at := noon.Add(time.Duration(round) * 30 * time.Second)
					for run := range runs {
						for _, text := range texts(run) {
							if shared {
								mustQuery(b, c, text, at)
							} else {
								c.AsNamespace("").instant(context.Background(), text, at)
							}
						}
					}
				}
				b.ReportMetric(float64(len(s.taken()))/rounds, "requests/round")
			}
		})
	}
}
