package agent

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/test/cluster/network"
)

// pod is the worker of one pod, from its binding to its deletion.
type pod struct {
	agent           *Agent
	node            *node
	namespace, name string
	uid             types.UID
	log             *slog.Logger
	dir             string
	volumes         *volumes

	// contents, changed: a volume's source, or the status to report, is no longer what it was.
	contents chan struct{}
	changed  chan struct{}
	// deleting is closed when the pod must end, vanished when nobody waits for a graceful end any more.
	deleting     chan struct{}
	vanished     chan struct{}
	onceDeleting sync.Once
	onceVanished sync.Once

	mu         sync.Mutex
	object     *v1.Pod
	network    *network.Pod
	ip         string
	started    metav1.Time
	ended      bool
	conditions []v1.PodCondition
	init, main []*container
}

func newPod(a *Agent, n *node, object *v1.Pod) *pod {
	p := &pod{
		agent: a, node: n, namespace: object.Namespace, name: object.Name, uid: object.UID,
		log:      a.Log.With("namespace", object.Namespace, "pod", object.Name),
		dir:      filepath.Join(a.Dir, string(object.UID)),
		contents: make(chan struct{}, 1),
		changed:  make(chan struct{}, 1),
		deleting: make(chan struct{}),
		vanished: make(chan struct{}),
		object:   object,
		started:  metav1.Now(),
	}
	p.conditions = object.Status.Conditions
	p.volumes = newVolumes(p)
	for _, spec := range object.Spec.InitContainers {
		kind := initContainer
		if spec.RestartPolicy != nil && *spec.RestartPolicy == v1.ContainerRestartPolicyAlways {
			kind = sidecarContainer
		}
		p.init = append(p.init, newContainer(p, spec, kind))
	}
	for _, spec := range object.Spec.Containers {
		p.main = append(p.main, newContainer(p, spec, mainContainer))
	}
	return p
}

// update takes in a newer object.
func (p *pod) update(object *v1.Pod) {
	p.mu.Lock()
	p.object = object
	p.mu.Unlock()
	if object.DeletionTimestamp != nil {
		p.onceDeleting.Do(func() { close(p.deleting) })
	}
	wake(p.changed)
	wake(p.contents) // labels may stand in a volume
}

func (p *pod) vanish() {
	p.onceDeleting.Do(func() { close(p.deleting) })
	p.onceVanished.Do(func() { close(p.vanished) })
}

func (p *pod) latest() *v1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.object
}

// run lives the pod's life. It returns when the object is deleted, or with ctx.
func (p *pod) run(ctx context.Context) {
	alive, end := context.WithCancel(ctx)
	defer end()
	go func() {
		select {
		case <-p.deleting:
			end()
		case <-alive.Done():
		}
	}()
	var reporter sync.WaitGroup
	reporting, stopReporting := context.WithCancel(ctx)
	defer stopReporting()
	if !isTerminal(p.latest().Status.Phase) { // else it ended before this agent knew it
		reporter.Go(func() { p.report(reporting) })
		p.live(alive)
	}
	p.tearDown()
	select {
	case <-p.deleting:
	case <-ctx.Done():
	}
	stopReporting()
	reporter.Wait()
	if ctx.Err() == nil {
		p.remove(ctx)
	}
}

func isTerminal(phase v1.PodPhase) bool {
	return phase == v1.PodSucceeded || phase == v1.PodFailed
}

// live returns once every container has ended for good.
func (p *pod) live(alive context.Context) {
	defer func() {
		p.mu.Lock()
		p.ended = true
		p.mu.Unlock()
		wake(p.changed)
	}()
	wake(p.changed)
	if !p.setUp(alive) {
		return
	}
	go p.volumes.keepFresh(alive)

	// Sidecars outlive the containers they serve, so they do not end with alive. They end one after the other,
	// the last first.
	var mains sync.WaitGroup
	var endSidecars []func()
	defer func() {
		for _, end := range slices.Backward(endSidecars) {
			end()
		}
	}()
	for _, c := range p.init {
		if c.kind == sidecarContainer {
			endSidecars = append(endSidecars, serve(alive, c.run))
			if !c.awaitStarted(alive) {
				return
			}
		} else if c.run(alive); !c.succeeded() {
			return
		}
	}
	for _, c := range p.main {
		mains.Go(func() { c.run(alive) })
	}
	mains.Wait()
}

// serve runs a sidecar, and returns what ends it: that returns when it has ended.
func serve(alive context.Context, run func(context.Context)) (end func()) {
	serving, cancel := context.WithCancel(context.WithoutCancel(alive))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(serving)
	}()
	return func() {
		cancel()
		<-ended
	}
}

// setUp makes the pod's folder, network and volumes, trying again until it succeeds or the pod is to end.
func (p *pod) setUp(alive context.Context) bool {
	steps := []struct {
		reason string
		do     func(context.Context) error
	}{{eventFailedSetup, p.makeSandbox}, {eventFailedMount, p.volumes.setUp}}
	for _, step := range steps {
		for wait := 250 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
			err := step.do(alive)
			if err == nil {
				break
			}
			if alive.Err() != nil {
				return false
			}
			p.warning(step.reason, "%v", err)
			if !pause(alive, wait) {
				return false
			}
		}
	}
	return true
}

// tearDown gives back what setUp took.
func (p *pod) tearDown() {
	p.mu.Lock()
	sandbox := p.network
	p.network = nil
	p.mu.Unlock()
	if sandbox != nil {
		if err := sandbox.Close(); err != nil {
			p.log.Error("pod network not removed", "error", err)
		}
		p.node.addresses.Give(sandbox.IP)
	}
	if err := os.RemoveAll(p.dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		p.log.Error("pod folder not removed", "error", err)
	}
}
