package promql

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/query"
)

// start asks for an answer, by itself or together with those of other canaries.
// last is the ask before of the same canary. It is called with the lock held.
func (s *sharing) start(ctx context.Context, by Asker, a *promise, one query.Batch, last ask, at time.Time) {
	ctx = context.WithoutCancel(ctx)
	answers := map[string]*promise{one.Pods: a}
	others := s.batches.others(one, last, at)
	for len(answers) < maxBatch {
		pods := others.next()
		if pods == "" {
			break
		}
		if query.PrefixOf(pods) == one.Prefix {
			continue
		}
		text, ok := one.Select(a.question.query, s.c.endpoint.Labels.Pod, pods)
		k := question{query: text, from: a.question.from, to: a.question.to}
		if _, asked := s.answers[k]; ok && !asked {
			answers[pods] = s.expect(k)
		}
	}
	joined := one.Join(slices.Sorted(maps.Keys(answers)))
	if len(answers) == 1 || len(joined) > 4*query.MaxLength {
		for _, each := range answers {
			s.run(each, func() answerWithCause { return by.instant(ctx, each.question.query, at) })
		}
		return
	}
	for _, each := range answers {
		each.batched = true
	}
	go func() { s.split(one.Group, at, answers, by.instant(ctx, joined, at)) }()
}

// split gives each canary its series of a joint answer. Where that is not a
// clean one, what each would have got by itself is not known: it has to ask. A
// server that is not well is not asked again, the error is everybody's.
func (s *sharing) split(group string, at time.Time, answers map[string]*promise, o answerWithCause) {
	s.mu.Lock()
	defer s.mu.Unlock()
	unclear := o.WrongType != "" || len(o.Warnings)+len(o.Infos) > 0 || o.err != nil && mayBeOneQuerys(o.err)
	if unclear {
		s.batches.separate(group, at)
	}
	for pods, a := range answers {
		if a.alone = unclear; !unclear {
			a.answer = answerWithCause{o.Answer, o.err}
			a.answer.Query, a.answer.Series = a.question.query, seriesOf(o.Series, query.PrefixOf(pods))
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
		s.Labels = LabelText(s.Metric)
		out = append(out, s)
	}
	return out
}
