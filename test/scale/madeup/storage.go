package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// scrape is the time between two samples, in milliseconds; pod the label of pods. Where a scrape
// configuration copies labels of pods there are two more, each of which names one pod here: hash, by which
// Argo Rollouts names a ReplicaSet, and app, by which Flagger tells a Deployment from its primary.
const (
	scrape = int64(15 * time.Second / time.Millisecond)
	pod    = "pod"
	hash   = "rollouts_pod_template_hash"
	app    = "app"
)

// families are the counters there are, with what each pod has of them. rate is what a series
// grows by in a second.
var families = map[string][]child{
	"http_requests_total": {
		{"code", "200", 99.5}, {"code", "404", 0.4}, {"code", "500", 0.1},
	},
	"http_request_duration_seconds_bucket": {
		{"le", "0.05", 50}, {"le", "0.1", 90}, {"le", "0.25", 99.5}, {"le", "1", 99.9}, {"le", "+Inf", 100},
	},
}

// child is one series of a family, by the label that tells it from its sisters.
type child struct {
	label, value string
	rate         float64
}

// madeUp has the series of every pod that is asked about by its name, as if all had been scraped
// for ever. It holds nothing: what a sample says follows from its labels and its time.
type madeUp struct{}

// Querier implements storage.Queryable.
func (madeUp) Querier(from, to int64) (storage.Querier, error) {
	return window{from: from, to: to}, nil
}

// window is what a query sees.
type window struct {
	storage.LabelQuerier // none is asked
	from, to             int64
}

// Close implements storage.LabelQuerier.
func (window) Close() error { return nil }

// Select implements storage.Querier.
func (w window) Select(_ context.Context, isSorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	if hints != nil {
		w.from, w.to = hints.Start, hints.End
	}
	found, err := w.selected(matchers)
	if isSorted {
		slices.SortFunc(found, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	}
	return &set{series: found, next: -1, err: err}
}

func (w window) selected(matchers []*labels.Matcher) ([]storage.Series, error) {
	name, namespace, by, pods, err := subjects(matchers)
	if err != nil {
		return nil, err
	}
	var out []storage.Series
	for _, each := range pods {
		for _, c := range families[name] {
			all := labels.FromStrings(model.MetricNameLabel, name, "namespace", namespace, by, each, c.label, c.value)
			if matchesAll(all, matchers) {
				out = append(out, storage.NewListSeries(all, w.samples(c.rate, offsetOf(each))))
			}
		}
	}
	return out, nil
}

// subjects are what a selector says one by one; by is the label that names the pods.
func subjects(matchers []*labels.Matcher) (name, namespace, by string, pods []string, err error) {
	for _, m := range matchers {
		switch {
		case m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual:
			name = m.Value
		case m.Name == "namespace" && m.Type == labels.MatchEqual:
			namespace = m.Value
		case (m.Name == pod || m.Name == hash || m.Name == app) && m.Type == labels.MatchEqual:
			by, pods = m.Name, []string{m.Value}
		case m.Name == pod && m.Type == labels.MatchRegexp:
			by = pod
			if pods, err = namesOf(m.Value); err != nil {
				return "", "", "", nil, err
			}
		}
	}
	switch {
	case families[name] == nil:
		return "", "", "", nil, fmt.Errorf("there is no metric %q here", name)
	case namespace == "" || pods == nil:
		return "", "", "", nil, errors.New("a selector names no namespace or no pods, one by one")
	}
	return name, namespace, by, pods, nil
}

func matchesAll(l labels.Labels, matchers []*labels.Matcher) bool {
	return !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(l.Get(m.Name)) })
}

// offsetOf is when in an interval a pod is scraped.
func offsetOf(pod string) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(pod)) // never fails
	return int64(h.Sum32()) % scrape
}

func (w window) samples(rate float64, offset int64) []chunks.Sample {
	var out []chunks.Sample
	for at := (w.from-offset+scrape-1)/scrape*scrape + offset; at <= w.to; at += scrape {
		out = append(out, sample{at, float64(at) / 1000 * rate})
	}
	return out
}

type sample struct {
	at    int64
	value float64
}

// The methods of a chunks.Sample that is a number.
func (s sample) T() int64                      { return s.at }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.value }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

// set is what a selector found.
type set struct {
	series []storage.Series
	next   int
	err    error
}

// The methods of a storage.SeriesSet.
func (s *set) Next() bool                        { s.next++; return s.next < len(s.series) }
func (s *set) At() storage.Series                { return s.series[s.next] }
func (s *set) Err() error                        { return s.err }
func (s *set) Warnings() annotations.Annotations { return nil }
