package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// trial is what was last seen of a CanaryRun.
type trial struct {
	target          target
	name, hold      string
	made            time.Time
	phase           v1alpha1.Phase
	reason, message string
}

// runs remembers every run, also those that are no longer kept.
type runs struct {
	mu   sync.Mutex
	seen map[types.UID]trial
}

// watchRuns watches until ctx ends.
func watchRuns(ctx context.Context, config *rest.Config, scheme *runtime.Scheme) (*runs, error) {
	c, err := cache.New(config, cache.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("watch runs: %w", err)
	}
	informer, err := c.GetInformer(ctx, &v1alpha1.CanaryRun{}, cache.BlockUntilSynced(false))
	if err != nil {
		return nil, fmt.Errorf("watch runs: %w", err)
	}
	r := &runs{seen: map[types.UID]trial{}}
	if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    r.see,
		UpdateFunc: func(_, o any) { r.see(o) },
		DeleteFunc: r.see,
	}); err != nil {
		return nil, fmt.Errorf("watch runs: %w", err)
	}
	go func() { _ = c.Start(context.WithoutCancel(ctx)) }() // until the process ends: the last phases come after the last update
	if !c.WaitForCacheSync(ctx) {
		return nil, errors.New("watch runs: interrupted")
	}
	return r, nil
}

func (r *runs) see(object any) {
	if last, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = last.Obj
	}
	run, ok := object.(*v1alpha1.CanaryRun)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[run.UID] = trial{
		target: target{run.Namespace, run.Spec.Deployment}, name: run.Name, hold: run.Spec.Hold, made: run.CreationTimestamp.Time,
		phase: run.Status.Phase, reason: run.Status.Reason, message: run.Status.Message,
	}
}

func (r *runs) all() []trial {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Values(r.seen))
}

// report counts how the runs ended.
func (r *runs) report() string {
	counts := map[string]int{}
	for _, one := range r.all() {
		counts[string(one.phase)+"/"+one.reason]++
	}
	out := "\nruns:"
	for _, end := range slices.Sorted(maps.Keys(counts)) {
		out += fmt.Sprintf(" %s %d", end, counts[end])
	}
	return out + "\n"
}
