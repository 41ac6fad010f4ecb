package lifecycle

import (
	"fmt"

	"holdfast.dev/holdfast/internal/workload"
)

// ReplicaSetState is one of the ReplicaSets by which a Deployment runs its pods.
type ReplicaSetState struct {
	// PodHash is the label by which its pods are told from those of the others.
	PodHash string
	// Hash is the hash of its template without the label that its Deployment added.
	Hash string
	// Revision is its number among those of the Deployment.
	Revision int64
	// Wanted, Running and Available count its pods.
	Wanted, Running, Available int32
	// Observed says whether its status is that of its newest spec.
	Observed bool
	// Failure is why it cannot make its pods, "" if it can.
	Failure string
}

// RolloutOf says how far a Deployment has rolled its template out, by its
// ReplicaSets: the Deployment's own status is not true while an update is held
// or rejected, for the webhook rewrites it so that tools which wait on it go on
// waiting.
//
// progressing is the reason of its condition Progressing. It is good enough to
// tell a rollout that is stuck, and one that was complete before some of its
// pods fell ill, were taken away or were asked for: what is held then may be the
// cure and must not wait for them.
func RolloutOf(d Deployment, sets []ReplicaSetState, progressing string) RolloutProgress {
	newest, others := newestOf(d.Hash, sets)
	out := RolloutProgress{State: RolloutUnderWay}
	switch {
	case newest == nil && d.Replicas == 0 && others == 0:
		out.State = RolloutComplete
	case newest == nil:
		out.Message = "the ReplicaSet of its template is not made yet"
	case others > 0:
		out.Message = plural(others, "pod") + " of other templates still run"
	case newest.Wanted == d.Replicas && newest.Observed && progressing == workload.ReasonRolloutComplete:
		out.State = RolloutComplete
	case newest.Running != d.Replicas || newest.Wanted != d.Replicas || !newest.Observed:
		out.Message = fmt.Sprintf("%s of it, where %d are wanted", plural(newest.Running, "pod"), d.Replicas)
	case newest.Available < d.Replicas:
		out.Message = fmt.Sprintf("%d of %d pods are available", newest.Available, d.Replicas)
	default:
		out.State = RolloutComplete
	}
	if newest != nil {
		out.PodHash = newest.PodHash
	}
	if newest != nil && newest.Observed {
		out.Failure = newest.Failure
	}
	if out.State == RolloutUnderWay && progressing == workload.ReasonDeadlineExceeded {
		out.State = RolloutStuck
	}
	return out
}

// newestOf returns the ReplicaSet of the newest revision with this hash (a
// restart makes another one of the same hash), and the pods of all others.
func newestOf(hash string, sets []ReplicaSetState) (newest *ReplicaSetState, others int32) {
	for i := range sets {
		if sets[i].Hash == hash && (newest == nil || sets[i].Revision > newest.Revision) {
			newest = &sets[i]
		}
	}
	for i := range sets {
		if &sets[i] != newest {
			others += max(sets[i].Running, sets[i].Wanted)
		}
	}
	return newest, others
}
