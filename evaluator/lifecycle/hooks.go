package lifecycle

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// Hooks of a plan are asked aside: a move has the questions, it is carried out all the same, and the run is looked at
// again when they are answered. An answer is written into the status in a step that does nothing else about it, and a
// later step acts on what was stored. Whoever takes over asks again what was asked and is not in the status: each
// question is put once at least, and what is the same question has the same words (Question.About).

// Question is something to be asked of a hook.
type Question struct {
	Hook v1alpha1.Hook
	// About tells the question from the others of its run. Put again, it is the same.
	About string
}

// Answer is what a hook said.
type Answer struct {
	// About is that of the question.
	About string
	// At is when it was there.
	At   time.Time
	Said v1alpha1.HookAnswer
	// Message says it for people: a status, and a few words of the answer.
	Message string
}

// maxGatePoll is how seldom a gate is asked at most; where the interval of the analysis is shorter, that is.
const maxGatePoll = time.Minute

// poll is how long after an answer that is no yes a hook is asked again.
func (s *course) poll() time.Duration {
	return min(max(s.plan.Analysis.Interval.Duration, time.Second), maxGatePoll)
}

// about are the words of a question.
func (s *course) about(h v1alpha1.Hook, what string) string {
	return fmt.Sprintf("%d/%s/%s", s.attempt(), h.Name, what)
}

// answered is the answer to a question, where there is one.
func (in Snapshot) answered(h v1alpha1.Hook, about string) (Answer, bool) {
	a, known := in.Answers[h.Name]
	return a, known && a.About == about
}

// closed keeps the run until all gates of a moment have said yes, one after the other: in a phase, before a step that
// it is to go on to. A yes that stands in the status is not asked for again, unless the run begins anew.
func (s *planner) closed(moment v1alpha1.HookType, phase v1alpha1.Phase, step int) (Move, bool) {
	for _, h := range s.plan.HooksOf(moment) {
		stored := s.out.Hook(h.Name)
		if stored.Type != h.Type || stored.Step != int32(step) || stored.Since == nil {
			at := s.now()
			stored = v1alpha1.HookStatus{Name: h.Name, Type: h.Type, Step: int32(step), Since: &at}
		}
		if stored.Answer == v1alpha1.HookYes {
			continue
		}
		return s.waitAt(h, stored, phase), true
	}
	return Move{}, false
}

// waitAt is the plan of a run that waits at a gate.
func (s *planner) waitAt(h v1alpha1.Hook, gate v1alpha1.HookStatus, phase v1alpha1.Phase) Move {
	var p Move
	if s.out.CreatedAt != nil {
		p.Actions = s.repair()
	}
	about := s.about(h, fmt.Sprintf("%d/%d", gate.Step, gate.Since.Unix()))
	answer, known := s.in.answered(h, about)
	if known {
		note(&gate, answer)
	}
	s.out.SetHook(gate)
	says := "it is asked"
	if gate.Answer != "" {
		says = gate.Message
	}
	s.enter(phase, v1alpha1.ReasonGateClosed, fmt.Sprintf("waits for hook %s (%s) to say yes, since %s: %s",
		h.Name, h.Type, gate.Since.UTC().Format(time.RFC3339), says))
	next := answer.At.Add(s.poll())
	switch {
	case gate.Answer == v1alpha1.HookYes: // a later step goes on
		s.out.Message = fmt.Sprintf("hook %s (%s) said yes: %s", h.Name, h.Type, gate.Message)
		p.Requeue = soon
		return p
	case s.out.CreatedAt == nil && !s.in.Now.Before(gate.Since.Add(s.plan.Deadline.Duration)):
		return s.lateAtGate(h)
	case !known || !s.in.Now.Before(next):
		p.Questions = []Question{{Hook: h, About: about}}
		p.Requeue = s.poll()
	default:
		p.Requeue = s.in.until(next)
	}
	if s.out.CreatedAt == nil {
		p.Requeue = min(p.Requeue, s.in.until(gate.Since.Add(s.plan.Deadline.Duration)))
	}
	return p
}

// lateAtGate: a gate before the canary has kept the update for as long as a run may take. Once there is a canary, the
// deadline of the run holds.
func (s *planner) lateAtGate(h v1alpha1.Hook) Move {
	message := fmt.Sprintf("hook %s did not say yes within %s; last: %s", h.Name, Short(s.plan.Deadline.Duration), s.out.Message)
	s.out.Verdict = v1alpha1.VerdictInconclusive
	s.enter(s.out.Phase, v1alpha1.ReasonDeadline, message)
	s.condition(v1alpha1.ConditionAnalyzed, metav1.ConditionUnknown, v1alpha1.ReasonDeadline, message)
	return Move{Requeue: soon}
}

// noteEvery is how often the words of a gate that goes on saying no are written again, where they change.
const noteEvery = time.Minute

// note has the status of a gate say what it answered.
func note(gate *v1alpha1.HookStatus, a Answer) {
	if gate.Answer == a.Said && (gate.Message == a.Message || a.At.Before(lastAt(*gate).Add(noteEvery))) {
		return
	}
	gate.Answer, gate.Message, gate.At = a.Said, a.Message, &metav1.Time{Time: a.At.Truncate(time.Second)}
}

// preRollout asks the hooks that come before the first measurement, one after the other, once the pods of the first step
// are Ready. Until then routes give the canary nothing.
func (s *planner) preRollout() (Move, bool) {
	h, found := s.nextPreRollout()
	if !found {
		return Move{}, false
	}
	stored := s.out.Hook(h.Name)
	if stored.Since == nil {
		at := s.now()
		stored.Type, stored.Since = h.Type, &at
	}
	about := s.about(h, fmt.Sprintf("%d.%d", stored.Since.Unix(), lastAt(stored).Unix()))
	answer, known := s.in.answered(h, about)
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
	if limit := s.refusalLimit(h); stored.Refusals > limit {
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
	p := Move{Actions: s.repair()}
	switch next := lastAt(stored).Add(s.poll()); {
	case known:
		p.Requeue = soon
	case stored.Answer != "" && s.in.Now.Before(next):
		p.Requeue = s.in.until(next)
	default:
		p.Questions, p.Requeue = []Question{{Hook: h, About: about}}, s.poll()
	}
	return p, true
}

// preRolls says whether, by what is stored, a hook before the measurements has not said yes yet.
func preRolls(plan *v1alpha1.CanaryPlanSpec, stored v1alpha1.CanaryRunStatus, step int) bool {
	return step == 1 && slices.ContainsFunc(plan.HooksOf(v1alpha1.HookPreRollout), func(h v1alpha1.Hook) bool {
		return stored.Hook(h.Name).Answer != v1alpha1.HookYes
	})
}

// nextPreRollout is the first hook before the measurements that has not said yes.
func (s *course) nextPreRollout() (v1alpha1.Hook, bool) {
	if s.number() > 1 {
		return v1alpha1.Hook{}, false
	}
	hooks := s.plan.HooksOf(v1alpha1.HookPreRollout)
	i := slices.IndexFunc(hooks, func(h v1alpha1.Hook) bool { return s.out.Hook(h.Name).Answer != v1alpha1.HookYes })
	if i < 0 {
		return v1alpha1.Hook{}, false
	}
	return hooks[i], true
}

// preRolledAt is when a hook before the measurements answered last: for as long as they take, pods are not asked to be
// Ready by a time.
func (s *course) preRolledAt() time.Time {
	var at time.Time
	for _, h := range s.plan.HooksOf(v1alpha1.HookPreRollout) {
		if stored := s.out.Hook(h.Name); stored.At != nil {
			at = later(at, stored.At.Time)
		}
	}
	return at
}

func lastAt(h v1alpha1.HookStatus) time.Time {
	if h.At == nil {
		return time.Time{}
	}
	return h.At.Time
}

func (s *course) refusalLimit(h v1alpha1.Hook) int32 {
	if h.FailureLimit != nil {
		return *h.FailureLimit
	}
	return *s.plan.Analysis.FailureLimit
}

// withRound are the questions that go with a round. Nothing is asked about a time that is over.
func (s *planner) withRound(at time.Time) []Question {
	if s.in.isPast(at) {
		return nil
	}
	var out []Question
	for _, h := range slices.Concat(s.plan.HooksOf(v1alpha1.HookRollout), s.plan.HooksOf(v1alpha1.HookRollback)) {
		out = append(out, Question{Hook: h, About: s.about(h, fmt.Sprint(at.Unix()))})
	}
	return out
}

// countHooks adds what hooks of type Rollout said in a round. For a round of the past nobody knows.
func (s *planner) countHooks(r *Round) []v1alpha1.MetricStatus {
	var out []v1alpha1.MetricStatus
	for _, h := range s.plan.HooksOf(v1alpha1.HookRollout) {
		was := analysis.Find(s.out.Metrics, h.Name)
		if !s.in.isPast(r.At) {
			was = analysis.Count(was, measuredHook(h, r.Answers[h.Name], r.At))
		}
		out = append(out, was)
	}
	return out
}

// measuredHook is what a hook said as a measurement. That it gave no answer is no fault of the canary.
func measuredHook(h v1alpha1.Hook, a Answer, at time.Time) v1alpha1.Measurement {
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

// withHooks is an analysis with the hooks of type Rollout among its metrics, to be judged by their limits.
func (s *course) withHooks(a v1alpha1.Analysis) v1alpha1.Analysis {
	for _, h := range s.plan.HooksOf(v1alpha1.HookRollout) {
		a.Metrics = append(slices.Clone(a.Metrics), v1alpha1.Metric{Name: h.Name, FailureLimit: new(s.refusalLimit(h))})
	}
	return a
}

// hookIsUnseen says whether the newest round left out a hook, for it was made up for.
func (s *course) hookIsUnseen() bool {
	return slices.ContainsFunc(s.plan.HooksOf(v1alpha1.HookRollout), func(h v1alpha1.Hook) bool {
		newest, ok := analysis.Newest(analysis.Find(s.out.Metrics, h.Name))
		return !ok || newest.Time.Time.Before(s.lastRound())
	})
}

// rolledBack reverts where a hook says so, whatever was measured. It is the word of somebody, so nothing stays frozen.
func (s *planner) rolledBack() (Move, bool) {
	if s.in.Round == nil {
		return Move{}, false
	}
	for _, h := range s.plan.HooksOf(v1alpha1.HookRollback) {
		a := s.in.Round.Answers[h.Name]
		if a.Said != v1alpha1.HookYes || a.About != s.about(h, fmt.Sprint(s.in.Round.At.Unix())) {
			continue
		}
		at := metav1.NewTime(a.At.Truncate(time.Second))
		s.out.SetHook(v1alpha1.HookStatus{Name: h.Name, Type: h.Type, Since: &at, At: &at, Answer: a.Said, Message: a.Message})
		return s.judge(v1alpha1.VerdictFail, v1alpha1.ReasonRollbackAsked, fmt.Sprintf("hook %s (%s) asks for it: %s", h.Name, h.Type, a.Message)), true
	}
	return Move{}, false
}

// postRolloutLimit is how long after the end of a run its hooks are still told of that.
const postRolloutLimit = time.Hour

// postRollout tells hooks of the end of a run that had a canary, once each, whatever they answer.
func (s *planner) postRollout() []Question {
	if s.in.Run.Deleting || s.out.CreatedAt == nil || s.out.FinishedAt == nil || !s.in.Now.Before(s.out.FinishedAt.Add(postRolloutLimit)) {
		return nil
	}
	var out []Question
	for _, h := range s.plan.HooksOf(v1alpha1.HookPostRollout) {
		stored := s.out.Hook(h.Name)
		if stored.Answer != "" {
			continue
		}
		about := s.about(h, fmt.Sprint(s.out.FinishedAt.Unix()))
		a, known := s.in.answered(h, about)
		if !known {
			out = append(out, Question{Hook: h, About: about})
			continue
		}
		at := metav1.NewTime(a.At.Truncate(time.Second))
		s.out.SetHook(v1alpha1.HookStatus{Name: h.Name, Type: h.Type, Since: s.out.FinishedAt, At: &at, Answer: a.Said, Message: a.Message})
	}
	return out
}

// askedHooks are the hooks that have said another thing than before.
func askedHooks(before, after v1alpha1.CanaryRunStatus) []Transition {
	var out []Transition
	for _, h := range after.Hooks {
		was := before.Hook(h.Name)
		if was.Step != h.Step || !was.Since.Equal(h.Since) {
			was = v1alpha1.HookStatus{}
		}
		if h.Answer == "" || was.Answer == h.Answer && was.At.Equal(h.At) || h.Type == v1alpha1.HookRollback {
			continue
		}
		kind := TransitionHookFailed
		switch yes := h.Answer == v1alpha1.HookYes; {
		case h.Type.IsGate() && yes:
			kind = TransitionGateOpened
		case h.Type.IsGate() && was.Answer != "": // it was no yes before
			continue
		case h.Type.IsGate():
			kind = TransitionGateClosed
		case yes:
			kind = TransitionHookPassed
		}
		out = append(out, Transition{Kind: kind, Subject: h.Name, Reason: string(h.Type), Message: fmt.Sprintf("hook %s (%s): %s", h.Name, h.Type, h.Message)})
	}
	return out
}
