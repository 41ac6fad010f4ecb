package promql

import (
	"context"
	"fmt"
	"sync"
	"time"

	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/query"
)

// question is one thing that can be asked.
type question struct {
	query    string
	from, to int64 // in milliseconds; equal for an instant query
	step     time.Duration
	samples  bool // as they were scraped
}

// promise is what was asked for, by now or soon.
type promise struct {
	question question
	// done is closed when answer is there, or alone is set: it could not be
	// found together with others, and must be asked for by itself.
	done    chan struct{}
	answer  answerWithCause
	alone   bool
	batched bool // it is asked for together with others

	// came is when it was there, bytes what it takes; both are those of kept.
	came  time.Time
	bytes int
}

// sharing keeps a client from asking twice. It is safe for use by several goroutines.
type sharing struct {
	c    *Client
	read *query.Batcher

	mu sync.Mutex
	// answers are those under way and those of kept. Any other is held by those
	// alone who wait for it.
	answers map[question]*promise
	kept    kept
	batches batches
}

func newSharing(c *Client) *sharing {
	return &sharing{c: c, read: query.NewBatcher(c.endpoint.Labels.Pod), answers: map[question]*promise{}, batches: newBatches()}
}

// query answers an instant query.
func (s *sharing) query(ctx context.Context, by Asker, text string, at time.Time) (analysis.Answer, error) {
	k := question{query: text, from: at.UnixMilli(), to: at.UnixMilli()}
	alone := func(a *promise) {
		s.run(a, func() answerWithCause { return by.instant(context.WithoutCancel(ctx), text, at) })
	}
	first := alone
	if one, ok := s.read.Batch(text); ok {
		last := s.note(one, at)
		first = func(a *promise) { s.start(ctx, by, a, one, last, at) }
	}
	a := s.join(k, first)
	out, err := s.wait(ctx, a)
	for err == nil && a.alone {
		a = s.join(k, alone)
		out, err = s.wait(ctx, a)
	}
	return out, err
}

func (s *sharing) note(one query.Batch, at time.Time) ask {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.batches.note(one, at)
}

// queryRange answers a range query, which is shared with identical ones only.
func (s *sharing) queryRange(ctx context.Context, by Asker, text string, from, to time.Time, step time.Duration) (analysis.Answer, error) {
	k := question{query: text, from: from.UnixMilli(), to: to.UnixMilli(), step: step}
	return s.wait(ctx, s.join(k, func(a *promise) {
		s.run(a, func() answerWithCause { return by.ranged(context.WithoutCancel(ctx), text, from, to, step) })
	}))
}

// querySamples answers a query for samples, which is shared the same way.
func (s *sharing) querySamples(ctx context.Context, by Asker, text string, at time.Time) (analysis.Answer, error) {
	k := question{query: text, from: at.UnixMilli(), to: at.UnixMilli(), samples: true}
	return s.wait(ctx, s.join(k, func(a *promise) {
		s.run(a, func() answerWithCause { return by.sampled(context.WithoutCancel(ctx), text, at) })
	}))
}

// join returns the answer to a key, and has it asked for where nobody did so.
// start is called with the lock held and must not wait.
func (s *sharing) join(k question, start func(*promise)) *promise {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
	if a, ok := s.answers[k]; ok {
		how := sharedIdentical
		if a.batched {
			how = sharedBatched
		}
		s.c.metrics.shared.WithLabelValues(s.c.endpoint.Name, how).Inc()
		return a
	}
	a := s.expect(k)
	start(a)
	return a
}

// expect makes room for an answer that is asked for now.
func (s *sharing) expect(k question) *promise {
	a := &promise{question: k, done: make(chan struct{})}
	s.answers[k] = a
	return a
}

// run asks in the background: an answer is for everybody who waits for it, and
// does not end with the first of them. The endpoint's timeout ends it.
func (s *sharing) run(a *promise, ask func() answerWithCause) {
	go func() { s.settle(a, ask()) }()
}

// settle gives an answer to those who wait.
func (s *sharing) settle(a *promise, o answerWithCause) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.answer = o
	s.end(a)
}

// end lets those who wait read an answer, and keeps it. Errors are not kept: who
// asks next asks anew.
func (s *sharing) end(a *promise) {
	if a.alone || a.answer.Error != "" || !s.kept.add(a, s.c.clock.Now()) {
		delete(s.answers, a.question)
	}
	s.drop()
	close(a.done)
}

func (s *sharing) wait(ctx context.Context, a *promise) (analysis.Answer, error) {
	select {
	case <-a.done:
		out := a.answer.Answer
		out.Query = a.question.query
		return out, nil
	case <-ctx.Done():
		return analysis.Answer{}, fmt.Errorf("query Prometheus: %w", context.Cause(ctx))
	}
}

// forget drops what nobody has asked for again, and who has not asked again.
func (s *sharing) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
	s.batches.forget(s.c.clock.Now().Add(-forgetAsks))
}

// drop takes out what is old, and what is too much.
func (s *sharing) drop() {
	now := s.c.clock.Now()
	for a := s.kept.over(now); a != nil; a = s.kept.over(now) {
		delete(s.answers, a.question)
	}
}
