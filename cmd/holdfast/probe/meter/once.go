package meter

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// once is a series that is looked up when it is first needed. Two who need it at once find the same.
type once struct {
	counter atomic.Pointer[prometheus.Counter]
}

func (o *once) get(find func() prometheus.Counter) prometheus.Counter {
	if c := o.counter.Load(); c != nil {
		return *c
	}
	c := find()
	o.counter.Store(&c)
	return c
}
