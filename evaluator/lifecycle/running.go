package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// measure: pods in trouble decide before any metric does; then what was
// measured, then what is due to be measured. At a gate it goes on in the same way.
func (s *planner) measure() Move {
	if !s.judged {
		return s.unjudged()
	}
	if p, aside := s.aside(); aside {
		return p
	}
	if p, over := s.troubled(); over {
		return p
	}
	if s.readyAt() == nil { // a status that was tampered with
		s.enter(v1alpha1.PhaseStarting, v1alpha1.ReasonCanaryStarting, "the canary pods start")
		return Move{Requeue: soon}
	}
	if r := s.in.Round; r != nil && r.At.Truncate(time.Second).After(lastRound(s.out.Metrics)) {
		s.count(*r)
	}
	s.tellStretched(s.in)
	if h, asks := hooksOf(s.in, s.course).rollback(s.in.Round); asks {
		s.out.SetHook(h)
		return s.judge(v1alpha1.VerdictFail, v1alpha1.ReasonRollbackAsked, fmt.Sprintf("hook %s (%s) asks for it: %s", h.Name, h.Type, h.Message))
	}
	rounds := roundsOf(s.in, s.course)
	judgment := analysis.Evaluate(hooksOf(s.in, s.course).withMetrics(rounds.analysis), s.out.Metrics, analysis.Progress{
		Schedule: rounds.schedule, Now: s.in.Now, Last: rounds.last, Rounds: s.out.Step.Measured, Overtime: s.out.Overtime,
	})
	if p, over := s.stopsBy(judgment); over {
		return p
	}
	due, isDue := rounds.due(s.in.Now)
	passes := judgment.Verdict == v1alpha1.VerdictPass && !sharingOf(s.in, s.course).isOff() && !rounds.leaveOut(isDue, s.plan.HooksOf(v1alpha1.HookRollout))
	isDue = isDue && s.in.Round == nil
	oldEnough, young := youngUntil(s.in, s.course)
	if passes && !young && (!isDue || !s.atGate()) {
		p := s.stepPassed(judgment.Reason, judgment.Message)
		if s.atGate() {
			s.out.Overtime = 0
			p.Requeue = sooner(p.Requeue, s.in.until(rounds.next()))
		}
		return p
	}
	p := measureOn(s.in, s.course, rounds)
	if passes && young {
		s.enter(s.out.Phase, s.out.Reason, "all is good, and the last step goes on until its pods have lived as long as all steps take, at "+
			oldEnough.UTC().Format(time.RFC3339))
		p.Requeue = min(p.Requeue, s.in.until(oldEnough))
	}
	switch {
	case isDue && s.in.isPast(due): // hooks are not asked about a time that is over
		p.Ask = Measure{At: due}
	case isDue:
		p.Ask = Measure{At: due, Questions: hooksOf(s.in, s.course).ofRound(due)}
	case s.atGate():
		s.keepAtGate()
	}
	return p
}

// stopsBy ends the step for what was measured, or for what keeps that from being enough.
func (s *planner) stopsBy(judgment analysis.Judgment) (Move, bool) {
	if v := judgment.Verdict; v == v1alpha1.VerdictFail || v == v1alpha1.VerdictInconclusive {
		return s.judge(v, judgment.Reason, judgment.Message), true
	}
	if p, over := s.manualLate(s.in.Now); over {
		return p, true
	}
	if lost := tookAway(s.in, s.course); lost != "" {
		return s.beginAnew(v1alpha1.ReasonPodsTakenAway, lost, "when all are Ready"), true
	}
	if share := sharingOf(s.in, s.course); share.isOff() {
		if lost := share.whyLost(readyPods(s.in.Pods)); lost != "" {
			return s.beginAnew(v1alpha1.ReasonShareLost, lost, "when they do"), true
		}
	}
	return Move{}, false
}

// measureOn goes on with the step, until something comes of it by itself.
func measureOn(in Snapshot, c course, rounds rounds) Move {
	p := Move{Actions: repair(in, c), Requeue: in.until(rounds.next())}
	if end := rounds.schedule.End(); in.Now.Before(end) {
		p.Requeue = min(p.Requeue, in.until(end))
	}
	if m := c.plan.Manual; m != nil && in.Now.Before(c.manualDeadline(in.Now)) {
		p.Requeue = min(p.Requeue, in.until(c.manualDeadline(in.Now)))
	}
	return p
}

// count adds a round to the status.
func (s *planner) count(r Round) {
	a, schedule := s.analysis(), roundsOf(s.in, s.course).schedule
	counted := make([]v1alpha1.MetricStatus, 0, len(a.Metrics)+2)
	var warmingUp []string
	counted = append(counted, analysis.Count(analysis.Find(s.out.Metrics, analysis.Pods), healthOf(s.in, s.course).measure(r.At)))
	if s.wantsBaseline() {
		counted = append(counted, analysis.Count(analysis.Find(s.out.Metrics, analysis.Baseline), s.in.baseline(s.out.Replicas).measureBaseline(r.At)))
	}
	for _, metric := range a.Metrics {
		observation, ok := r.Observations[metric.Name]
		if !ok {
			observation.Error = "it was not measured"
		}
		observation.FalseAlarms = analysis.FalseAlarms(s.plan)
		observation.Late = !r.At.Before(schedule.End())
		if metric.Labels != nil && s.in.isPast(r.At) { // nobody knows what they were
			counted = append(counted, analysis.Find(s.out.Metrics, metric.Name))
			continue
		}
		if observation.WarmingUp != "" { // there is no measurement, and no pass before there is one
			counted = append(counted, analysis.Find(s.out.Metrics, metric.Name))
			warmingUp = append(warmingUp, fmt.Sprintf("%s until %s after Ready", metric.Name, observation.WarmingUp))
			continue
		}
		counted = append(counted, analysis.Take(metric, analysis.Find(s.out.Metrics, metric.Name), r.At, observation))
	}
	counted = append(counted, hooksOf(s.in, s.course).count(s.out.Metrics, r, s.in.isPast(r.At))...)
	s.out.Metrics = withEarlier(counted, s.out.Metrics)
	s.out.Measured++
	s.out.Step.Measured++
	if r.At.After(schedule.End()) && len(warmingUp) == 0 && !s.in.isPast(r.At) {
		s.out.Overtime++
	}
	if s.atGate() {
		return
	}
	message := "the canary is measured"
	if len(warmingUp) > 0 {
		message += "; these wait for their windows to fill: " + strings.Join(warmingUp, ", ")
	}
	s.enter(v1alpha1.PhaseRunning, v1alpha1.ReasonMeasuring, message)
}

// withEarlier are the metrics of a round, and behind them those that only other
// steps measure, as they were.
func withEarlier(counted, earlier []v1alpha1.MetricStatus) []v1alpha1.MetricStatus {
	for _, m := range earlier {
		if !slices.ContainsFunc(counted, func(c v1alpha1.MetricStatus) bool { return c.Name == m.Name }) {
			counted = append(counted, m)
		}
	}
	return counted
}

// lastRound is the time of the newest round among metrics, to the second. Every
// round measures the pods.
func lastRound(metrics []v1alpha1.MetricStatus) time.Time {
	newest, _ := analysis.Newest(analysis.Find(metrics, analysis.Pods))
	return newest.Time.Time
}
