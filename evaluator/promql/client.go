package promql

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast.dev/holdfast/evaluator/analysis"
)

// Options are the settings of a Client; the zero value of each is its default.
type Options struct {
	// Timeout is for one query, waiting for a turn included; 10s.
	Timeout time.Duration
	// Concurrency is how many queries are asked at once; 8.
	Concurrency int
	// MaxResponse is the largest response that is read, in bytes; 4 MiB.
	MaxResponse int64
	// Transport sends the requests, for TLS and credentials of its own; one
	// without a proxy.
	Transport http.RoundTripper
	// Registerer takes the client's metrics; none are registered without it.
	Registerer prometheus.Registerer
}

func (o *Options) setDefaults() {
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 8
	}
	if o.MaxResponse <= 0 {
		o.MaxResponse = 4 << 20
	}
	if o.Transport == nil {
		o.Transport = &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: o.Concurrency,
			IdleConnTimeout:     90 * time.Second,
			TLSHandshakeTimeout: 5 * time.Second,
		}
	}
}

// Client asks one Prometheus. It is safe for use by several goroutines.
type Client struct {
	api     promv1.API // nil without a Prometheus
	timeout time.Duration
	turns   chan struct{}
	metrics *Metrics
}

// New makes a client of the Prometheus below an http or https URL. With the
// empty URL there is none, and every query ends in an error that says so.
func New(address string, options Options) (*Client, error) {
	options.setDefaults()
	c := &Client{
		timeout: options.Timeout,
		turns:   make(chan struct{}, options.Concurrency),
		metrics: NewMetrics(options.Registerer),
	}
	if address == "" {
		return c, nil
	}
	client, err := newAPI(address, options)
	if err != nil {
		return nil, err
	}
	c.api = client
	return c, nil
}

func newAPI(address string, options Options) (promv1.API, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("URL of Prometheus: %w", unwrapURL(err)) // it may hold a password
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("URL of Prometheus %q: want http://host:port or https://host:port", u.Redacted())
	}
	client, err := api.NewClient(api.Config{
		Address: address,
		Client: &http.Client{
			Transport:     &limited{next: options.Transport, limit: options.MaxResponse},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	})
	if err != nil {
		return nil, fmt.Errorf("client of Prometheus: %w", err)
	}
	return promv1.NewAPI(client), nil
}

// errNone is for queries without a Prometheus to ask.
var errNone = errors.New("no Prometheus is configured; start Holdfast with --prometheus-url")

// Query asks for the value of a query at a time. What goes wrong on the way
// stands in the observation; the error is ctx's alone, and then nothing was observed.
func (c *Client) Query(ctx context.Context, query string, at time.Time) (analysis.Observation, error) {
	asking, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	out := analysis.Observation{Query: query}
	if c.api == nil {
		return c.failed(ctx, out, errNone)
	}
	select {
	case c.turns <- struct{}{}:
		defer func() { <-c.turns }()
	case <-asking.Done():
		return c.failed(ctx, out, asking.Err())
	}
	began := time.Now()
	value, warnings, err := c.api.Query(asking, query, at, promv1.WithTimeout(c.timeout))
	c.metrics.duration.Observe(time.Since(began).Seconds())
	out.Warnings = warnings
	if err != nil {
		return c.failed(ctx, out, err)
	}
	decode(value, &out)
	return out, nil
}

func (c *Client) failed(ctx context.Context, out analysis.Observation, err error) (analysis.Observation, error) {
	if ctx.Err() != nil {
		return analysis.Observation{}, fmt.Errorf("query Prometheus: %w", context.Cause(ctx))
	}
	kind := kindOf(err)
	c.metrics.errors.WithLabelValues(kind).Inc()
	out.Error = message(kind, err, c.timeout)
	return out, nil
}

func message(kind string, err error, timeout time.Duration) string {
	var fromServer *promv1.Error
	switch {
	case kind == kindNone:
		return err.Error()
	case kind == kindTimeout:
		return fmt.Sprintf("Prometheus did not answer within %s", timeout)
	case errors.As(err, &fromServer):
		text := fmt.Sprintf("Prometheus: %s: %s", fromServer.Type, fromServer.Msg)
		if kind != kindBadQuery && fromServer.Detail != "" {
			text += ": " + fromServer.Detail[:min(len(fromServer.Detail), 200)]
		}
		return text
	case kind == kindBadResponse:
		return fmt.Sprintf("the answer of Prometheus cannot be read: %s", err)
	default:
		return fmt.Sprintf("Prometheus could not be asked: %s", unwrapURL(err))
	}
}

// unwrapURL leaves the URL out of the message: it is the admin's, and messages
// are shown to tenants.
func unwrapURL(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}
