package probes

import (
	"errors"
	"fmt"
)

// maxOfRun and maxOfAll are how many bytes the samples of a run, and of all runs, may take.
// A namespace leaves as much free as it has (package fair).
const (
	maxOfRun = 8 << 20
	maxOfAll = 64 << 20
)

// fits says whether there is room for one scrape more. What is counted comes after it.
func (r *Reader) fits(c *course, points int) error {
	more := int64(points) * (seriesItself + chunkItself)
	switch {
	case int64(c.samples.size()) > maxOfRun:
		return fmt.Errorf("the samples of the probes of this run take more than %d MiB; make windows and periods shorter, have fewer pods, or have a Prometheus scrape them", maxOfRun>>20)
	case !r.memory.Fits(c.run.Name.Namespace, more, 1):
		return errors.New("the samples of the probes of all runs take all the memory there is for them; have fewer runs at once, or have a Prometheus scrape them")
	}
	return nil
}

// count notes what the samples of a run take.
func (r *Reader) count(c *course) {
	size := int64(c.samples.size())
	if size > c.counted {
		r.memory.Take(c.run.Name.Namespace, size-c.counted)
	} else {
		r.memory.GiveBack(c.run.Name.Namespace, c.counted-size)
	}
	c.counted = size
}
