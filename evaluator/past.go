package evaluator

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/query"
)

// PastSets are the ReplicaSets that stand for those of a run in a rollout of the past.
type PastSets struct {
	// Canary is the one that was rolled out.
	Canary string
	// Stable are those that had pods before.
	Stable []string
}

// fill sets what the placeholders of pods stand for. There was no baseline, so
// the stable pods stand for it.
func (p *PastSets) fill(values *query.Values) {
	if p != nil {
		values.Canary, values.Baseline = []string{p.Canary}, p.Stable
	}
}

// MeasurePast observes the metrics of a plan at a time of the past, just as a
// run that was in this state at that time would have: the same queries, cut to
// the same windows. It fails only if ctx ends.
func MeasurePast(ctx context.Context, endpoints Endpoints, in lifecycle.Snapshot, sets PastSets, at time.Time) (*lifecycle.Round, error) {
	e := &evaluator{endpoints: endpoints}
	run := &v1alpha1.CanaryRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: in.Run.Namespace, Name: in.Run.Name},
		Spec:       in.Run.Spec,
		Status:     in.Run.Status,
	}
	return e.measure(ctx, observed{Snapshot: in, run: run, past: &sets}, at, new(room).enter(run.Namespace))
}
