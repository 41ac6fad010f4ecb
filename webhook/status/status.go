// Package status says what stands in the status of a Deployment while an update
// is held, and after its revert. It is pure.
//
// Tools that wait for a rollout (kubectl rollout status, Helm, Argo CD, Flux,
// Terraform) read the Deployment's status, and the status of a Deployment that
// stays on its stable template says that all is done. So while an update is
// held nothing in it may say that a rollout is complete, and after a revert it
// says that the rollout has failed. All else stays as the deployment controller
// computed it; see docs/adr/0008-the-status-of-a-held-deployment.md.
package status

import (
	"maps"
	"time"
)

// Status is .status of a Deployment as raw JSON, so that fields which are newer
// than the client library stay as they are. Whole numbers are int64.
type Status = map[string]any

// State is what tools that wait are to see.
type State string

// The states.
const (
	// Held: an update is held, its verdict is not known.
	Held State = "Held"
	// Rejected: the template that was last asked for was rejected.
	Rejected State = "Rejected"
	// Own: the Deployment's own rollout.
	Own State = "Own"
)

// States are all there are, for the labels of metrics.
var States = []State{Held, Rejected, Own}

// Deployment is what must be known of a Deployment beside its status.
type Deployment struct {
	// Generation is that of the object in the cluster, Replicas what its spec wants.
	Generation, Replicas int64
	// ByGeneration: what waits for it looks at nothing but observedGeneration
	// and ReplicaSets (see ByGeneration).
	ByGeneration bool
	// State is what tools are to see, Message what a rejection says.
	State   State
	Message string
}

// Stored returns the status to store in place of the one that a writer (the
// deployment controller) computed; old is the one in the cluster.
//
// The deployment controller compares what it computes with what is stored, so
// it writes at every sync. That ends there only if such a write changes nothing:
// what differs from old in times of conditions alone is old.
func Stored(old, computed Status, d Deployment, now time.Time) Status {
	out := maps.Clone(computed)
	if out == nil {
		out = Status{}
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
		if count(out, observedGeneration) > d.Generation {
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
// to kubectl, whose rule this is (source: k8s.io/kubectl/pkg/polymorphichelpers).
func (d Deployment) hideCompletion(s Status) {
	updated := count(s, updatedReplicas)
	if updated >= d.Replicas && count(s, "replicas") <= updated && count(s, "availableReplicas") >= updated {
		delete(s, updatedReplicas) // 0 is never written
	}
	if d.ByGeneration || d.Replicas == 0 || count(s, observedGeneration) > d.Generation {
		d.holdGenerationBack(s)
	}
}

const (
	updatedReplicas    = "updatedReplicas"
	observedGeneration = "observedGeneration"
)

// holdGenerationBack: the newest spec looks as if nobody had seen it yet.
func (d Deployment) holdGenerationBack(s Status) {
	s[observedGeneration] = max(0, min(count(s, observedGeneration), d.Generation-1))
}

// farAhead is more than any Deployment's generation grows before the deployment
// controller sees it.
const farAhead = 1_000_000

// outrunGeneration: Helm 3 wants generation and observedGeneration to be the
// same, and reads no conditions. Tools that read the condition want
// observedGeneration not to be behind.
func (d Deployment) outrunGeneration(s Status) {
	if d.ByGeneration && count(s, observedGeneration) >= d.Generation {
		s[observedGeneration] = d.Generation + farAhead
	}
}

// count is a whole number of a status, 0 where there is none.
func count(s Status, field string) int64 {
	n, _ := s[field].(int64)
	return n
}
