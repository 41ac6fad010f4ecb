package runs

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/runs/byrun"
)

// paceKept is for how long the pace of a namespace is kept in which no round is counted.
const paceKept = 10 * time.Minute

// paces are how often the runs of namespaces are measured in this term. It is safe for use by several
// goroutines.
type paces struct {
	mu     sync.Mutex
	of     map[string]lifecycle.Pace
	tidied time.Time
	// waits are how many times longer the runs wait whose intervals are stretched, since their last round.
	waits byrun.Memory[float64]
}

// stretch is how many times longer than its plan says a run waits for its next round: as the runs of its
// namespace do now, or as was found before since its last one, if that is longer. So a round is not late that
// came when it was to, and not all come at once when intervals get shorter.
func (p *paces) stretch(run types.NamespacedName) float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.of[run.Namespace].Stretch()
	waits, _ := p.waits.Get(run)
	if now > max(waits, 1) {
		p.waits.Keep(run, now)
	}
	return max(waits, now)
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

// counted notes that a round of a run was counted, as lifecycle.Pace has it.
func (p *paces) counted(ctx context.Context, run types.NamespacedName, lag, planned time.Duration, stretch float64, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil {
		p.of = map[string]lifecycle.Pace{}
	}
	before := p.of[run.Namespace]
	p.of[run.Namespace] = before.With(lag, planned, stretch, now)
	was, is := before.Stretch(), p.of[run.Namespace].Stretch()
	if was != is {
		ctrl.LoggerFrom(ctx).Info("intervals of the runs of this namespace have another length", "timesThatOfPlans", is, "before", was)
	}
	if is > 1 {
		p.waits.Keep(run, is)
	} else {
		p.waits.Forget(run)
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
	p.waits.Reset()
}

// forget forgets a run that has ended, or is gone.
func (p *paces) forget(run types.NamespacedName) { p.waits.Forget(run) }
