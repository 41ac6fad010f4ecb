package promql

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/internal/fair"
	"holdfast.dev/holdfast/internal/outbound/transport"
)

// Client asks one Prometheus. It is safe for use by several goroutines.
type Client struct {
	endpoint endpoint.Definition
	http     *http.Client // nil without a Prometheus
	slots    *fair.Slots
	metrics  *Metrics
	clock    clock.PassiveClock
	shared   *sharing

	mu      sync.Mutex
	breaker breaker
	trouble errorLog
	age     sampleAge
}

// New makes a client of an endpoint, its defaults set. With the empty URL there
// is no Prometheus, and every query ends in an error that says so. The clock is
// the system's if nil. It fails where a file of its TLS settings cannot be read.
func New(e endpoint.Definition, metrics *Metrics, now clock.PassiveClock) (*Client, error) {
	if now == nil {
		now = clock.RealClock{}
	}
	c := &Client{
		endpoint: e, slots: fair.NewSlots(fair.Options{Size: int64(e.Limits.Concurrency), MostWaiting: maxWaiting}), metrics: metrics, clock: now,
		breaker: breaker{jitter: rand.Float64}, // #nosec G404 -- spreads load, guards nothing
	}
	c.shared = newSharing(c)
	metrics.begin(e.Name)
	if e.URL == "" {
		return c, nil
	}
	rt, err := transport.New(e.Target, e.Limits.Timeout.Duration, e.Limits.Concurrency)
	if err != nil {
		return nil, fmt.Errorf("endpoint %q: %w", e.Name, err)
	}
	c.http = &http.Client{Transport: &limited{next: rt, limit: e.Limits.MaxResponse.Value()}, CheckRedirect: transport.NoRedirects}
	return c, nil
}

// Endpoint returns the settings of the endpoint.
func (c *Client) Endpoint() endpoint.Definition { return c.endpoint }

// Close lets go of the connections that wait for a next query. Queries under
// way are answered.
func (c *Client) Close() {
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
}

// Query asks for the value of a query at a time, to the millisecond. What goes
// wrong on the way stands in the observation; the error is ctx's alone, and then
// nothing was observed.
//
// Another run may have asked the same, or may be asked for in the same request;
// the answer is the one that this query alone would have got.
func (c *Client) Query(ctx context.Context, query string, at time.Time) (analysis.Answer, error) {
	return c.AsNamespace("").Query(ctx, query, at)
}

// instant asks for the value of a query at a time, by a request of its own.
func (a Asker) instant(ctx context.Context, query string, at time.Time) answerWithCause {
	return a.observe(ctx, query, "/api/v1/query", url.Values{"query": {query}, "time": {seconds(at)}},
		func(kind string) bool { return kind == typeScalar || kind == typeVector })
}

// answerWithCause is an answer and, where that has an error, what it came from.
type answerWithCause struct {
	analysis.Answer
	err error
}

// maxWaiting is how many queries of one namespace wait for a slot; more are refused at
// once, so that what one tenant asks for is bounded in memory too.
const maxWaiting = 1000

// observe takes a slot, asks and decodes. It ends when the endpoint's timeout does.
func (a Asker) observe(ctx context.Context, query, path string, form url.Values, wanted func(string) bool) answerWithCause {
	c, out := a.Client, analysis.Answer{Query: query}
	if c.http == nil {
		return c.failed(out, errNone)
	}
	asking, cancel := context.WithTimeout(ctx, c.endpoint.Limits.Timeout.Duration)
	defer cancel()
	done, err := c.slots.Take(asking, a.namespace, 1)
	if err != nil {
		return c.failed(out, errQueue)
	}
	defer done()
	if err := c.allow(); err != nil {
		return c.failed(out, err)
	}
	c.asked(out.Query)
	began := c.clock.Now()
	r, err := c.ask(asking, path, form)
	c.metrics.duration.WithLabelValues(c.endpoint.Name).Observe(c.clock.Since(began).Seconds())
	if err == nil {
		err = c.decode(r, wanted, &out)
	}
	if c.learn(err) {
		c.tell(ctx, err)
	}
	out.Warnings, out.Infos = r.Warnings, r.Infos
	if r.IsPartial {
		out.Warnings = append(out.Warnings, "the answer is partial")
	}
	if err != nil {
		return c.failed(out, err)
	}
	return answerWithCause{Answer: out}
}

// maxDecoded is how many bytes the series of an answer may take in memory, unless
// twice the endpoint's limit is more. Small series take ten times what is sent.
const maxDecoded = 8 << 20

// decode turns an answer into series.
func (c *Client) decode(r reply, wanted func(string) bool, out *analysis.Answer) error {
	limit := max(maxDecoded, 2*int(c.endpoint.Limits.MaxResponse.Value()))
	err := decode(r.Data, wanted, limit, out)
	if err != nil && !errors.Is(err, errTooLarge) {
		return &serverError{kindBadResponse, err.Error()}
	}
	return err
}

func (c *Client) allow() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.breaker.allow(c.clock.Now())
}

// learn tells the breaker how a query that it allowed ended, and says whether that
// is to be logged.
func (c *Client) learn(err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, begins := c.clock.Now(), false
	why := message(kindOf(err), endpoint.Default, err, c.endpoint.Limits.Timeout.Duration)
	switch {
	case err != nil && countsAgainst(err):
		c.breaker.failed(now, why)
		begins = c.trouble.begins(now, why)
	case errors.Is(err, transport.ErrCredential):
		c.breaker.answered()
		begins = c.trouble.begins(now, why)
	default:
		c.breaker.answered()
		c.trouble.ends()
	}
	open := 0.0
	if c.breaker.open() {
		open = 1
	}
	c.metrics.open.WithLabelValues(c.endpoint.Name).Set(open)
	return begins
}

func (c *Client) failed(out analysis.Answer, err error) answerWithCause {
	kind := kindOf(err)
	c.metrics.errors.WithLabelValues(c.endpoint.Name, kind).Inc()
	out.Series, out.Type, out.WrongType = nil, "", ""
	out.Error = message(kind, c.endpoint.Name, err, c.endpoint.Limits.Timeout.Duration)
	return answerWithCause{out, err}
}
