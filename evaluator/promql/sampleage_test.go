package promql

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	testingclock "k8s.io/utils/clock/testing"

	"holdfast.dev/holdfast/internal/endpoint"
)

// aged is a server whose newest sample was taken at a time.
type aged struct {
	mu     sync.Mutex
	newest time.Time
	halted bool // no instant query finds it any more
	refuse bool
	partly bool     // some of its stores are away
	asked  []string // of the age
}

func (a *aged) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	text := r.PostFormValue("query")
	if !strings.Contains(text, "timestamp(") {
		reply200(success("vector", `[]`))(w, r)
		return
	}
	a.asked = append(a.asked, text)
	found := fmt.Sprintf(`[{"metric":{},"value":[%d,"%d"]}]`, noon.Unix(), a.newest.Unix())
	switch {
	case a.refuse:
		replies(403, "")(w, r)
		return
	case a.newest.IsZero() || a.halted && !strings.Contains(text, "[1h:1m]"):
		found = `[]`
	}
	body := success("vector", found)
	if a.partly {
		body = strings.Replace(body, "{", `{"warnings":["No StoreAPIs matched"],`, 1)
	}
	reply200(body)(w, r)
}

func (a *aged) times() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.asked)
}

func agedClient(t *testing.T, a *aged) (*Client, *testingclock.FakePassiveClock, *prometheus.Registry) {
	t.Helper()
	registry, clock := prometheus.NewPedanticRegistry(), testingclock.NewFakePassiveClock(noon)
	c, err := New(at(serve(t, a), func(e *endpoint.Definition) { e.Delay.Duration = 5 * time.Second }), NewMetrics(registry), clock)
	if err != nil {
		t.Fatal(err)
	}
	return c, clock, registry
}

func TestTheAgeOfSamplesIsMeasuredOfAnEndpointThatIsAsked(t *testing.T) {
	a := &aged{newest: noon.Add(-41 * time.Second)}
	c, clock, registry := agedClient(t, a)
	c.MeasureSampleAge(t.Context())
	if a.times() != 0 || c.SampleAge().Known {
		t.Fatalf("one that is not asked is: %q", a.asked)
	}
	mustQuery(t, c, `sum(rate(x_total{pod="a"}[1m]))`, noon)
	c.MeasureSampleAge(t.Context())
	if age := c.SampleAge(); !age.IsLate() || age.Age != 41*time.Second || age.Limit() != 22*time.Second || age.Endpoint != "default" {
		t.Errorf("%+v", age)
	}
	if want := `max(timestamp(up) or timestamp(x_total{pod="a"}))`; a.asked[0] != want {
		t.Errorf("asked was %s, want %s", a.asked[0], want)
	}
	shown := `
# HELP holdfast_query_sample_age_limit_seconds How old it is at most where the delay and the scrape interval of the endpoint are right.
# TYPE holdfast_query_sample_age_limit_seconds gauge
holdfast_query_sample_age_limit_seconds{endpoint="default"} 22
# HELP holdfast_query_sample_age_seconds How old the newest sample was that an endpoint could be asked for, measured each half minute while it is asked.
# TYPE holdfast_query_sample_age_seconds gauge
holdfast_query_sample_age_seconds{endpoint="default"} 41
`
	names := []string{"holdfast_query_sample_age_seconds", "holdfast_query_sample_age_limit_seconds"}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(shown), names...); err != nil {
		t.Error(err)
	}
	clock.SetTime(noon.Add(ageKept + time.Second))
	if c.MeasureSampleAge(t.Context()); c.SampleAge().Known {
		t.Error("what was measured counts for ever")
	}
	if n, err := testutil.GatherAndCount(registry, names...); n != 0 || err != nil {
		t.Errorf("an endpoint that nobody asks has %d series, %v", n, err)
	}
}

func TestTheAgeOfSamplesIsAskedForSeldom(t *testing.T) {
	a := &aged{newest: noon}
	c, clock, _ := agedClient(t, a)
	for i := range 60 { // seconds, with a query in each
		clock.SetTime(noon.Add(time.Duration(i) * time.Second))
		mustQuery(t, c, fmt.Sprintf("x_%d", i), noon)
		c.MeasureSampleAge(t.Context())
	}
	if a.times() != 2 {
		t.Errorf("in a minute it was asked for %d times", a.times())
	}
	a.refuse = true
	for i := range 10 * 60 {
		clock.SetTime(noon.Add(time.Hour + time.Duration(i)*time.Second))
		mustQuery(t, c, fmt.Sprintf("y_%d", i), noon)
		c.MeasureSampleAge(t.Context())
	}
	if a.times() != 3 || c.SampleAge().Known {
		t.Errorf("one that refuses was asked %d times in ten minutes; known is %+v", a.times()-2, c.SampleAge())
	}
}

func TestWhatHasComeToAHaltIsFoundLongAgo(t *testing.T) {
	a := &aged{newest: noon.Add(-20 * time.Minute), halted: true}
	c, _, _ := agedClient(t, a)
	mustQuery(t, c, "x", noon)
	c.MeasureSampleAge(t.Context())
	if age := c.SampleAge(); age.Age != 20*time.Minute || a.times() != 2 {
		t.Errorf("%+v after %q", age, a.asked)
	}
}

// An endpoint without any sample, be it for lack of rights or of targets, is not called late.
func TestAnEndpointWithoutSamplesIsNotLate(t *testing.T) {
	a := &aged{}
	c, _, registry := agedClient(t, a)
	mustQuery(t, c, "x", noon)
	c.MeasureSampleAge(t.Context())
	if age := c.SampleAge(); age.Known {
		t.Errorf("%+v", age)
	}
	if n, _ := testutil.GatherAndCount(registry, "holdfast_query_sample_age_seconds"); n != 0 {
		t.Error("an age is shown")
	}
}

// Where some of its stores are away, the newest sample may be in those.
func TestAPartialAnswerSaysNothingOfLateness(t *testing.T) {
	a := &aged{newest: noon.Add(-time.Hour), partly: true}
	c, _, _ := agedClient(t, a)
	mustQuery(t, c, "x", noon)
	c.MeasureSampleAge(t.Context())
	if age := c.SampleAge(); age.Known {
		t.Errorf("%+v", age)
	}
}

func TestAskingForTheAgeIsNoErrorOfQueries(t *testing.T) {
	a := &aged{refuse: true}
	c, clock, registry := agedClient(t, a)
	for i := range 2 * openAfter {
		clock.SetTime(noon.Add(time.Duration(i) * time.Hour))
		mustQuery(t, c, fmt.Sprintf("x_%d", i), noon)
		c.MeasureSampleAge(t.Context())
	}
	if a.times() != 2*openAfter {
		t.Errorf("it was asked for %d times", a.times())
	}
	if o := mustQuery(t, c, "last", noon); o.Error != "" {
		t.Errorf("the endpoint is left alone for it: %s", o.Error)
	}
	got, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range got {
		if family.GetName() != "holdfast_query_errors_total" {
			continue
		}
		for _, one := range family.GetMetric() {
			if one.GetCounter().GetValue() != 0 {
				t.Errorf("an error is counted: %s", one)
			}
		}
	}
}
