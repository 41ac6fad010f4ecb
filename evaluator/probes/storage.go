package probes

import (
	"context"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// What Prometheus's engine reads samples by.

// Querier implements storage.Queryable.
func (s *samples) Querier(from, to int64) (storage.Querier, error) {
	return querier{s, from, to}, nil
}

type querier struct {
	*samples
	from, to int64
}

// Select implements storage.Querier.
func (q querier) Select(_ context.Context, isSorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	from, to := q.from, q.to
	if hints != nil {
		from, to = hints.Start, hints.End
	}
	found, err := q.find(from, to, matchers)
	if err != nil {
		return storage.ErrSeriesSet(err)
	}
	if isSorted {
		slices.SortFunc(found, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	}
	return &set{series: found}
}

// LabelValues implements storage.Querier. No function of PromQL asks for them.
func (querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// LabelNames implements storage.Querier.
func (querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// Close implements storage.Querier.
func (querier) Close() error { return nil }

// set goes through some series.
type set struct {
	series []storage.Series
	at     storage.Series
}

func (s *set) Next() bool {
	if len(s.series) == 0 {
		return false
	}
	s.at, s.series = s.series[0], s.series[1:]
	return true
}

func (s *set) At() storage.Series                { return s.at }
func (s *set) Err() error                        { return nil }
func (s *set) Warnings() annotations.Annotations { return nil }

// sample is a value at a time in milliseconds. It implements chunks.Sample.
type sample struct {
	at    int64
	value float64
}

func (s *sample) T() int64                      { return s.at }
func (s *sample) ST() int64                     { return 0 }
func (s *sample) F() float64                    { return s.value }
func (s *sample) H() *histogram.Histogram       { return nil }
func (s *sample) FH() *histogram.FloatHistogram { return nil }
func (s *sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s *sample) Copy() chunks.Sample           { c := *s; return &c }

// list are the samples of a series, in the order of their times. It implements storage.Samples.
type list []sample

func (l list) Get(i int) chunks.Sample { return &l[i] }
func (l list) Len() int                { return len(l) }
