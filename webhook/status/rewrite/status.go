// Package rewrite says what stands in the status of a Deployment while an update
// is held, and after its revert. It is pure.
//
// Tools that wait for a rollout (kubectl rollout status, Helm, Argo CD, Flux,
// Terraform) read the Deployment's status, and the status of a Deployment that
// stays on its stable template says that all is done. So while an update is
// held nothing in it may say that a rollout is complete, and after a revert it
// says that the rollout has failed. All else stays as the deployment controller
// computed it; see docs/adr/0008-the-status-of-a-held-deployment.md.
package rewrite

import (
	"maps"
	"time"

	"holdfast.dev/holdfast/internal/workload"
)

// ShownState is what tools that wait are to see.
type ShownState string

// The states.
const (
	// Held: an update is held, its verdict is not known.
	Held ShownState = "Held"
	// Rejected: the template that was last asked for was rejected.
	Rejected ShownState = "Rejected"
	// Own: the Deployment's own rollout.
	Own ShownState = "Own"
)

// States are all there are, for the labels of metrics.
var States = []ShownState{Held, Rejected, Own}

// Deployment is what must be known of a Deployment beside its status.
type Deployment struct {
	// Generation is that of the object in the cluster, Replicas what its spec wants.
	Generation, Replicas int64
	// ByGeneration: what waits for it looks at nothing but observedGeneration
	// and ReplicaSets (see clientstate.WaitsByGeneration).
	ByGeneration bool
	// State is what tools are to see, Message what a rejection says.
	State   ShownState
	Message string
}

// Stored returns the status to store in place of the one that a writer (the
// deployment controller) computed; old is the one in the cluster.
//
// The deployment controller compares what it computes with what is stored, so
// it writes at every sync. That ends there only if such a write changes nothing:
// what differs from old in times of conditions alone is old.
func Stored(old, computed workload.Status, d Deployment, now time.Time) workload.Status {
	out := maps.Clone(computed)
	if out == nil {
		out = workload.Status{}
	}
	switch d.State {
	case Held:
		d.dropVerdict(out, now)
		d.hideCompletion(out)
	case Rejected:
		setCondition(out, verdict(old, d.Message, now))
		d.outrunGeneration(out)
	case Own:
		d.dropVerdict(out, now)
		if out.Count(workload.ObservedGeneration) > d.Generation {
			d.holdGenerationBack(out)
		}
	}
	if sameButTimes(old, out) {
		return old
	}
	return out
}

// hideCompletion: as long as the stable template itself is being rolled out,
// the truth makes tools wait, and the controller finds out undisturbed whether
// that rollout makes progress. What would read as complete to any of them does
// to kubectl (see workload.Status).
func (d Deployment) hideCompletion(s workload.Status) {
	if s.Complete(d.Replicas) {
		delete(s, workload.UpdatedReplicas) // 0 is never written
	}
	if d.ByGeneration || d.Replicas == 0 || s.Count(workload.ObservedGeneration) > d.Generation {
		d.holdGenerationBack(s)
	}
}

// holdGenerationBack: the newest spec looks as if nobody had seen it yet.
func (d Deployment) holdGenerationBack(s workload.Status) {
	s[workload.ObservedGeneration] = max(0, min(s.Count(workload.ObservedGeneration), d.Generation-1))
}

// farAhead is more than any Deployment's generation grows before the deployment
// controller sees it.
const farAhead = 1_000_000

// outrunGeneration: Helm 3 wants generation and observedGeneration to be the
// same, and reads no conditions. Tools that read the condition want
// observedGeneration not to be behind.
func (d Deployment) outrunGeneration(s workload.Status) {
	if d.ByGeneration && s.Count(workload.ObservedGeneration) >= d.Generation {
		s[workload.ObservedGeneration] = d.Generation + farAhead
	}
}
