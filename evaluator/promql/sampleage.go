package promql

import (
	"context"
	"net/url"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/query"
)

// How old the newest sample of an endpoint is: it is asked for beside the queries of runs, of an endpoint
// that they ask, and at most so often, however many there are. One that refuses is asked seldom.
const (
	ageEvery  = 30 * time.Second
	ageSeldom = 10 * time.Minute
	// ageKept is how long an answer counts.
	ageKept = 2 * time.Minute
)

// Every server that scrapes has these series, and what was written to it by one that does has them too.
const (
	ofTargets = "up"
	// longAgo finds the newest sample of what has come to a halt, where an instant query finds none any more.
	longAgo = "max(max_over_time(timestamp(up)[1h:1m]))"
)

// sampleAge is what a client knows of it. Its zero value knows nothing and has not been asked for anything.
type sampleAge struct {
	// query is the newest that was asked since; "" if none was.
	query string
	// next is when the age may be asked for again.
	next time.Time
	// found is what it was at a time.
	found analysis.SampleAge
	at    time.Time
}

// due says whether the age is to be asked for now, and of which query's series. It is asked for once then.
func (s *sampleAge) due(now time.Time) (text string, ok bool) {
	if s.query == "" || now.Before(s.next) {
		return "", false
	}
	text, s.query, s.next = s.query, "", now.Add(ageEvery)
	return text, true
}

// asked notes a query of a run.
func (c *Client) asked(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.age.query = text
}

// SampleAge is how old the newest sample was, as far as that is known.
func (c *Client) SampleAge() analysis.SampleAge {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clock.Since(c.age.at) > ageKept {
		return analysis.SampleAge{}
	}
	return c.age.found
}

// MeasureSampleAge asks how old the newest sample is, if anything was asked of the endpoint since and it is
// time. An endpoint that does not say is not known to be late, and no trouble of its queries.
func (c *Client) MeasureSampleAge(ctx context.Context) {
	now := c.clock.Now()
	c.mu.Lock()
	text, due := c.age.due(now)
	resting := c.breaker.open()
	c.mu.Unlock()
	if !due || resting {
		c.forgetAge(now)
		return
	}
	newest, err := c.newest(ctx, text, now)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		ctrl.LoggerFrom(ctx).V(1).Info("age of samples not known", "endpoint", c.endpoint.Name, "why", err.Error())
		c.age.next = now.Add(ageSeldom)
	case newest.IsZero():
		c.age.found, c.age.at = analysis.SampleAge{}, time.Time{}
		c.metrics.forgetAge(c.endpoint.Name)
	default:
		c.age.found, c.age.at = c.ageOf(newest, now), now
		c.metrics.showAge(c.age.found)
	}
}

func (c *Client) ageOf(newest, now time.Time) analysis.SampleAge {
	return analysis.SampleAge{
		Known: true, Age: max(0, now.Sub(newest)), Endpoint: c.endpoint.Name,
		Delay: c.endpoint.Delay.Duration, Scrape: c.endpoint.ScrapeInterval.Duration,
	}
}

// forgetAge takes what nobody has asked for again out of the metrics.
func (c *Client) forgetAge(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.age.at.IsZero() && now.Sub(c.age.at) > ageKept {
		c.age.found, c.age.at = analysis.SampleAge{}, time.Time{}
		c.metrics.forgetAge(c.endpoint.Name)
	}
}

// newest is when the newest sample was taken, of all targets and of what a query asks; zero if there is none.
func (c *Client) newest(ctx context.Context, text string, now time.Time) (time.Time, error) {
	asking, cancel := context.WithTimeout(ctx, c.endpoint.Limits.Timeout.Duration)
	defer cancel()
	for _, text := range []string{query.NewestSample(ofTargets, text), longAgo} {
		found, err := c.timeOf(asking, text, now)
		if err != nil || !found.IsZero() {
			return found, err
		}
	}
	return time.Time{}, nil
}

// timeOf asks a query whose value is a time. It counts among nobody's errors, and not against the endpoint.
func (c *Client) timeOf(ctx context.Context, text string, now time.Time) (time.Time, error) {
	done, err := c.slots.Take(ctx, "", 1)
	if err != nil {
		return time.Time{}, errQueue
	}
	defer done()
	r, err := c.ask(ctx, "/api/v1/query", url.Values{"query": {text}, "time": {seconds(now)}})
	if err != nil {
		return time.Time{}, err
	}
	if len(r.Warnings) > 0 || r.IsPartial { // there may be a newer one
		return time.Time{}, nil
	}
	var out analysis.Answer
	if err := c.decode(r, func(kind string) bool { return kind == typeVector }, &out); err != nil {
		return time.Time{}, err
	}
	return TimeIn(out), nil
}

// TimeIn is the time that an answer has for its value, in seconds since the Unix epoch; zero if it has none.
func TimeIn(a analysis.Answer) time.Time {
	if len(a.Series) == 0 || !(a.Series[0].Value > 0) || a.Series[0].Value > 1e11 {
		return time.Time{}
	}
	return time.UnixMilli(int64(a.Series[0].Value * 1000)).UTC()
}
