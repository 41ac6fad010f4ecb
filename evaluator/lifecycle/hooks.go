package lifecycle

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Hooks of a plan are asked aside: a move has the questions, it is carried out all the same, and the run is
// looked at again when they are answered. An answer is written into the status in a step that does nothing
// else about it, and a later step acts on what was stored. Whoever takes over asks again what was asked and
// is not in the status: each question is put once at least, and what is the same question has the same words
// (Question.About).

// HookQuestion is something to be asked of a hook.
type HookQuestion struct {
	Hook v1alpha1.Hook
	// About tells the question from the others of its run. Put again, it is the same.
	About string
}

// HookReply is what a hook said.
type HookReply struct {
	// About is that of the question.
	About string
	// At is when it was there.
	At   time.Time
	Said v1alpha1.HookAnswer
	// Message says it for people: a status, and a few words of the answer.
	Message string
}

// hooks are those of a plan in an attempt of its run, and what they have said as far as it is known.
type hooks struct {
	plan    *v1alpha1.CanaryPlanSpec
	attempt int32
	replies map[string]HookReply
}

func hooksOf(in Snapshot, c course) hooks { return hooks{c.plan, c.attempt(), in.Answers} }

// question is what a hook is asked about.
func (h hooks) question(hook v1alpha1.Hook, what string) HookQuestion {
	return HookQuestion{Hook: hook, About: fmt.Sprintf("%d/%s/%s", h.attempt, hook.Name, what)}
}

// answer is the answer to a question, where there is one.
func (h hooks) answer(q HookQuestion) (HookReply, bool) {
	a, known := h.replies[q.Hook.Name]
	return a, known && a.About == q.About
}

// maxGatePoll is how seldom a gate is asked at most; where the interval of the analysis is shorter, that is.
const maxGatePoll = time.Minute

// poll is how long after an answer that is no yes a hook is asked again.
func (h hooks) poll() time.Duration {
	return min(max(h.plan.Analysis.Interval.Duration, time.Second), maxGatePoll)
}

// refusalLimit is how often in a row a hook may say no.
func (h hooks) refusalLimit(hook v1alpha1.Hook) int32 {
	if hook.FailureLimit != nil {
		return *hook.FailureLimit
	}
	return *h.plan.Analysis.FailureLimit
}

// asked is what the status says of a hook that was asked first at a time and has answered.
func (a HookReply) asked(h v1alpha1.Hook, since metav1.Time) v1alpha1.HookStatus {
	at := metav1.NewTime(a.At.Truncate(time.Second))
	return v1alpha1.HookStatus{Name: h.Name, Type: h.Type, Since: &since, At: &at, Answer: a.Said, Message: a.Message}
}

// postRolloutLimit is how long after the end of a run its hooks are still told of that.
const postRolloutLimit = time.Hour

// ofEnd are the questions by which hooks are told of the end of a run that had a canary, once each, whatever
// they answer; and what the status is to say of those that have.
func (h hooks) ofEnd(status v1alpha1.CanaryRunStatus, now time.Time) (questions []HookQuestion, told []v1alpha1.HookStatus) {
	if status.CreatedAt == nil || status.FinishedAt == nil || !now.Before(status.FinishedAt.Add(postRolloutLimit)) {
		return nil, nil
	}
	for _, hook := range h.plan.HooksOf(v1alpha1.HookPostRollout) {
		if status.Hook(hook.Name).Answer != "" {
			continue
		}
		q := h.question(hook, fmt.Sprint(status.FinishedAt.Unix()))
		if a, known := h.answer(q); known {
			told = append(told, a.asked(hook, *status.FinishedAt))
		} else {
			questions = append(questions, q)
		}
	}
	return questions, told
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
