package probes

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// samples are those of the probes of a run, compressed as Prometheus does it: a counter that is
// read regularly takes two bytes a sample. It is safe for use by several goroutines.
type samples struct {
	mu   sync.RWMutex
	pods map[string]map[uint64]*series
	// bytes is about what they take in memory.
	bytes int
}

// series is one of a pod, the newest of its chunks last.
type series struct {
	labels labels.Labels
	chunks []*chunk
	last   int64
	// isStale says that the newest sample says that there are none.
	isStale bool
}

type chunk struct {
	*chunkenc.XORChunk
	add chunkenc.Appender
	// last is the time of its last sample.
	last int64
}

const (
	// chunkSamples is how many samples a chunk has, as in Prometheus.
	chunkSamples = 120
	// chunkItself and seriesItself are what they take beside their samples and labels.
	chunkItself  = 160
	seriesItself = 240
)

var stale = math.Float64frombits(value.StaleNaN)

// size is about what a series takes without its samples.
func (one *series) size() int {
	n := seriesItself
	one.labels.Range(func(l labels.Label) { n += len(l.Name) + len(l.Value) + 2 })
	return n
}

func newSamples() *samples { return &samples{pods: map[string]map[uint64]*series{}} }

// add adds a scrape of a pod. Series of it that the scrape does not have have ended.
func (s *samples) add(pod string, at time.Time, points []point, whose labels.Labels) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.pods[pod]
	if of == nil {
		of = map[uint64]*series{}
		s.pods[pod] = of
	}
	for _, p := range points {
		hash := p.labels.Hash()
		one := of[hash]
		if one == nil {
			all := labels.NewBuilder(p.labels)
			whose.Range(func(l labels.Label) { all.Set(l.Name, l.Value) })
			one = &series{labels: all.Labels(), last: math.MinInt64}
			of[hash] = one
			s.bytes += one.size()
		}
		s.append(one, at.UnixMilli(), p.value)
	}
	s.end(of, at)
}

// lost says that a pod could not be read at a time, or is read no more.
func (s *samples) lost(pod string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(s.pods[pod], at)
}

// end has those series end that have no sample of a time.
func (s *samples) end(of map[uint64]*series, at time.Time) {
	for _, one := range of {
		if one.last < at.UnixMilli() && !one.isStale {
			s.append(one, at.UnixMilli(), stale)
		}
	}
}

func (s *samples) append(one *series, at int64, v float64) {
	if at <= one.last { // the clock was set back
		return
	}
	if n := len(one.chunks); n == 0 || one.chunks[n-1].NumSamples() >= chunkSamples {
		made := &chunk{XORChunk: chunkenc.NewXORChunk()}
		made.add, _ = made.Appender() // only what is no chunk has none
		one.chunks = append(one.chunks, made)
		s.bytes += chunkItself + len(made.Bytes())
	}
	last := one.chunks[len(one.chunks)-1]
	before := len(last.Bytes())
	last.add.Append(0, at, v)
	s.bytes += len(last.Bytes()) - before
	last.last, one.last, one.isStale = at, at, value.IsStaleNaN(v)
}

// drop lets go of what is older than a time, a chunk at a time.
func (s *samples) drop(before time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for pod, of := range s.pods {
		for hash, one := range of {
			for len(one.chunks) > 0 && one.chunks[0].last < before.UnixMilli() {
				s.bytes -= chunkItself + len(one.chunks[0].Bytes())
				one.chunks = one.chunks[1:]
			}
			if len(one.chunks) == 0 {
				s.bytes -= one.size()
				delete(of, hash)
			}
		}
		if len(of) == 0 {
			delete(s.pods, pod)
		}
	}
}

// size is about how many bytes they take.
func (s *samples) size() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.bytes
}

// maxAsked is how many samples one selector of a query may look at.
const maxAsked = 2_000_000

// find finds the samples that a selector selects in a time, both ends included.
func (s *samples) find(from, to int64, matchers []*labels.Matcher) ([]storage.Series, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []storage.Series
	n := 0
	for _, of := range s.pods {
		for _, one := range of {
			if !matches(one.labels, matchers) {
				continue
			}
			found := one.between(from, to)
			if n += len(found); n > maxAsked {
				return nil, fmt.Errorf("the query looks at more than %d samples of probes; make its windows or the period shorter", maxAsked)
			}
			if len(found) > 0 {
				out = append(out, &storage.SeriesEntry{Lset: one.labels, SampleIteratorFn: func(chunkenc.Iterator) chunkenc.Iterator {
					return storage.NewListSeriesIterator(found)
				}})
			}
		}
	}
	return out, nil
}

func (one *series) between(from, to int64) list {
	var out list
	for _, c := range one.chunks {
		if c.last < from {
			continue
		}
		for it := c.Iterator(nil); it.Next() == chunkenc.ValFloat; {
			at, v := it.At()
			if at > to {
				return out
			}
			if at >= from {
				out = append(out, sample{at, v})
			}
		}
	}
	return out
}

func matches(l labels.Labels, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches(l.Get(m.Name)) {
			return false
		}
	}
	return true
}
