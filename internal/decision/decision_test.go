package decision

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestOf(t *testing.T) {
	type run = v1alpha1.CanaryRun
	in := func(phase v1alpha1.Phase, reason string, change ...func(*run)) run {
		r := run{}
		r.Name, r.Namespace = "web-a", "shop"
		r.Spec.Deployment, r.Spec.Hold = "web", "h"
		r.Status.Phase, r.Status.Reason = phase, reason
		for _, f := range change {
			f(&r)
		}
		return r
	}
	running := in(v1alpha1.PhaseRunning, v1alpha1.ReasonMeasuring)
	for name, tc := range map[string]struct {
		run     run
		verb    Verb
		by      Decider
		want    map[string]any
		says    string
		mistake string
	}{
		"promote": {run: running, verb: Promote, want: map[string]any{"decision": v1alpha1.DecisionPromote}, says: "promoted"},
		"abort, by whom and why": {
			run: running, verb: Abort, by: Decider{"load test 812", "too slow"}, says: "aborted",
			want: map[string]any{"decision": v1alpha1.DecisionAbort, "decidedBy": "load test 812", "decisionReason": "too slow"},
		},
		"promote what is promoted":       {run: in(v1alpha1.PhaseRunning, "", func(r *run) { r.Spec.Decision = "Promote" }), verb: Promote, says: "is promoted already"},
		"promote what is aborted":        {run: in(v1alpha1.PhaseRunning, "", func(r *run) { r.Spec.Decision = "Abort" }), verb: Promote, mistake: "run web-a has the decision Abort, which stands"},
		"promote what is being released": {run: in(v1alpha1.PhaseReleasing, "PeriodOver"), verb: Promote, says: "is being released already"},
		"abort what is being released":   {run: in(v1alpha1.PhaseReleasing, "PeriodOver"), verb: Abort, want: map[string]any{"decision": v1alpha1.DecisionAbort}, says: "aborted"},
		"abort what was released": {
			run: in(v1alpha1.PhaseReleased, "RolledOut"), verb: Abort,
			mistake: "run web-a has ended: it is Released (RolledOut), so there is nothing left to abort; to go back: kubectl rollout undo -n shop deployment/web",
		},
		"retry what was reverted": {
			run: in(v1alpha1.PhaseReverted, "Crashed"), verb: Retry,
			mistake: "nothing left to retry; to have the update tried again: kubectl holdfast retry -n shop deployment/web",
		},
		"promote what was made by hand and ended": {
			run: in(v1alpha1.PhaseReverted, "Crashed", func(r *run) { r.Spec.Hold = "" }), verb: Promote, mistake: "; make another run instead",
		},
		"pause":                        {run: running, verb: Pause, want: map[string]any{"paused": true}, says: "paused"},
		"pause what is paused":         {run: in(v1alpha1.PhasePaused, "PausedByUser", func(r *run) { r.Spec.Paused = true }), verb: Pause, says: "is paused already"},
		"pause what is being released": {run: in(v1alpha1.PhaseReleasing, ""), verb: Pause, mistake: "run web-a is being released; of that only abort keeps it"},
		"resume":                       {run: in(v1alpha1.PhasePaused, "PausedByUser", func(r *run) { r.Spec.Paused = true }), verb: Resume, want: map[string]any{"paused": false}, says: "resumed"},
		"resume what is not paused":    {run: running, verb: Resume, says: "is not paused"},
		"resume at a gate":             {run: in(v1alpha1.PhasePaused, v1alpha1.ReasonApproval), verb: Resume, mistake: "approve, promote or abort it"},
		"resume what wants a verdict":  {run: in(v1alpha1.PhasePaused, v1alpha1.ReasonManual), verb: Resume, mistake: "; promote or abort it"},
		"resume what is inconclusive":  {run: in(v1alpha1.PhasePaused, v1alpha1.ReasonErrorLimit), verb: Resume, mistake: "(ErrorLimit); promote, abort or retry it"},
		"resume what goes on by itself": {
			run:  in(v1alpha1.PhasePaused, v1alpha1.ReasonServiceLeft, func(r *run) { r.Status.Message = "Service web has left" }),
			verb: Resume, mistake: "it goes on by itself when that is over: Service web has left",
		},
		"approve": {
			run:  in(v1alpha1.PhasePaused, v1alpha1.ReasonApproval, func(r *run) { r.Status.Step = &v1alpha1.StepStatus{Number: 2} }),
			verb: Approve, want: map[string]any{"approvedSteps": int32(2)}, says: "approved: it leaves step 2",
		},
		"approve twice": {
			run: in(v1alpha1.PhasePaused, v1alpha1.ReasonApproval, func(r *run) {
				r.Status.Step, r.Spec.ApprovedSteps = &v1alpha1.StepStatus{Number: 2}, 2
			}),
			verb: Approve, says: "has step 2 approved already",
		},
		"approve what does not wait for it": {run: running, verb: Approve, mistake: "run web-a does not wait for approval: it is Running (Measuring)"},
		"retry":                             {run: in(v1alpha1.PhaseFrozen, ""), verb: Retry, want: map[string]any{"attempt": int32(2)}, says: "retried: attempt 2 begins anew with fresh pods"},
		"retry again":                       {run: in(v1alpha1.PhaseFrozen, "", func(r *run) { r.Status.Attempt = 2 }), verb: Retry, want: map[string]any{"attempt": int32(3)}, says: "retried: attempt 3 begins anew with fresh pods"},
		"retry what is aborted":             {run: in(v1alpha1.PhaseFrozen, "", func(r *run) { r.Spec.Decision = "Abort" }), verb: Retry, mistake: "which stands"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Apply(&tc.run, tc.verb, tc.by)
			if tc.mistake != "" {
				if err == nil || !strings.Contains(err.Error(), tc.mistake) {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Edit{tc.want, tc.says}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
