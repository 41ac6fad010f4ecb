package gates

import (
	"encoding/json"
	"maps"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
)

// Payload is what a hook is sent: what Flagger sends to its webhooks (CanaryWebhookPayload of its v1beta1),
// and beside that what there is of Holdfast.
type Payload struct {
	// Name is that of the Deployment, which the Canary of Flagger is usually called by too.
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// Phase is the nearest of Flagger's own.
	Phase string `json:"phase"`
	// Checksum changes with the pod template that is tried.
	Checksum string `json:"checksum"`
	// Metadata is that of the hook in the plan.
	Metadata map[string]string `json:"metadata,omitempty"`

	Holdfast Context `json:"holdfast"`
}

// Context is what a hook is told in Holdfast's own words.
type Context struct {
	// ID is that of the question. It is the same whenever the same question is put again: at least once each is.
	ID string `json:"id"`
	// Hook and Type are those of the plan.
	Hook string            `json:"hook"`
	Type v1alpha1.HookType `json:"type"`
	// Run is the name of the CanaryRun; Phase, Reason and Verdict are those of its status, Step and Attempt
	// where it is.
	Run     string           `json:"run"`
	Phase   v1alpha1.Phase   `json:"phase,omitempty"`
	Reason  string           `json:"reason,omitempty"`
	Verdict v1alpha1.Verdict `json:"verdict,omitempty"`
	Step    int32            `json:"step,omitempty"`
	Attempt int32            `json:"attempt"`
}

// payloadOf is what is sent with a question about a run.
func payloadOf(run *v1alpha1.CanaryRun, q lifecycle.HookQuestion) ([]byte, error) {
	s := run.Status
	p := Payload{
		Name: run.Spec.Deployment, Namespace: run.Namespace, Phase: flaggersPhase(s.Phase, q.Hook.Type), Checksum: run.Spec.TemplateHash,
		Metadata: maps.Clone(q.Hook.Metadata),
		Holdfast: Context{
			ID: string(run.UID) + "/" + q.About, Hook: q.Hook.Name, Type: q.Hook.Type,
			Run: run.Name, Phase: s.Phase, Reason: s.Reason, Verdict: s.Verdict, Attempt: lifecycle.AttemptOf(s),
		},
	}
	if s.Step != nil {
		p.Holdfast.Step = s.Step.Number
	}
	return json.Marshal(p)
}

// flaggersPhase is where Flagger would say that a run stands, to a webhook of a type: before the canary it
// waits, and while the canary is tried, gates included, it is progressing.
func flaggersPhase(phase v1alpha1.Phase, hook v1alpha1.HookType) string {
	switch phase {
	case v1alpha1.PhaseReleased, v1alpha1.PhasePassed:
		return "Succeeded"
	case v1alpha1.PhaseReverted, v1alpha1.PhaseFrozen:
		return "Failed"
	case v1alpha1.PhaseCanceled, v1alpha1.PhaseSuperseded:
		return "Terminated"
	case v1alpha1.PhaseReleasing:
		return "Promoting"
	}
	if hook == v1alpha1.HookConfirmRollout {
		return "Waiting"
	}
	return "Progressing"
}
