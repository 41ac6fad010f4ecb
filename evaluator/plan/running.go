package plan

import (
	"fmt"
	"strings"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// measure: pods in trouble decide before any metric does; then what was
// measured, then what is due to be measured.
//
// A Deployment that is scaled to zero meanwhile changes nothing: the canary has
// pods of its own, and is measured to the end.
func (s *step) measure() Plan {
	plan := s.in.Run.Spec.Plan
	if trouble := findTrouble(s.in.Pods, *plan.RestartLimit, s.in.Now); trouble.reason != "" {
		return s.judge(v1alpha1.VerdictFail, trouble.reason, trouble.message)
	}
	if s.out.ReadyAt == nil { // a status that was tampered with
		s.enter(v1alpha1.PhaseStarting, v1alpha1.ReasonCanaryStarting, "the canary pods start")
		return Plan{Requeue: soon}
	}
	schedule := analysis.NewSchedule(plan.Analysis, s.out.ReadyAt.Time)
	s.count(schedule)
	judgment := analysis.Evaluate(plan.Analysis, s.out.Metrics, analysis.Progress{
		Schedule: schedule, Now: s.in.Now, Last: s.lastRound(), Overtime: s.out.Overtime,
	})
	if judgment.Verdict != "" {
		return s.judge(judgment.Verdict, judgment.Reason, judgment.Message)
	}
	p := Plan{Actions: s.repair(), Requeue: s.until(schedule.Next(s.lastRound()))}
	if due, ok := schedule.Due(s.lastRound(), s.in.Now); ok && s.in.Round == nil {
		p.Measure = due
	}
	if end := schedule.End(); s.in.Now.Before(end) {
		p.Requeue = min(p.Requeue, s.until(end))
	}
	return p
}

// count adds a round to the status, unless the status already has it or a newer one.
func (s *step) count(schedule analysis.Schedule) {
	r := s.in.Round
	if r == nil || !r.At.Truncate(time.Second).After(s.lastRound()) {
		return
	}
	metrics := s.in.Run.Spec.Plan.Analysis.Metrics
	counted := make([]v1alpha1.MetricStatus, 0, len(metrics)+1)
	var warmingUp []string
	_, why := whyNotReady(s.in.Canary, s.in.Pods, s.out.Replicas)
	counted = append(counted, analysis.Count(
		analysis.Find(s.out.Metrics, analysis.Pods),
		analysis.JudgePods(r.At, min(readyPods(s.in.Pods), s.out.Replicas), s.out.Replicas, why)))
	for _, metric := range metrics {
		observation, ok := r.Observations[metric.Name]
		if !ok {
			observation.Error = "it was not measured"
		}
		if observation.WarmingUp != "" { // there is no measurement, and no pass before there is one
			counted = append(counted, analysis.Find(s.out.Metrics, metric.Name))
			warmingUp = append(warmingUp, fmt.Sprintf("%s until %s after Ready", metric.Name, observation.WarmingUp))
			continue
		}
		counted = append(counted, analysis.Count(
			analysis.Find(s.out.Metrics, metric.Name), analysis.Judge(metric, r.At, observation)))
	}
	s.out.Metrics = counted
	s.out.Measured++
	if r.At.After(schedule.End()) && len(warmingUp) == 0 {
		s.out.Overtime++
	}
	message := "the canary is measured"
	if len(warmingUp) > 0 {
		message += "; these wait for their windows to fill: " + strings.Join(warmingUp, ", ")
	}
	s.enter(v1alpha1.PhaseRunning, v1alpha1.ReasonMeasuring, message)
}

// lastRound is the time of the newest round in the status, to the second. Every
// round measures the pods.
func (s *step) lastRound() time.Time {
	newest, _ := analysis.Newest(analysis.Find(s.out.Metrics, analysis.Pods))
	return newest.Time.Time
}
