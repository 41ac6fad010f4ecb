package lifecycle

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// ofRound are the questions that go with a round.
func (h hooks) ofRound(at time.Time) []HookQuestion {
	var out []HookQuestion
	for _, hook := range slices.Concat(h.plan.HooksOf(v1alpha1.HookRollout), h.plan.HooksOf(v1alpha1.HookRollback)) {
		out = append(out, h.question(hook, fmt.Sprint(at.Unix())))
	}
	return out
}

// count adds to metrics what hooks of type Rollout said in a round; for one of the past nobody knows.
func (h hooks) count(metrics []v1alpha1.MetricStatus, r Round, past bool) []v1alpha1.MetricStatus {
	var out []v1alpha1.MetricStatus
	for _, hook := range h.plan.HooksOf(v1alpha1.HookRollout) {
		was := analysis.Find(metrics, hook.Name)
		if !past {
			was = analysis.Count(was, measuredHook(hook, r.Answers[hook.Name], r.At))
		}
		out = append(out, was)
	}
	return out
}

// measuredHook is what a hook said as a measurement. That it gave no answer is no fault of the canary.
func measuredHook(h v1alpha1.Hook, a HookReply, at time.Time) v1alpha1.Measurement {
	m := v1alpha1.Measurement{
		Time: metav1.NewTime(at.Truncate(time.Second)), Range: "a status of 2xx", Query: "POST " + h.URL, Message: a.Message,
	}
	switch a.Said {
	case v1alpha1.HookYes:
		m.Outcome, m.Reason = v1alpha1.OutcomePassed, v1alpha1.MeasuredHookYes
	case v1alpha1.HookNo:
		m.Outcome, m.Reason = v1alpha1.OutcomeFailed, v1alpha1.MeasuredHookNo
	case v1alpha1.HookNone:
		m.Outcome, m.Reason = v1alpha1.OutcomeError, v1alpha1.MeasuredHookNone
	default:
		m.Outcome, m.Reason, m.Message = v1alpha1.OutcomeError, v1alpha1.MeasuredHookNone, "it was not asked"
	}
	return m
}

// withMetrics is an analysis with the hooks of type Rollout among its metrics, to be judged by their limits.
func (h hooks) withMetrics(a v1alpha1.Analysis) v1alpha1.Analysis {
	for _, hook := range h.plan.HooksOf(v1alpha1.HookRollout) {
		a.Metrics = append(slices.Clone(a.Metrics), v1alpha1.Metric{Name: hook.Name, FailureLimit: new(h.refusalLimit(hook))})
	}
	return a
}

// rollback is what the first hook has said in a round that asks for the update to be reverted, whatever was
// measured. It is the word of somebody, so nothing stays frozen.
func (h hooks) rollback(r *Round) (v1alpha1.HookStatus, bool) {
	if r == nil {
		return v1alpha1.HookStatus{}, false
	}
	for _, hook := range h.plan.HooksOf(v1alpha1.HookRollback) {
		a := r.Answers[hook.Name]
		if a.Said == v1alpha1.HookYes && a.About == h.question(hook, fmt.Sprint(r.At.Unix())).About {
			return a.asked(hook, metav1.NewTime(a.At.Truncate(time.Second))), true
		}
	}
	return v1alpha1.HookStatus{}, false
}
