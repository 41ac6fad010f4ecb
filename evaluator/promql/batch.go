package promql

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"holdfast.dev/holdfast/api/query"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// Limits of batches.
const (
	maxBatch   = 32  // canaries in one request
	maxShapes  = 256 // shapes of queries that are remembered
	aloneFor   = 10 * time.Minute
	forgetAsks = 10 * time.Minute
)

// batches remembers who asks which shape of query, and when it did so last. It
// waits for nobody: the first run that asks for a time asks for all that asked
// together with it the last time, and the others find their answers there.
type batches map[string]*shape

type shape struct {
	asked map[string]ask // by prefix of the canary's pods
	// aloneUntil is set where asking together did not work.
	aloneUntil time.Time
}

// ask is the last time that a canary's query was asked.
type ask struct {
	query string
	at    time.Time
}

// note remembers an ask and returns when the same canary asked before, zero if
// that is not known.
func (b batches) note(one query.Batch, text string, at time.Time) time.Time {
	sh := b[one.Shape]
	if sh == nil {
		b.tidy(at)
		sh = &shape{asked: map[string]ask{}}
		b[one.Shape] = sh
	}
	last := sh.asked[one.Prefix].at
	sh.asked[one.Prefix] = ask{text, at}
	return last
}

// others returns the prefixes and queries that an ask is to be joined with: of
// those that asked for the same time as it did last, and not for this one yet.
func (b batches) others(one query.Batch, last, at time.Time) map[string]string {
	sh, out := b[one.Shape], map[string]string{}
	if sh == nil || last.IsZero() || at.Before(sh.aloneUntil) {
		return out
	}
	for _, prefix := range slices.Sorted(maps.Keys(sh.asked)) {
		other := sh.asked[prefix]
		switch {
		case at.Sub(other.at) > forgetAsks:
			delete(sh.asked, prefix)
		case other.at.Equal(last) && len(out) < maxBatch-1:
			out[prefix] = other.query
		}
	}
	return out
}

// tidy makes room for one more shape.
func (b batches) tidy(at time.Time) {
	if len(b) < maxShapes {
		return
	}
	for text, sh := range b {
		newest := time.Time{}
		for _, a := range sh.asked {
			if a.at.After(newest) {
				newest = a.at
			}
		}
		if at.Sub(newest) > 2*time.Minute {
			delete(b, text)
		}
	}
	if len(b) >= maxShapes { // what is lost is a request or two
		clear(b)
	}
}

// start asks for an answer, by itself or together with those of other canaries.
// last is when the same canary asked before. It is called with the lock held.
func (s *sharing) start(ctx context.Context, a *answer, one query.Batch, last, at time.Time) {
	ctx = context.WithoutCancel(ctx)
	answers := map[string]*answer{one.Prefix: a}
	for prefix, text := range s.batches.others(one, last, at) {
		k := key{query: text, from: a.key.from, to: a.key.to}
		if _, asked := s.answers[k]; !asked {
			answers[prefix] = s.expect(k)
		}
	}
	podLabel := s.c.endpoint.Labels.Pod
	joined := query.Join(one.Shape, podLabel, slices.Sorted(maps.Keys(answers)))
	if len(answers) == 1 || joined == "" || len(joined) > 4*query.MaxLength {
		for _, each := range answers {
			s.run(each, func() outcome { return s.c.instant(ctx, each.key.query, at) })
		}
		return
	}
	for _, each := range answers {
		each.batched = true
	}
	go func() { s.split(one.Shape, at, answers, s.c.instant(ctx, joined, at)) }()
}

// split gives each canary its series of a joint answer. Where that is not a
// clean one, what each would have got by itself is not known: it has to ask. A
// server that is not well is not asked again, the error is everybody's.
func (s *sharing) split(shapeOf string, at time.Time, answers map[string]*answer, o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	unclear := o.WrongType != "" || len(o.Warnings)+len(o.Infos) > 0 || o.err != nil && mayBeOneQuerys(o.err)
	if unclear {
		if sh := s.batches[shapeOf]; sh != nil {
			sh.aloneUntil = at.Add(aloneFor)
		}
	}
	for prefix, a := range answers {
		if a.alone = unclear; !unclear {
			a.outcome = outcome{o.Observation, o.err}
			a.outcome.Series = seriesOf(o.Series, prefix)
		}
		if unclear || o.Error != "" || len(a.outcome.Series) > keepSeries {
			s.drop(a)
		}
		close(a.done)
	}
}

// mayBeOneQuerys says whether an error may be that of one of several queries.
func mayBeOneQuerys(err error) bool {
	switch kindOf(err) {
	case kindOpen, kindRefused:
		return false
	}
	return !countsAgainst(err) && !errors.Is(err, errQueue)
}

// seriesOf picks the series of one canary, without the label they were told apart by.
func seriesOf(all []analysis.Series, prefix string) []analysis.Series {
	var out []analysis.Series
	for _, s := range all {
		if s.Metric[query.BatchLabel] != prefix {
			continue
		}
		s.Metric = maps.Clone(s.Metric)
		delete(s.Metric, query.BatchLabel)
		s.Labels = labelText(s.Metric)
		out = append(out, s)
	}
	return out
}
