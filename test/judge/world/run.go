package world

import "slices"

// How time passes.
const (
	// ScrapeSeconds lie between two scrapes, CheckSeconds between two checks.
	ScrapeSeconds = 15
	CheckSeconds  = 30
	// Scrapes and Checks are how many there are in a run of 30 minutes.
	Scrapes = 30 * 60 / ScrapeSeconds
	Checks  = 30 * 60 / CheckSeconds
	// PerCheck is how many scrapes there are from check to check.
	PerCheck = CheckSeconds / ScrapeSeconds

	// tickSeconds is how finely things happen between scrapes, perScrape how many
	// ticks make a scrape interval.
	tickSeconds = 5
	perScrape   = ScrapeSeconds / tickSeconds
	ticks       = Scrapes * perScrape
)

// Bounds are the upper bounds of the buckets of latencies in seconds, those of
// the client libraries. A last bucket has no bound.
var Bounds = [...]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// Buckets are numbers of requests by latency, not cumulative.
type Buckets [len(Bounds) + 1]float64

// Counters are those of one side: at a scrape, since its pods started; as a
// difference, of some time.
type Counters struct {
	Total, Bad float64
	Latency    Buckets
}

// Sample is what one scrape of a side brought, if it brought anything.
type Sample struct {
	Scraped bool
	Counters
}

// Side is one side's samples: number k is the newest (k+1)·15 s after Ready. It
// was scraped up to 10 s before that, each side at a time of its own.
type Side [Scrapes]Sample

// Run is what Prometheus holds after half an hour.
type Run struct{ Canary, Baseline, Stable Side }

// Between is what was counted from sample from, exclusive, to sample to: the
// difference, or, where the counters were reset, what they stood at after it.
// Sample -1 is the start of the pods, when all was zero.
func (s *Side) Between(from, to int) Counters {
	now := s[to].Counters
	if from < 0 {
		return now
	}
	d := now.less(s[from].Counters)
	if d.Total < 0 || d.Bad < 0 || slices.Min(d.Latency[:]) < 0 {
		return now
	}
	return d
}

func (c Counters) less(d Counters) Counters {
	c.Total -= d.Total
	c.Bad -= d.Bad
	for i := range c.Latency {
		c.Latency[i] -= d.Latency[i]
	}
	return c
}

func (c Counters) plus(d Counters) Counters {
	c.Total += d.Total
	c.Bad += d.Bad
	for i := range c.Latency {
		c.Latency[i] += d.Latency[i]
	}
	return c
}

// Window is what PromQL's rate over the last n scrapes up to sample to rests on:
// all increments between samples in it. There is none with less than two.
func (s *Side) Window(to, n int) (Counters, bool) {
	var sum Counters
	last, found := -1, false
	for k := max(0, to-n+1); k <= to; k++ {
		if !s[k].Scraped {
			continue
		}
		if last >= 0 {
			sum, found = sum.plus(s.Between(last, k)), true
		}
		last = k
	}
	return sum, found
}

// Quantile is PromQL's histogram_quantile: it supposes that latencies are spread
// evenly within a bucket. It is false if there were no requests.
func (b Buckets) Quantile(q float64) (float64, bool) {
	all := 0.0
	for _, n := range b {
		all += n
	}
	if all <= 0 {
		return 0, false
	}
	rank, low := q*all, 0.0
	for i, n := range b {
		if i == len(Bounds) {
			break
		}
		if rank <= n && n > 0 {
			return low + (Bounds[i]-low)*rank/n, true
		}
		rank -= n
		low = Bounds[i]
	}
	return Bounds[len(Bounds)-1], true
}

// Over is how many requests took longer than the bound of that number.
func (b Buckets) Over(bound int) float64 {
	n := 0.0
	for _, v := range b[bound+1:] {
		n += v
	}
	return n
}
