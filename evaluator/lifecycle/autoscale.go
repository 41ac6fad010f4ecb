package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Where a plan has scale.hpa, a HorizontalPodAutoscaler of the run scales the canary's ReplicaSet by the load
// of its own pods. Who settles the number of pods is divided like this:
//
//   - a step settles the fewest (status.replicas): as many are made when it begins, must get Ready, and are
//     judged;
//   - the autoscaler settles how many there are beyond, up to the plan's maxReplicas and what policies allow.
//     Within these bounds, which it has itself, its number stands;
//   - without a canary that is to have pods there is none: it goes before them, and before the pods of a
//     canary that failed are left to be looked at, of which it would take some away.
//
// It follows from what is there and from the status, so it is the same after a restart.

// Autoscaler is what there is of autoscalers of a run.
type Autoscaler struct {
	// Is says that the canary of this attempt has one, with these bounds; Whole that it is otherwise as the plan
	// says.
	Is, Whole   bool
	Least, Most int32
	// Left are the names of others of the run, of attempts before.
	Left []string
	// Active says that it has come to a number; Idle is why it has not, "" if it has or has said nothing yet.
	// Since is since when.
	Active bool
	Idle   string
	Since  time.Time
}

// NeedsAutoscaler says whether the next step depends on the autoscaler of the canary.
func NeedsAutoscaler(in Snapshot) bool {
	spec, _ := askedPlan(in)
	status := in.Run.Status
	return status.Autoscaler != nil || spec.HPA() != nil && status.CreatedAt != nil && !status.Phase.Ended() && !in.Run.Deleting
}

// HPAOf is what the autoscaler of a run's canary goes by, nil where it has none.
func HPAOf(in Snapshot) *v1alpha1.CanaryHPA { s := reading(in); return s.hpa() }

// hpa is what an autoscaler of the canary goes by, nil where it has none.
func (t terms) hpa() *v1alpha1.CanaryHPA {
	if !t.judged {
		return nil
	}
	return t.plan.HPA()
}

// scaling is how many pods the canary of the step under way may come to.
type scaling struct {
	hpa *v1alpha1.CanaryHPA
	// fewest are those of the step, allowed is the most that policies and the plan let an autoscaler have.
	fewest, allowed int32
}

func scalingOf(in Snapshot, c course) scaling {
	out := scaling{hpa: c.hpa(), fewest: c.out.Replicas}
	if out.hpa != nil {
		out.allowed = in.allowed(*out.hpa.MaxReplicas)
	}
	return out
}

// most is the largest canary.
func (s scaling) most() int32 { return max(s.allowed, s.fewest) }

// target is how many pods a canary is to have now.
func (s scaling) target(c *Canary) int32 {
	if c == nil || s.hpa == nil {
		return s.fewest
	}
	return max(s.fewest, min(c.Scaled, s.most()))
}

// withAutoscaler is how many pods a step begins with that asks for n of them.
func (t terms) withAutoscaler(n int32) int32 {
	if hpa := t.hpa(); hpa != nil {
		return min(max(n, *hpa.MinReplicas), *hpa.MaxReplicas)
	}
	return n
}

// ofStep is a set of pods as a step has it that has the fewest: what is more an autoscaler chose.
func (c *Canary) ofStep(fewest int32) *Canary {
	if c == nil || c.Replicas <= fewest || fewest == 0 {
		return c
	}
	out := *c
	out.Scaled, out.Replicas = c.Replicas, fewest
	return &out
}

// autoscale has the canary scaled by an autoscaler for as long as it is to be. With the move it returns what
// the status is to say of the autoscaler, and whether there is to be one.
func autoscale(in Snapshot, c course, p Move) (Move, *v1alpha1.AutoscalerStatus, bool) {
	a, before := in.Autoscaler, in.Run.Status
	if !NeedsAutoscaler(in) || before.Verdict != c.out.Verdict && c.out.Verdict != "" {
		return p, before.Autoscaler, false // nothing is done about a verdict before it is stored
	}
	least, most := c.out.Replicas, scalingOf(in, c).most()
	if set := in.Canary; set != nil && !set.Deleting && set.Scaled > most && !c.out.Phase.Ended() && !in.Run.Deleting && !slices.ContainsFunc(p.Actions, takesCanary) {
		p.Actions = append(p.Actions, ScaleCanary{most})
	}
	gone := a.Left
	wanted := wantsAutoscaler(in, c, p)
	if a.Is && !wanted {
		gone = append([]string{in.canaryName()}, gone...)
	}
	stopAutoscaling(&p, gone)
	switch {
	case !wanted && len(gone) == 0:
		return p, nil, false
	case !wanted:
		return p, cmp.Or(before.Autoscaler, &v1alpha1.AutoscalerStatus{Name: gone[0]}), false
	}
	if same := a.Is && a.Whole && a.Least == least && a.Most == most; !same {
		p.Actions = append(p.Actions, Autoscale{Least: least, Most: most})
		p.Requeue = sooner(p.Requeue, soon)
	}
	return p, &v1alpha1.AutoscalerStatus{Name: in.canaryName(), MinReplicas: least, MaxReplicas: most}, true
}

// stopAutoscaling deletes autoscalers before the pods go that they scale, and after all else: neither the
// share of what failed nor its hold waits for an autoscaler that cannot be deleted.
func stopAutoscaling(p *Move, names []string) {
	at := slices.IndexFunc(p.Actions, func(a Action) bool {
		switch a.(type) {
		case EmptyLeftover, DeleteLeftover:
			return true
		}
		return takesCanary(a)
	})
	if at < 0 {
		at = len(p.Actions)
	}
	for _, name := range slices.Backward(names) {
		p.Actions = slices.Insert(p.Actions, at, Action(StopAutoscaling{name}))
		p.Requeue = sooner(p.Requeue, soon)
	}
}

// wantsAutoscaler says whether the canary is to have an autoscaler after a move.
func wantsAutoscaler(in Snapshot, c course, p Move) bool {
	creates := slices.ContainsFunc(p.Actions, func(a Action) bool { _, is := a.(CreateCanary); return is })
	switch {
	case c.hpa() == nil, c.out.Phase.Ended(), in.Run.Deleting, !in.Deployment.Exists, in.Deployment.Deleting:
		return false
	case in.Run.Status.CreatedAt == nil, c.out.CreatedAt == nil, AttemptOf(in.Run.Status) != c.attempt(), c.out.Verdict == v1alpha1.VerdictFail:
		return false
	case c.out.Verdict != "" && !in.Autoscaler.Is, slices.ContainsFunc(p.Actions, takesCanary):
		return false // who has a verdict goes on without what was refused, or is gone
	case creates:
		return true
	}
	set := in.Canary
	return set != nil && !set.Deleting && !set.Foreign && (set.Replicas > 0 || c.out.Verdict == "")
}

// canaryName is what the canary of this attempt, and its autoscaler, are called.
func (in Snapshot) canaryName() string {
	return v1alpha1.CanaryName(in.Run.Name, AttemptOf(in.Run.Status))
}

// autoscalerGrace is how long an autoscaler may take to come to a number: its pods have to be measured first.
const autoscalerGrace = 2 * time.Minute

// tellAutoscaler says in a condition whether the autoscaler scales the canary, and if not, why, in its words;
// and when to look again, 0 being never. One that does not keeps nothing from going on: the canary has the
// pods of its step, and is judged by what they do.
func (s *course) tellAutoscaler(in Snapshot) (requeue time.Duration) {
	a := in.Autoscaler
	set := func(status metav1.ConditionStatus, reason, message string) {
		s.condition(v1alpha1.ConditionAutoscaled, status, reason, message)
	}
	idleUntil := a.Since.Add(autoscalerGrace)
	switch {
	case a.Is && a.Active:
		set(metav1.ConditionTrue, v1alpha1.ReasonAutoscaled, fmt.Sprintf("HorizontalPodAutoscaler %s scales the canary", in.canaryName()))
		return 0
	case a.Is && a.Idle != "" && !in.Now.Before(idleUntil):
		set(metav1.ConditionFalse, v1alpha1.ReasonAutoscalerIdle, fmt.Sprintf(
			"HorizontalPodAutoscaler %s does not scale the canary, which stays as it is: %s", in.canaryName(), a.Idle))
		return 0
	}
	if s.findCondition(v1alpha1.ConditionAutoscaled) == nil {
		set(metav1.ConditionUnknown, v1alpha1.ReasonAutoscalerStarts, "the autoscaler has not scaled the canary yet")
	}
	if a.Is && a.Idle != "" {
		return in.until(idleUntil)
	}
	return lookAgain
}

// notAutoscaled tells that the canary is not scaled, and why.
func notAutoscaled(before, after v1alpha1.CanaryRunStatus) []Transition {
	is := findFalse(after, v1alpha1.ConditionAutoscaled)
	if is == nil || findFalse(before, v1alpha1.ConditionAutoscaled) != nil {
		return nil
	}
	return []Transition{{Kind: TransitionNotAutoscaled, Message: is.Message, Reason: is.Reason}}
}

func findFalse(status v1alpha1.CanaryRunStatus, kind string) *metav1.Condition {
	for i := range status.Conditions {
		if c := &status.Conditions[i]; c.Type == kind && c.Status == metav1.ConditionFalse {
			return c
		}
	}
	return nil
}
