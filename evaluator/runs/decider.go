package runs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/tell"
)

// decidedBy says by which client and when the decision of a run was written, as
// far as its managedFields tell; "" otherwise. Who it was the API server's audit
// log knows. The cache has no managedFields.
func (r *Reconciler) decidedBy(ctx context.Context, run *v1alpha1.CanaryRun) string {
	live := &metav1.PartialObjectMetadata{}
	live.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("CanaryRun"))
	if err := r.Objects.Live.Get(ctx, client.ObjectKeyFromObject(run), live); err != nil {
		return ""
	}
	return decider(live.ManagedFields)
}

func decider(entries []metav1.ManagedFieldsEntry) string {
	for _, entry := range entries {
		var owned struct {
			Spec map[string]json.RawMessage `json:"f:spec"`
		}
		if entry.FieldsV1 == nil || json.Unmarshal(entry.FieldsV1.GetRawBytes(), &owned) != nil {
			continue
		}
		if _, decided := owned.Spec["f:decision"]; !decided {
			continue
		}
		text := fmt.Sprintf(" (by field manager %q", entry.Manager)
		if entry.Time != nil {
			text += " at " + entry.Time.UTC().Format(time.RFC3339)
		}
		return text + ")"
	}
	return ""
}

// decisionOf is what a person had the run do in a transition, "" where it was not a person.
func decisionOf(transition lifecycle.Transition, after v1alpha1.CanaryRunStatus) string {
	switch {
	case transition.Kind == lifecycle.TransitionPromoted, transition.Kind == lifecycle.TransitionDryRun && after.Reason == v1alpha1.ReasonPromoted:
		return tell.DecisionPromote
	case transition.Kind == lifecycle.TransitionReverted && after.Reason == v1alpha1.ReasonAborted:
		return tell.DecisionAbort
	case transition.Kind == lifecycle.TransitionRetried:
		return tell.DecisionRetry
	}
	return ""
}
