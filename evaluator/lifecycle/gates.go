package lifecycle

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// closed keeps the run until all gates of a moment have said yes, one after the other: in a phase, before a
// step that it is to go on to. A yes that stands in the status is not asked for again, unless the run begins
// anew.
func (s *planner) closed(moment v1alpha1.HookType, phase v1alpha1.Phase, step int) (Move, bool) {
	for _, h := range s.plan.HooksOf(moment) {
		stored := s.out.Hook(h.Name)
		if stored.Type != h.Type || stored.Step != int32(step) || stored.Since == nil {
			stored = v1alpha1.HookStatus{Name: h.Name, Type: h.Type, Step: int32(step), Since: new(s.at)}
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
		p.Actions = repair(s.in, s.course)
	}
	hooks := hooksOf(s.in, s.course)
	question := hooks.question(h, fmt.Sprintf("%d/%d", gate.Step, gate.Since.Unix()))
	answer, known := hooks.answer(question)
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
	next := answer.At.Add(hooks.poll())
	switch {
	case gate.Answer == v1alpha1.HookYes: // a later step goes on
		s.out.Message = fmt.Sprintf("hook %s (%s) said yes: %s", h.Name, h.Type, gate.Message)
		p.Requeue = soon
		return p
	case s.out.CreatedAt == nil && !s.in.Now.Before(gate.Since.Add(s.plan.Deadline.Duration)):
		// A gate before the canary has kept the update for as long as a run may take. Once there is a canary, the
		// deadline of the run holds.
		return s.late(fmt.Sprintf("hook %s did not say yes within %s", h.Name, Short(s.plan.Deadline.Duration)))
	case !known || !s.in.Now.Before(next):
		p.Questions = []HookQuestion{question}
		p.Requeue = hooks.poll()
	default:
		p.Requeue = s.in.until(next)
	}
	if s.out.CreatedAt == nil {
		p.Requeue = min(p.Requeue, s.in.until(gate.Since.Add(s.plan.Deadline.Duration)))
	}
	return p
}

// noteEvery is how often the words of a gate that goes on saying no are written again, where they change.
const noteEvery = time.Minute

// note has the status of a gate say what it answered.
func note(gate *v1alpha1.HookStatus, a HookReply) {
	if gate.Answer == a.Said && (gate.Message == a.Message || a.At.Before(lastAt(*gate).Add(noteEvery))) {
		return
	}
	gate.Answer, gate.Message, gate.At = a.Said, a.Message, &metav1.Time{Time: a.At.Truncate(time.Second)}
}
