package probes_test

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"holdfast.dev/holdfast/evaluator/probes"
	"holdfast.dev/holdfast/internal/probe"
	"holdfast.dev/holdfast/internal/query"
)

var (
	noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	run  = types.NamespacedName{Namespace: "shop", Name: "web-1"}
)

// stage is a reader, pods with probes, and a clock.
type stage struct {
	*testing.T
	clock  *clocktesting.FakePassiveClock
	reader *probes.Reader
	run    probes.ProbedRun

	mu   sync.Mutex
	pods map[string]*pod // by address
}

// pod is one with a probe, served by client_golang as the program does it.
type pod struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	server   *httptest.Server
	// down says that nothing listens; answer is given in place of the metrics.
	down   bool
	answer http.HandlerFunc
}

func newStage(t *testing.T, every time.Duration) *stage {
	s := &stage{T: t, clock: clocktesting.NewFakePassiveClock(noon), pods: map[string]*pod{}}
	s.reader = probes.New(probes.Options{Clock: s.clock, Dial: s.dial})
	s.run = probes.ProbedRun{Name: run, UID: "a", ProbeTimes: query.ProbeTimes{Every: every, Keep: time.Hour}}
	s.reader.Watch(t.Context(), s.run)
	return s
}

// dial connects to the pod that has an address, and tells of any other.
func (s *stage) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, _ := net.SplitHostPort(address)
	s.mu.Lock()
	p := s.pods[host]
	s.mu.Unlock()
	if p == nil || port != fmt.Sprint(probe.MetricsPort) {
		s.Errorf("somebody is called at %s", address)
		return nil, net.ErrClosed
	}
	to := p.server.Listener.Addr().String()
	if p.down {
		to = "127.0.0.1:1"
	}
	return new(net.Dialer).DialContext(ctx, network, to)
}

// add makes a pod with a probe, and has it read.
func (s *stage) add(name string, more ...func(*probes.ProbedPod)) *pod {
	p := &pod{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: probe.RequestsTotal}, []string{probe.PortLabel, probe.CodeLabel, probe.GRPCStatusLabel}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: probe.RequestDuration, Buckets: []float64{0.1, 0.5, 1}}, []string{probe.PortLabel}),
	}
	registry := prometheus.NewRegistry()
	flight := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: probe.RequestsInFlight}, []string{probe.PortLabel})
	flight.WithLabelValues("http").Set(0)
	registry.MustRegister(p.requests, p.duration, flight)
	own := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" {
			s.Errorf("%s is asked for", r.URL)
		}
		if p.answer != nil {
			p.answer(w, r)
			return
		}
		own.ServeHTTP(w, r)
	}))
	s.Cleanup(p.server.Close)
	found := probes.ProbedPod{Name: name, UID: types.UID(name), IP: fmt.Sprintf("10.244.0.%d", len(s.pods)+1), HostIP: "10.0.0.1", IsReady: true}
	for _, edit := range more {
		edit(&found)
	}
	s.mu.Lock()
	s.pods[found.IP] = p
	s.mu.Unlock()
	s.run.Pods = append(s.run.Pods, found)
	s.reader.Watch(s.Context(), s.run)
	return p
}

// request is one that a pod answers.
func (p *pod) request(code string, seconds float64) {
	p.requests.WithLabelValues("http", code, "").Inc()
	p.duration.WithLabelValues("http").Observe(seconds)
}

// pass has time go by, a scrape at each step of it.
func (s *stage) pass(scrapes int, each func()) {
	for range scrapes {
		each()
		s.reader.ReadDue(s.Context())()
		s.clock.SetTime(s.clock.Now().Add(s.run.Every))
	}
}

// now is the time of the newest scrape.
func (s *stage) now() time.Time { return s.clock.Now().Add(-s.run.Every) }

// ask is the only value of a query; an error that has it in it.
func (s *stage) ask(query string) (float64, string) {
	s.Helper()
	e, err := s.reader.Endpoint(run)
	if err != nil {
		s.Fatal(err)
	}
	answer, err := e.Query(s.Context(), query, s.now())
	if err != nil {
		s.Fatal(err)
	}
	if answer.Error != "" || len(answer.Series) == 0 {
		return math.NaN(), answer.Error
	}
	if len(answer.Series) > 1 {
		s.Errorf("%s gives %v", query, answer.Series)
	}
	return answer.Series[0].Value, ""
}

func (s *stage) want(query string, value float64) {
	s.Helper()
	if got, err := s.ask(query); err != "" || math.Abs(got-value) > 1e-9 {
		s.Errorf("%s is %g %s, want %g", query, got, err, value)
	}
}

func (s *stage) wantError(query, text string) {
	s.Helper()
	if got, err := s.ask(query); !strings.Contains(err, text) {
		s.Errorf("%s is %g, error %q, want %q", query, got, err, text)
	}
}

const (
	rate = `sum(rate(holdfast_probe_requests_total{pod=~"web-1-.*"}[1m]))`
	p90  = `histogram_quantile(0.5, sum by (le) (rate(holdfast_probe_request_duration_seconds_bucket{namespace="shop",pod="web-1-a",le!="7"}[1m])))`
)

func TestProbesAreReadAndAnsweredAbout(t *testing.T) {
	s := newStage(t, 5*time.Second)
	a, b := s.add("web-1-a"), s.add("web-1-b")
	s.pass(13, func() {
		for range 10 {
			a.request("200", 0.05)
			b.request("503", 0.7)
		}
	})
	s.want(rate, 4)
	s.want(`sum(rate(holdfast_probe_requests_total{pod=~"web-1-.*",code=~"5.."}[1m]))`, 2)
	s.want(p90, 0.05)
	s.want(`sum(holdfast_probe_request_duration_seconds_bucket{pod="web-1-b",le="1.0"})`, 130)
	s.want(`sum(holdfast_probe_requests_total{pod="web-1-a",namespace="shop",job="holdfast-probe",instance="10.244.0.1"})`, 130)
	s.want(`scalar(sum(holdfast_probe_requests_in_flight))`, 0)
	if got, err := s.ask(`holdfast_probe_requests_total{namespace="other"}`); !math.IsNaN(got) || err != "" {
		t.Errorf("of another namespace: %g %s", got, err)
	}
}

// A probe that begins anew, and a pod that goes, are dealt with as by Prometheus.
func TestResetsAndPodsThatGo(t *testing.T) {
	s := newStage(t, 5*time.Second)
	a, b := s.add("web-1-a"), s.add("web-1-b")
	serve := func() { a.request("200", 0.1); b.request("200", 0.1) }
	s.pass(7, serve)
	a.requests.Reset()
	s.pass(6, serve)
	s.want(rate, 0.4)
	s.run.Pods = s.run.Pods[:1]
	s.reader.Watch(t.Context(), s.run)
	s.pass(1, serve)
	s.want(`count(sum by (pod) (holdfast_probe_requests_total))`, 1)
	s.want(`count(sum by (pod) (rate(holdfast_probe_requests_total[1m])))`, 2)
}

// Some scrapes may be lost. What is lost for longer is no silence of the application.
func TestAProbeThatCannotBeReadIsAnError(t *testing.T) {
	s := newStage(t, 5*time.Second)
	a, b := s.add("web-1-a"), s.add("web-1-b")
	serve := func() { a.request("200", 0.1); b.request("200", 0.1) }
	s.pass(13, serve)
	a.down = true
	a.server.CloseClientConnections()
	s.pass(1, serve)
	if got, err := s.ask(rate); err != "" || got < 0.35 || got > 0.4 {
		t.Errorf("one scrape is lost: %g %s", got, err)
	}
	s.pass(2, serve)
	s.wantError(rate, `the probe of pod web-1-a cannot be read since 2026-03-01T12:01:00Z: nothing listens there (at 10.244.0.1)`)
	s.wantError(`up`+`{pod="x"}`, "")
	s.want(`sum(rate(holdfast_probe_requests_total{pod="web-1-b"}[1m]))`, 0.2)
	a.down = false
	s.pass(1, serve)
	if got, err := s.ask(rate); err != "" || got < 0.3 {
		t.Errorf("when it can be read again: %g %s", got, err)
	}
}

func TestPodsOfTheDeploymentMayLackOne(t *testing.T) {
	s := newStage(t, 5*time.Second)
	stable := func(p *probes.ProbedPod) { p.IsStable = true }
	a, b := s.add("web-1-a", stable), s.add("web-1-b", stable)
	a.down = true
	s.pass(13, func() { b.request("200", 0.1) })
	s.want(rate, 0.2)
	b.down = true
	b.server.CloseClientConnections()
	s.pass(4, func() {})
	s.wantError(rate, "the probe of pod web-1-")
}

func TestAPodThatIsNotReadyIsNoError(t *testing.T) {
	s := newStage(t, 5*time.Second)
	a := s.add("web-1-a")
	s.add("web-1-b", func(p *probes.ProbedPod) { p.IsReady = false }).down = true
	s.pass(13, func() { a.request("200", 0.1) })
	s.want(rate, 0.2)
}

// Whatever a pod serves at the port: it is an error of that pod, and nothing else.
func TestWhateverIsServedThere(t *testing.T) {
	text := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			fmt.Fprint(w, body)
		}
	}
	const flight = "# TYPE holdfast_probe_requests_in_flight gauge\nholdfast_probe_requests_in_flight 0\n"
	const counter = flight + "# TYPE holdfast_probe_requests_total counter\n"
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"another server": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, "status 404"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
		}, "status 302"},
		"no text":            {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, "which is no text of Prometheus"},
		"an endless body":    {func(w http.ResponseWriter, r *http.Request) { endless(w, r) }, "more than 1048576 bytes"},
		"nothing":            {text(""), "it is no probe"},
		"metrics of another": {text("http_requests_total 3\n"), "it is no probe"},
		"a wrong type":       {text(flight + "# TYPE holdfast_probe_requests_total gauge\nholdfast_probe_requests_total 1\n"), "its holdfast_probe_requests_total is no counter"},
		"no number":          {text(counter + "holdfast_probe_requests_total NaN\n"), "NaN is no number"},
		"too large":          {text(counter + "holdfast_probe_requests_total +Inf\n"), "is no number"},
		"negative":           {text(counter + "holdfast_probe_requests_total -1\n"), "is nothing that was counted"},
		"no text format":     {text(counter + "holdfast_probe_requests_total{ 1\n"), "no text of Prometheus"},
		"a long line":        {text(counter + "holdfast_probe_requests_total{code=\"" + strings.Repeat("x", 5000) + "\"} 1\n"), "line of more than"},
		"a long label":       {text(counter + "holdfast_probe_requests_total{code=\"" + strings.Repeat("x", 500) + "\"} 1\n"), "label of more than"},
		"many series":        {text(counter + many(2000)), "more than 1000 series"},
		"many labels":        {text(counter + `holdfast_probe_requests_total{a="1",b="1",c="1",d="1",e="1",f="1",g="1",h="1",i="1"} 1` + "\n"), "more than 8 labels"},
		"a label twice":      {text(counter + `holdfast_probe_requests_total{a="1",a="2"} 1` + "\n"), ""},
		"no bytes":           {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "without an answer"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, 5*time.Second)
			s.add("web-1-a").answer = tc.answer
			s.pass(3, func() {})
			s.wantError(rate, "the probe of pod web-1-a cannot be read since 2026-03-01T12:00:00Z: ")
			s.wantError(rate, tc.want)
		})
	}
}

func endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	for r.Context().Err() == nil {
		if _, err := fmt.Fprintln(w, "holdfast_probe_requests_total 1"); err != nil {
			return
		}
	}
}

func many(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "holdfast_probe_requests_total{code=\"%d\"} 1\n", i)
	}
	return out.String()
}

// A pod cannot say that it is another.
func TestWhoseASeriesIsThePodDoesNotSay(t *testing.T) {
	s := newStage(t, 5*time.Second)
	s.add("web-1-a").answer = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, "# TYPE holdfast_probe_requests_in_flight gauge\nholdfast_probe_requests_in_flight{pod=\"web-2-x\",namespace=\"other\",job=\"j\",instance=\"i\"} 7\n")
	}
	s.pass(1, func() {})
	s.want(`holdfast_probe_requests_in_flight{pod="web-1-a",namespace="shop",job="holdfast-probe",instance="10.244.0.1"}`, 7)
}

// Nobody is called at an address that no pod of its own has, whoever wrote it into a status.
func TestAddressesThatAreNotCalled(t *testing.T) {
	for address, want := range map[string]string{
		"169.254.169.254": "link-local", "127.0.0.1": "loopback", "fd00:ec2::254": "AWS", "10.0.0.1": "hostNetwork", "": "no address yet",
		"example.com": "no address yet", "::ffff:127.0.0.1": "loopback",
	} {
		s := newStage(t, 5*time.Second)
		s.run.Pods = []probes.ProbedPod{{Name: "web-1-a", UID: "a", IP: address, HostIP: "10.0.0.1", IsReady: true}}
		s.reader.Watch(t.Context(), s.run)
		s.pass(3, func() {})
		s.wantError(rate, want)
	}
}

// One that is slow keeps neither the others of its run, nor those of other runs.
func TestASlowProbeKeepsNobody(t *testing.T) {
	s := newStage(t, time.Second)
	slow, quick := s.add("web-1-a"), s.add("web-1-b")
	slow.answer = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	began := time.Now()
	s.pass(1, func() { quick.request("200", 0.1) })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	s.want(`sum(holdfast_probe_requests_total{pod="web-1-b"})`, 1)
	s.pass(2, func() {})
	s.wantError(rate, "it did not answer in time")
}

// What is older than anything looks back to is dropped; another run of the name, and another term, begin
// anew.
func TestWhatIsForgotten(t *testing.T) {
	s := newStage(t, 5*time.Second)
	s.run.Keep = time.Minute
	a := s.add("web-1-a")
	s.pass(400, func() { a.request("200", 0.1) })
	s.want(`count_over_time(holdfast_probe_requests_total{code="200"}[1h]) <= bool 133`, 1) // a chunk is dropped as a whole
	e, err := s.reader.Endpoint(run)
	if err != nil || !e.Since.Equal(noon) || e.ScrapeInterval != 5*time.Second {
		t.Fatalf("%+v, %v", e, err)
	}
	s.reader.BeginTerm()
	if _, err := s.reader.Endpoint(run); err == nil {
		t.Error("a new term knows what the last one read")
	}
	s.reader.Watch(t.Context(), s.run)
	if e, err = s.reader.Endpoint(run); err != nil || !e.Since.Equal(s.clock.Now()) {
		t.Fatalf("%+v, %v", e, err)
	}
	s.reader.Forget(run)
	if _, err := s.reader.Endpoint(run); err == nil {
		t.Error("a run is known that is over")
	}
}

// A run that ends with the term in which it was watched is read no more.
func TestNothingIsReadAfterTheTerm(t *testing.T) {
	s := newStage(t, 5*time.Second)
	term, end := context.WithCancel(t.Context())
	a := s.add("web-1-a")
	s.reader.Watch(term, s.run)
	end()
	a.answer = func(http.ResponseWriter, *http.Request) { t.Error("it was read") }
	s.pass(2, func() {})
}

func TestRangesAndSamples(t *testing.T) {
	s := newStage(t, 5*time.Second)
	a := s.add("web-1-a")
	s.pass(13, func() { a.request("200", 0.1) })
	e, err := s.reader.Endpoint(run)
	if err != nil {
		t.Fatal(err)
	}
	values, err := e.QueryRange(t.Context(), rate, noon.Add(30*time.Second), s.now(), 30*time.Second)
	if err != nil || values.Error != "" || len(values.Series) != 1 || len(values.Series[0].Samples) != 2 || math.Abs(values.Series[0].Value-0.2) > 1e-9 {
		t.Errorf("values %+v, %v", values, err)
	}
	counted, err := e.QuerySamples(t.Context(), `holdfast_probe_requests_total{pod="web-1-a"}[20s]`, s.now())
	if err != nil || counted.Error != "" || len(counted.Series) != 1 || len(counted.Series[0].Samples) != 4 || counted.Series[0].Value != 13 {
		t.Errorf("samples %+v, %v", counted, err)
	}
	for _, query := range []string{`holdfast_probe_requests_total[20s]`, `"text"`} {
		if wrong, err := e.Query(t.Context(), query, s.now()); err != nil || wrong.WrongType == "" {
			t.Errorf("%s: %+v, %v", query, wrong, err)
		}
	}
	if wrong, err := e.Query(t.Context(), `sum(`, s.now()); err != nil || !strings.Contains(wrong.Error, "bad query") {
		t.Errorf("%+v, %v", wrong, err)
	}
	if early, err := e.QueryRange(t.Context(), rate, s.now().Add(time.Minute), s.now(), time.Second); err != nil || early.Error != "" || early.Series != nil {
		t.Errorf("before the first step: %+v, %v", early, err)
	}
}
