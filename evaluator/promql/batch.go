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
	maxBatch    = 32  // canaries in one request
	maxFamilies = 256 // families of queries that are remembered
	aloneFor    = 10 * time.Minute
	forgetAsks  = 10 * time.Minute
)

// batches remembers who asks which family of queries, and when it did so last.
// It waits for nobody: the first run that asks for a time asks for all that asked
// together with it the last time, and the others find their answers there.
type batches map[string]*family

type family struct {
	asked map[asker]time.Time
	// aloneUntil is set where asking together did not work.
	aloneUntil time.Time
}

// asker is a canary, by the prefix of its pods, and the shape of what it asks.
type asker struct{ prefix, shape string }

// ask is a shape that a canary asked, and the last time that it asked for.
type ask struct {
	shape string
	at    time.Time
}

// note remembers an ask and returns the one before it of the same canary, zero
// if that is not known: that of the same shape or, as windows grow with the
// canary, the newest of the family.
func (b batches) note(one query.Batch, at time.Time) ask {
	f := b[one.Family]
	if f == nil {
		b.tidy(at)
		f = &family{asked: map[asker]time.Time{}}
		b[one.Family] = f
	}
	var last ask
	for who, before := range f.asked {
		switch {
		case at.Sub(before) > forgetAsks:
			delete(f.asked, who)
		case who.prefix == one.Prefix && before.Before(at) &&
			(before.After(last.at) || before.Equal(last.at) && who.shape < last.shape):
			last = ask{who.shape, before}
		}
	}
	me := asker{one.Prefix, one.Shape}
	if before, ok := f.asked[me]; ok {
		last = ask{one.Shape, before}
	}
	f.asked[me] = at
	return last
}

// others returns the prefixes that an ask is to be joined with: of those that
// asked the same for the same time the last time.
func (b batches) others(one query.Batch, last ask, at time.Time) []string {
	f := b[one.Family]
	if f == nil || last.shape == "" || at.Before(f.aloneUntil) {
		return nil
	}
	var out []string
	for who, before := range f.asked {
		if who.shape == last.shape && before.Equal(last.at) && who.prefix != one.Prefix {
			out = append(out, who.prefix)
		}
	}
	slices.Sort(out)
	return out[:min(len(out), maxBatch-1)]
}

// tidy makes room for one more family.
func (b batches) tidy(at time.Time) {
	if len(b) < maxFamilies {
		return
	}
	for text, f := range b {
		newest := time.Time{}
		for _, asked := range f.asked {
			if asked.After(newest) {
				newest = asked
			}
		}
		if at.Sub(newest) > 2*time.Minute {
			delete(b, text)
		}
	}
	if len(b) >= maxFamilies { // what is lost is a request or two
		clear(b)
	}
}

// start asks for an answer, by itself or together with those of other canaries.
// last is the ask before of the same canary. It is called with the lock held.
func (s *sharing) start(ctx context.Context, by Asker, a *answer, one query.Batch, last ask, at time.Time) {
	ctx = context.WithoutCancel(ctx)
	podLabel := s.c.endpoint.Labels.Pod
	answers := map[string]*answer{one.Prefix: a}
	for _, prefix := range s.batches.others(one, last, at) {
		text, ok := one.For(a.key.query, podLabel, prefix)
		k := key{query: text, from: a.key.from, to: a.key.to}
		if _, asked := s.answers[k]; ok && !asked {
			answers[prefix] = s.expect(k)
		}
	}
	joined := query.Join(one.Shape, podLabel, slices.Sorted(maps.Keys(answers)))
	if len(answers) == 1 || joined == "" || len(joined) > 4*query.MaxLength {
		for _, each := range answers {
			s.run(each, func() outcome { return by.instant(ctx, each.key.query, at) })
		}
		return
	}
	for _, each := range answers {
		each.batched = true
	}
	go func() { s.split(one.Family, at, answers, by.instant(ctx, joined, at)) }()
}

// split gives each canary its series of a joint answer. Where that is not a
// clean one, what each would have got by itself is not known: it has to ask. A
// server that is not well is not asked again, the error is everybody's.
func (s *sharing) split(familyOf string, at time.Time, answers map[string]*answer, o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	unclear := o.WrongType != "" || len(o.Warnings)+len(o.Infos) > 0 || o.err != nil && mayBeOneQuerys(o.err)
	if unclear {
		if f := s.batches[familyOf]; f != nil {
			f.aloneUntil = at.Add(aloneFor)
		}
	}
	for prefix, a := range answers {
		if a.alone = unclear; !unclear {
			a.outcome = outcome{o.Observation, o.err}
			a.outcome.Query, a.outcome.Series = a.key.query, seriesOf(o.Series, prefix)
		}
		s.end(a)
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
