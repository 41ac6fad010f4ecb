package lifecycle

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// preRollout asks the hooks that come before the first measurement, one after the other, once the pods of the
// first step are Ready. Until then routes give the canary nothing.
func (s *planner) preRollout() (Move, bool) {
	h, found := nextPreRollout(s.plan, s.out, s.number())
	if !found {
		return Move{}, false
	}
	stored := s.out.Hook(h.Name)
	if stored.Since == nil {
		stored.Type, stored.Since = h.Type, new(s.at)
	}
	hooks := hooksOf(s.in, s.course)
	question := hooks.question(h, fmt.Sprintf("%d.%d", stored.Since.Unix(), lastAt(stored).Unix()))
	answer, known := hooks.answer(question)
	if known {
		stored.Answer, stored.Message, stored.At = answer.Said, answer.Message, &metav1.Time{Time: later(lastAt(stored).Add(time.Second), answer.At.Truncate(time.Second))}
		switch answer.Said {
		case v1alpha1.HookNo:
			stored.Refusals, stored.Errors = stored.Refusals+1, 0
		case v1alpha1.HookNone:
			stored.Errors++
		}
	}
	s.out.SetHook(stored)
	if limit := hooks.refusalLimit(h); stored.Refusals > limit {
		return s.judge(v1alpha1.VerdictFail, v1alpha1.ReasonHookRefused, fmt.Sprintf(
			"hook %s (%s) said no %d times in a row, limit %d: %s", h.Name, h.Type, stored.Refusals, limit, stored.Message)), true
	}
	if limit := *s.plan.Analysis.ErrorLimit; stored.Errors > limit {
		return s.judge(v1alpha1.VerdictInconclusive, v1alpha1.ReasonErrorLimit, fmt.Sprintf(
			"hook %s (%s) gave no answer %d times in a row, limit %d: %s", h.Name, h.Type, stored.Errors, limit, stored.Message)), true
	}
	says := "it is asked"
	if stored.Answer != "" {
		says = stored.Message
	}
	s.enter(v1alpha1.PhaseStarting, v1alpha1.ReasonPreRollout, fmt.Sprintf("all pods are Ready; hook %s (%s) must say yes before anything is measured: %s", h.Name, h.Type, says))
	p := Move{Actions: repair(s.in, s.course)}
	switch next := lastAt(stored).Add(hooks.poll()); {
	case known:
		p.Requeue = soon
	case stored.Answer != "" && s.in.Now.Before(next):
		p.Requeue = s.in.until(next)
	default:
		p.Questions, p.Requeue = []HookQuestion{question}, hooks.poll()
	}
	return p, true
}

// nextPreRollout is the first hook before the measurements that has not said yes by a status, while its first
// step is under way.
func nextPreRollout(plan *v1alpha1.CanaryPlanSpec, status v1alpha1.CanaryRunStatus, step int) (v1alpha1.Hook, bool) {
	if step > 1 {
		return v1alpha1.Hook{}, false
	}
	for _, h := range plan.HooksOf(v1alpha1.HookPreRollout) {
		if status.Hook(h.Name).Answer != v1alpha1.HookYes {
			return h, true
		}
	}
	return v1alpha1.Hook{}, false
}

// preRolledAt is when a hook before the measurements answered last: for as long as they take, pods are not
// asked to be Ready by a time.
func preRolledAt(plan *v1alpha1.CanaryPlanSpec, status v1alpha1.CanaryRunStatus) time.Time {
	var at time.Time
	for _, h := range plan.HooksOf(v1alpha1.HookPreRollout) {
		at = later(at, lastAt(status.Hook(h.Name)))
	}
	return at
}

func lastAt(h v1alpha1.HookStatus) time.Time {
	if h.At == nil {
		return time.Time{}
	}
	return h.At.Time
}
