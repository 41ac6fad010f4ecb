package lifecycle

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

var analyzed = map[v1alpha1.Verdict]metav1.ConditionStatus{
	v1alpha1.VerdictPass:         metav1.ConditionTrue,
	v1alpha1.VerdictFail:         metav1.ConditionFalse,
	v1alpha1.VerdictInconclusive: metav1.ConditionUnknown,
}

// roundUp keeps what counts from a time from ending early.
func roundUp(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); whole.Before(t) {
		return whole.Add(time.Second)
	}
	return t
}

// finish fills in what follows from the rest of a status and is there for
// people. Ended runs keep what they ended with.
func (s *planner) finish() v1alpha1.CanaryRunStatus {
	if s.in.Run.Deleting || s.in.Run.Status.Phase.Ended() {
		return s.out
	}
	s.policyApplied(s.in)
	s.tellAround(s.in.Around)
	if s.out.CreatedAt != nil && !s.out.Phase.Ended() {
		s.canaryColumns()
	}
	s.out.Validation = validation(s.out.Metrics)
	s.out.Duration = s.duration()
	if s.out.Verdict == "" && s.judged && s.out.Phase != v1alpha1.PhaseReleasing && !s.out.Phase.Ended() {
		s.condition(v1alpha1.ConditionAnalyzed, metav1.ConditionUnknown, v1alpha1.ReasonMeasuring, "there is no verdict yet")
	}
	return s.out
}

func (s *planner) canaryColumns() {
	wanted := s.scaling(s.in).to(s.in.Canary)
	ready := min(readyPods(s.in.Pods), wanted)
	s.out.Scale = fmt.Sprintf("%d/%d", ready, wanted)
	if s.in.Service != "" {
		s.out.Service = s.in.Service
	}
	s.out.Traffic = s.traffic()
	if ready >= s.out.Replicas && s.out.ReadyAt != nil {
		s.condition(v1alpha1.ConditionCanaryReady, metav1.ConditionTrue, v1alpha1.ReasonCanaryReady, "all canary pods are Ready")
	} else {
		s.condition(v1alpha1.ConditionCanaryReady, metav1.ConditionFalse, v1alpha1.ReasonNotReady, "not all canary pods are Ready")
	}
}

// validation is the good measurements of those taken.
func validation(metrics []v1alpha1.MetricStatus) string {
	var good, taken int32
	for _, m := range metrics {
		good += m.Passed
		taken += m.Passed + m.Failed + m.Errors + m.NoData
	}
	if taken == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", good, taken)
}

// traffic is where the canary's requests come from, with its share of the pods
// where the step asks for one.
func (s *planner) traffic() string {
	all := s.out.Replicas + s.in.Deployment.Replicas
	if s.wantsBaseline() {
		all += s.out.Replicas
	}
	switch {
	case s.plan.TrafficSource() == v1alpha1.TrafficCanaryService && s.in.Traffic.Served && !s.isOut():
		return "canary service"
	case s.plan.ByRoutes() && s.out.Weight.IsSomething():
		return shareOf(s.out.Weight).short(s.plan.Mirrored())
	case s.plan.Apart(), s.out.Service == "", s.isOut():
		return "none"
	case s.step().PodShare == nil || all == 0:
		return "service"
	default:
		return fmt.Sprintf("service %d%%", (100*s.out.Replicas+all/2)/all)
	}
}

// duration is the time that was measured, up to the newest round, of the time
// that all steps take. It changes only when something was measured.
func (s *course) duration() string {
	if s.out.ReadyAt == nil || !s.judged {
		return ""
	}
	elapsed := s.before()
	if at := s.readyAt(); at != nil {
		if newest, ok := analysis.Newest(analysis.Find(s.out.Metrics, analysis.Pods)); ok {
			elapsed += max(newest.Time.Sub(at.Time), 0)
		}
	}
	return Short(elapsed) + "/" + Short(s.plan.Total())
}

// Short writes a duration without the units that are zero: "15m", "1m20s".
func Short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
