package backtest

import (
	"fmt"
	"math"
	"slices"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/plan/window"
)

// Settings are what a replay needs beside plan and rollout.
type Settings struct {
	Namespace, Deployment, Service string
	// Until is up to when there are recordings.
	Until time.Time
	// Measure observes the metrics of the plan at a time, for a run in this state.
	Measure func(in lifecycle.Snapshot, at time.Time) (*lifecycle.Round, error)
}

// Replay says what a plan would have decided about a rollout. Its error is
// Measure's alone.
func Replay(p Prepared, r Rollout, s Settings) (Judgement, error) {
	out := &replay{Settings: s, rollout: r, size: most(r.Pods), notes: slices.Clone(p.Notes)}
	if len(r.Pods) == 0 {
		return out.undecided(r.At, fmt.Sprintf(
			"no ReplicaSet was seen to come within %s of this time while another had pods", near)), nil
	}
	out.in = lifecycle.Snapshot{
		Now: r.At,
		Run: lifecycle.Run{
			Namespace: s.Namespace, Name: r.ReplicaSet, CreatedAt: r.At,
			Spec: v1alpha1.CanaryRunSpec{Deployment: s.Deployment, Plan: &p.Spec, ApprovedSteps: math.MaxInt32},
		},
		Deployment: lifecycle.Deployment{Exists: true, Guarded: true, Replicas: int32(max(r.Before, 1))},
		Rollout:    lifecycle.RolloutProgress{State: lifecycle.RolloutComplete},
		Service:    s.Service,
	}
	return out.play(p.Spec)
}

// replay is one replay under way.
type replay struct {
	Settings
	rollout Rollout
	// size is the greatest number of pods that the stand-in can have.
	size  int32
	in    lifecycle.Snapshot
	notes []string
	// measured is all that was measured so far, and readyAt when the first step was Ready.
	measured []Measured
	readyAt  time.Time
}

// play plans step after step, each at the time that the one before asked for.
func (r *replay) play(spec v1alpha1.CanaryPlanSpec) (Judgement, error) {
	for {
		if r.in.Now.After(r.Until) {
			return r.undecided(r.Until, "the recordings end before there is a verdict"), nil
		}
		if !r.stage() {
			return r.undecided(r.in.Now, "the pods of "+r.rollout.ReplicaSet+" were gone before there was a verdict: it was replaced by then"), nil
		}
		next := lifecycle.Next(r.in)
		if ask, ok := next.Ask.(lifecycle.Measure); ok { // the past has no Services and no other runs to ask for
			round, err := r.Measure(r.in, ask.At)
			if err != nil {
				return Judgement{}, err
			}
			r.in.Round = round
			next = lifecycle.Next(r.in)
			r.in.Round = nil
			r.keep(next.Status)
		}
		moved := next.Status.Phase != r.in.Run.Status.Phase || next.Status.Reason != r.in.Run.Status.Reason
		r.in.Run.Status = next.Status
		if next.Status.ReadyAt != nil && r.readyAt.IsZero() {
			r.readyAt = next.Status.ReadyAt.Time
		}
		if next.Status.Verdict != "" {
			return r.decide(spec), nil
		}
		if !moved || len(next.Actions) == 0 && next.Requeue > time.Second {
			r.in.Now = r.wake(next.Requeue)
		}
	}
}

// stage puts the pods on that were there; false where all of them had gone again.
func (r *replay) stage() bool {
	status := &r.in.Run.Status
	if status.CreatedAt == nil {
		return true
	}
	if status.Replicas > r.size {
		r.note("there were %d pods of %s at most, where the plan asks for a canary of %d", r.size, r.rollout.ReplicaSet, status.Replicas)
		status.Replicas = r.size
	}
	r.in.Pods = standIn(r.rollout.Pods, r.in.Now, status.Replicas)
	if status.Phase == v1alpha1.PhaseRunning { // pods that were taken away fail nothing
		status.Replicas = min(status.Replicas, int32(len(r.in.Pods)))
	}
	set := &lifecycle.Canary{Replicas: status.Replicas, Available: status.Replicas}
	r.in.Canary, r.in.Baseline, r.in.BaselinePods = set, nil, nil
	if lifecycle.WantsBaseline(r.in) {
		r.in.Baseline, r.in.BaselinePods = set, baseline(status.Replicas)
	}
	return len(r.in.Pods) > 0
}

// wake is when to plan again: after so long, or when something becomes of a pod.
func (r *replay) wake(after time.Duration) time.Time {
	at := r.Until.Add(time.Second)
	if after > 0 {
		at = r.in.Now.Add(after)
	}
	if next := change(r.rollout.Pods, r.in.Now); !next.IsZero() && next.Before(at) {
		return next
	}
	return at
}

// keep adds the newest round to what was measured.
func (r *replay) keep(after v1alpha1.CanaryRunStatus) {
	round, _ := analysis.Newest(analysis.Find(after.Metrics, analysis.Pods))
	for _, s := range after.Metrics {
		m, ok := analysis.Newest(s)
		if before, _ := analysis.Newest(analysis.Find(r.in.Run.Status.Metrics, s.Name)); !ok || before.Time.Equal(&m.Time) && before.Outcome != "" || round.Time.IsZero() {
			continue
		}
		i := slices.IndexFunc(r.measured, func(known Measured) bool { return known.Name == s.Name })
		if i < 0 {
			i = len(r.measured)
			r.measured = append(r.measured, Measured{Name: s.Name})
		}
		r.measured[i].Measurements = append(r.measured[i].Measurements, m)
	}
}

// decide reads the verdict as the evaluator would have acted on it.
func (r *replay) decide(spec v1alpha1.CanaryPlanSpec) Judgement {
	status := r.in.Run.Status
	d := r.decision(r.in.Now)
	d.Verdict, d.Reason, d.Message = status.Verdict, status.Reason, status.Message
	switch {
	case status.Verdict == v1alpha1.VerdictPass && spec.DryRun:
		d.Outcome = Passed
	case status.Verdict == v1alpha1.VerdictPass:
		d.Outcome = Released
		released := releasedAt(spec, d.At)
		d.ReleasedAt = &released
	case status.Verdict == v1alpha1.VerdictFail && spec.OnFailure == v1alpha1.FailureFreeze:
		d.Outcome = Frozen
	case status.Verdict == v1alpha1.VerdictInconclusive && spec.OnInconclusive == v1alpha1.InconclusivePause && status.Reason != v1alpha1.ReasonDeadline:
		d.Outcome = Inconclusive
	default:
		d.Outcome = Reverted
	}
	return d
}

// releasedAt is when an update that passed would have been released.
func releasedAt(spec v1alpha1.CanaryPlanSpec, at time.Time) time.Time {
	var windows []window.Window
	for _, f := range spec.FreezeWindows {
		if w, errs := window.Parse(f, nil); len(errs) == 0 { // none of a plan that was checked is wrong
			windows = append(windows, w)
		}
	}
	if until, _, open := window.Open(windows, at); open {
		return until
	}
	return at
}

func (r *replay) undecided(at time.Time, message string) Judgement {
	d := r.decision(at)
	d.Outcome, d.Message = Undecided, message
	if last := r.in.Run.Status.Message; last != "" {
		d.Message += "; last: " + last
	}
	return d
}

func (r *replay) decision(at time.Time) Judgement {
	return Judgement{Rollout: r.rollout, At: at, ReadyAt: r.readyAt, Metrics: r.measured, Notes: r.notes}
}

func (r *replay) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.notes, text) {
		r.notes = append(r.notes, text)
	}
}
