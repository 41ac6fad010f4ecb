package probes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

const (
	// atOnce is how many probes are read at once, all namespaces together.
	atOnce = 64
	// longestScrape is how long one may take, which is never longer than until the next.
	longestScrape = 3 * time.Second
)

// ReadDue begins to read all probes that are due, and returns what waits for that.
func (r *Reader) ReadDue(ctx context.Context) (wait func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all sync.WaitGroup
	now := r.clock.Now()
	for name, c := range r.runs {
		if c.ctx.Err() != nil {
			r.forget(name)
			continue
		}
		if now.Before(c.next) {
			continue
		}
		c.next = now.Truncate(c.run.Every).Add(c.run.Every)
		c.samples.drop(now.Add(-c.run.Keep))
		r.count(c)
		for _, s := range c.pods {
			if s.pod.Lacks != "" || s.underWay {
				continue
			}
			if s.first.IsZero() {
				s.first = now
			}
			s.underWay = true
			all.Go(func() { r.read(ctx, c, s, s.pod, now) })
		}
	}
	return all.Wait
}

// read reads one probe for a time, at which the samples are taken to be.
func (r *Reader) read(ctx context.Context, c *course, s *state, pod ProbedPod, at time.Time) {
	r.mu.Lock()
	run, every := c.run.Name, c.run.Every
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, min(every, longestScrape))
	defer cancel()
	points, err := r.scrape(ctx, run.Namespace, pod)
	r.mu.Lock()
	defer r.mu.Unlock()
	s.underWay = false
	if r.runs[run] != c || c.pods[pod.Name] != s || s.pod.UID != pod.UID || s.pod.IP != pod.IP {
		return // it is another one by now
	}
	if err == nil {
		err = r.fits(c, len(points))
	}
	if s.err = err; err != nil {
		s.lost++
		c.samples.lost(pod.Name, at)
	} else {
		s.good, s.lost = at, 0
		c.samples.add(pod.Name, at, points, r.labelsOf(c, pod))
	}
	r.count(c)
}

func (r *Reader) scrape(ctx context.Context, namespace string, pod ProbedPod) ([]point, error) {
	address, err := addressOf(pod.IP, pod.HostIP)
	if err != nil {
		r.metrics.scrapes.WithLabelValues(scrapeFailed).Inc()
		return nil, err
	}
	done, err := r.slots.Take(ctx, namespace, 1)
	if err != nil {
		r.metrics.scrapes.WithLabelValues(scrapeSkipped).Inc()
		return nil, errors.New("too many probes are read at once, and its turn did not come in time")
	}
	defer done()
	began := time.Now()
	points, err := scrape(ctx, r.client, address)
	r.metrics.duration.Observe(time.Since(began).Seconds())
	if err != nil {
		r.metrics.scrapes.WithLabelValues(scrapeFailed).Inc()
		return nil, fmt.Errorf("%w (at %s)", err, address)
	}
	r.metrics.scrapes.WithLabelValues(scrapeGood).Inc()
	return points, nil
}

// labelsOf are those that say whose a series is.
func (r *Reader) labelsOf(c *course, pod ProbedPod) labels.Labels {
	return labels.FromStrings(namespaceLabel, c.run.Name.Namespace, podLabel, pod.Name, jobLabel, job, instanceLabel, pod.IP)
}
