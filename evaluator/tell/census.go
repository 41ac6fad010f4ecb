package tell

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/respite"
)

// census counts the runs in the cache when metrics are collected: those in each phase, and the Deployments
// whose updates come faster than a canary takes. Without a cache it counts nothing.
//
// It goes through all of them, and whoever scrapes does so as often as he likes: so it is taken by one at a
// time, and what was counted is told again for as long as taking it anew would be too much.
type census struct {
	objects client.Reader
	now     func() time.Time

	mu      sync.Mutex
	known   *counts
	respite respite.Respite
}

type counts struct {
	phases    map[v1alpha1.Phase]int
	overtaken int
}

// collectTimeout is how long what is in the cache may take to be counted.
const collectTimeout = time.Second

var runsDesc = prometheus.NewDesc("holdfast_runs", "Runs that exist, by phase.", []string{"phase"}, nil)

var overtakenDesc = prometheus.NewDesc("holdfast_overtaken_deployments",
	"Deployments of which three updates in a row or more were superseded before a verdict, and nothing was released since.", nil, nil)

var phases = []v1alpha1.Phase{
	v1alpha1.PhaseScheduled, v1alpha1.PhaseWaiting, v1alpha1.PhaseStarting, v1alpha1.PhaseRunning, v1alpha1.PhasePaused,
	v1alpha1.PhaseFrozen, v1alpha1.PhaseReleasing,
	v1alpha1.PhaseReleased, v1alpha1.PhasePassed, v1alpha1.PhaseReverted, v1alpha1.PhaseCanceled, v1alpha1.PhaseSuperseded,
}

// Describe implements prometheus.Collector.
func (c *census) Describe(descs chan<- *prometheus.Desc) {
	descs <- runsDesc
	descs <- overtakenDesc
}

// Collect implements prometheus.Collector. It collects nothing while the cache is not filled.
func (c *census) Collect(out chan<- prometheus.Metric) {
	if c.objects == nil {
		return
	}
	counted := c.take()
	if counted == nil {
		return
	}
	for _, phase := range phases {
		out <- prometheus.MustNewConstMetric(runsDesc, prometheus.GaugeValue, float64(counted.phases[phase]), string(phase))
	}
	out <- prometheus.MustNewConstMetric(overtakenDesc, prometheus.GaugeValue, float64(counted.overtaken))
}

// take counts, or tells what was counted a moment ago; nil while nothing can be counted.
func (c *census) take() *counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	begun := c.now()
	if c.known != nil && c.respite.Left(begun) > 0 {
		return c.known
	}
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	c.known = c.count(ctx)
	c.respite = respite.Earned(begun, c.now())
	return c.known
}

func (c *census) count(ctx context.Context) *counts {
	var list v1alpha1.CanaryRunList
	if err := c.objects.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil
	}
	out := &counts{phases: map[v1alpha1.Phase]int{}}
	ended := map[types.NamespacedName][]*v1alpha1.CanaryRun{}
	for i := range list.Items {
		run := &list.Items[i]
		if run.Status.Phase == "" { // made a moment ago
			out.phases[v1alpha1.PhaseWaiting]++
			continue
		}
		out.phases[run.Status.Phase]++
		if run.Status.Phase.Ended() {
			of := types.NamespacedName{Namespace: run.Namespace, Name: run.Spec.Deployment}
			ended[of] = append(ended[of], run)
		}
	}
	for of, runs := range ended {
		if inARow, _ := lifecycle.Overtaken(runs); inARow >= lifecycle.TooMany && !c.isPaused(ctx, of) {
			out.overtaken++
		}
	}
	return out
}

// isPaused says whether a Deployment has its updates wait anyway: it is paused, or gone.
func (c *census) isPaused(ctx context.Context, name types.NamespacedName) bool {
	d := objects.Deployment{Unstructured: objects.NewDeployment()}
	err := c.objects.Get(ctx, name, d.Unstructured)
	return apierrors.IsNotFound(err) || err == nil && d.View().Paused()
}
