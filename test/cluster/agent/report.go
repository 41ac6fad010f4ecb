package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// report sends the pod's status whenever it changed, until ctx ends, and then once more if there is
// news: the last status must be there before the object is deleted.
func (p *pod) report(ctx context.Context) {
	var sent v1.PodStatus
	last := false
	for !last {
		select {
		case <-p.changed:
		case <-ctx.Done():
			last = true
		}
		now := p.status()
		if equality.Semantic.DeepEqual(now, sent) {
			continue
		}
		switch err := p.send(now); {
		case err == nil:
			sent = now
		case isGone(err):
			return
		case !last:
			p.log.Warn("pod status not reported", "error", err)
			pause(ctx, 500*time.Millisecond)
			wake(p.changed)
		}
	}
}

// send patches the status subresource. The kubelet's conditions are merged by type with those of
// others, and the UID keeps the patch from a successor of the same name.
func (p *pod) send(status v1.PodStatus) error {
	patch, err := statusPatch(p.uid, status)
	if err != nil {
		return fmt.Errorf("encode status of pod %s/%s: %w", p.namespace, p.name, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	pods := p.agent.Client.CoreV1().Pods(p.namespace)
	_, err = pods.Patch(ctx, p.name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}

// statusPatch is the whole status as a strategic merge patch. Conditions are merged field by field,
// so what a condition no longer has must be named to go away.
func statusPatch(uid types.UID, status v1.PodStatus) ([]byte, error) {
	encoded, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&status)
	if err != nil {
		return nil, err
	}
	for _, condition := range encoded["conditions"].([]any) {
		fields := condition.(map[string]any)
		for _, name := range []string{"reason", "message"} {
			if _, there := fields[name]; !there {
				fields[name] = nil
			}
		}
	}
	return json.Marshal(map[string]any{"metadata": map[string]any{"uid": uid}, "status": encoded})
}

// isGone says that the API server has no such pod any more, or another of the same name.
func isGone(err error) bool {
	return apierrors.IsNotFound(err) || apierrors.IsConflict(err)
}

// status is the pod's status at this moment.
func (p *pod) status() v1.PodStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := status(observation{
		object: p.object, init: states(p.init), main: states(p.main),
		ip: p.ip, hostIP: p.node.ip, started: p.started,
		sandbox: p.ip != "" && !p.ended, ended: p.ended,
		earlier: p.conditions,
	}, metav1.Now())
	p.conditions = s.Conditions
	return s
}

// states copies the containers' states, filling in what follows from the others': a container whose
// turn has not come says so.
func states(containers []*container) []v1.ContainerStatus {
	var all []v1.ContainerStatus
	for _, c := range containers {
		s := *c.status.DeepCopy()
		if waiting := s.State.Waiting; waiting != nil && waiting.Reason == reasonCreating && c.kind == mainContainer && len(c.pod.init) > 0 && !c.pod.initialized() {
			waiting.Reason = reasonInitializing
		}
		all = append(all, s)
	}
	return all
}

// initialized says whether every init container is through. p.mu is held.
func (p *pod) initialized() bool {
	return len(incomplete(observation{object: p.object, init: initStates(p.init)})) == 0
}

func initStates(containers []*container) []v1.ContainerStatus {
	var all []v1.ContainerStatus
	for _, c := range containers {
		all = append(all, c.status)
	}
	return all
}
