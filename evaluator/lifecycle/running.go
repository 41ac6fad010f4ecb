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
	a := s.analysis()
	s.count(a, s.schedule(a))
	s.tellStretched(a)
	schedule := s.schedule(a)
	if p, over := s.rolledBack(); over {
		return p
	}
	judgment := analysis.Evaluate(s.withHooks(a), s.out.Metrics, analysis.Progress{
		Schedule: schedule, Now: s.in.Now, Last: s.lastRound(), Rounds: s.out.Step.Measured, Overtime: s.out.Overtime,
	})
	if v := judgment.Verdict; v == v1alpha1.VerdictFail || v == v1alpha1.VerdictInconclusive {
		return s.judge(v, judgment.Reason, judgment.Message)
	}
	if p, over := s.manualLate(s.in.Now); over {
		return p
	}
	if lost := s.tookAway(); lost != "" {
		return s.beginAnew(v1alpha1.ReasonPodsTakenAway, lost, "when all are Ready")
	}
	if s.shareIsOff() {
		if lost := s.sharing().whyLost(readyPods(s.in.Pods)); lost != "" {
			return s.beginAnew(v1alpha1.ReasonShareLost, lost, "when they do")
		}
		if judgment.Verdict == v1alpha1.VerdictPass {
			judgment = analysis.Judgment{}
		}
	}
	due, isDue := s.due(schedule)
	if judgment.Verdict == v1alpha1.VerdictPass && (s.isUnseen(a) || s.in.isPast(s.lastRound()) && (isDue || s.hookIsUnseen())) {
		judgment = analysis.Judgment{}
	}
	isDue = isDue && s.in.Round == nil
	next := s.in.until(schedule.Next(s.lastRound()))
	youngUntil, young := s.isYoung()
	if judgment.Verdict == v1alpha1.VerdictPass && !young && (!isDue || !s.atGate()) {
		p := s.stepPassed(judgment.Reason, judgment.Message)
		if s.atGate() {
			s.out.Overtime = 0
			p.Requeue = sooner(p.Requeue, next)
		}
		return p
	}
	p := Move{Actions: s.repair(), Requeue: next}
	if judgment.Verdict == v1alpha1.VerdictPass && young {
		s.enter(s.out.Phase, s.out.Reason, "all is good, and the last step goes on until its pods have lived as long as all steps take, at "+
			youngUntil.UTC().Format(time.RFC3339))
		p.Requeue = min(p.Requeue, s.in.until(youngUntil))
	}
	if isDue {
		p.Ask = Measure{At: due, Questions: s.withRound(due)}
	} else if s.atGate() {
		who := "a person must decide"
		if s.out.Reason == v1alpha1.ReasonGateClosed {
			who = "a hook must say yes"
		}
		s.enter(s.out.Phase, s.out.Reason, who+", and not before the newest measurements are all good again")
	}
	if end := schedule.End(); s.in.Now.Before(end) {
		p.Requeue = min(p.Requeue, s.in.until(end))
	}
	if m := s.plan.Manual; m != nil && s.in.Now.Before(s.manualDeadline(s.in.Now)) {
		p.Requeue = min(p.Requeue, s.in.until(s.manualDeadline(s.in.Now)))
	}
	return p
}

// isYoung says whether the last of several steps has to go on until its pods are old enough, and when they are; or the
// only one, where an autoscaler may have taken away the pods that it began with.
func (s *planner) isYoung() (time.Time, bool) {
	if n := len(stepsOf(s.plan)); n < 2 && s.hpa() == nil || s.number() < n || s.atGate() {
		return time.Time{}, false
	}
	at := s.oldEnoughAt(s.in.Pods, s.in.Now)
	return at, s.in.Now.Before(at)
}

// count adds a round to the status, unless the status already has it or a newer one.
func (s *planner) count(a v1alpha1.Analysis, schedule analysis.Schedule) {
	r := s.in.Round
	if r == nil || !r.At.Truncate(time.Second).After(s.lastRound()) {
		return
	}
	counted := make([]v1alpha1.MetricStatus, 0, len(a.Metrics)+2)
	var warmingUp []string
	counted = append(counted, analysis.Count(analysis.Find(s.out.Metrics, analysis.Pods), s.health().measure(r.At)))
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
	counted = append(counted, s.countHooks(r)...)
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

// lastRound is the time of the newest round in the status, to the second. Every
// round measures the pods.
func (s *course) lastRound() time.Time {
	newest, _ := analysis.Newest(analysis.Find(s.out.Metrics, analysis.Pods))
	return newest.Time.Time
}
