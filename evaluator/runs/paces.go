package runs

import (
	"context"
	"sync"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/evaluator/lifecycle"
)

// paceKept is for how long the pace of a namespace is kept in which no round is counted.
const paceKept = 10 * time.Minute

// paces are how often the runs of namespaces are measured in this term. It is safe for use by several
// goroutines.
type paces struct {
	mu     sync.Mutex
	of     map[string]lifecycle.Pace
	tidied time.Time
}

// stretch is how many times longer than plans say the intervals of a namespace are.
func (p *paces) stretch(namespace string) float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.of[namespace].Stretch()
}

// most is that of the namespace where it is most.
func (p *paces) most() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	most := lifecycle.Pace{}.Stretch()
	for _, pace := range p.of {
		most = max(most, pace.Stretch())
	}
	return most
}

// counted notes that a round was counted.
func (p *paces) counted(ctx context.Context, namespace string, lag, interval time.Duration, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil {
		p.of = map[string]lifecycle.Pace{}
	}
	before := p.of[namespace]
	p.of[namespace] = before.With(lag, interval, now)
	if was, is := before.Stretch(), p.of[namespace].Stretch(); was != is {
		ctrl.LoggerFrom(ctx).Info("intervals of the runs of this namespace have another length", "timesThatOfPlans", is, "before", was)
	}
	if now.Sub(p.tidied) < paceKept {
		return
	}
	p.tidied = now
	for name, pace := range p.of {
		if now.Sub(pace.Newest()) >= paceKept {
			delete(p.of, name)
		}
	}
}

func (p *paces) forgetAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of = nil
}
