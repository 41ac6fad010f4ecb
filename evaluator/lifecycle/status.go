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
func finish(in Snapshot, c course) v1alpha1.CanaryRunStatus {
	if in.Run.Deleting || in.Run.Status.Phase.Ended() {
		return c.out
	}
	c.policyApplied(in)
	c.tellAround(in.Around)
	if c.out.CreatedAt != nil && !c.out.Phase.Ended() {
		c.canaryColumns(in)
	}
	c.out.Validation = validation(c.out.Metrics)
	c.out.Duration = durationColumn(c)
	if c.out.Verdict == "" && c.judged && c.out.Phase != v1alpha1.PhaseReleasing && !c.out.Phase.Ended() {
		c.condition(v1alpha1.ConditionAnalyzed, metav1.ConditionUnknown, v1alpha1.ReasonMeasuring, "there is no verdict yet")
	}
	return c.out
}

// canaryColumns say how many pods the canary has, and where its requests come from.
func (c *course) canaryColumns(in Snapshot) {
	wanted := scalingOf(in, *c).target(in.Canary)
	ready := min(readyPods(in.Pods), wanted)
	c.out.Scale = fmt.Sprintf("%d/%d", ready, wanted)
	if in.Service != "" {
		c.out.Service = in.Service
	}
	c.out.Traffic = trafficColumn(in, *c)
	if ready >= c.out.Replicas && c.out.ReadyAt != nil {
		c.condition(v1alpha1.ConditionCanaryReady, metav1.ConditionTrue, v1alpha1.ReasonCanaryReady, "all canary pods are Ready")
	} else {
		c.condition(v1alpha1.ConditionCanaryReady, metav1.ConditionFalse, v1alpha1.ReasonNotReady, "not all canary pods are Ready")
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

// trafficColumn is where the canary's requests come from, with its share of the pods
// where the step asks for one.
func trafficColumn(in Snapshot, c course) string {
	all := c.out.Replicas + in.Deployment.Replicas
	if c.wantsBaseline() {
		all += c.out.Replicas
	}
	switch {
	case c.plan.TrafficSource() == v1alpha1.TrafficCanaryService && in.Traffic.Served && !c.isOut():
		return "canary service"
	case c.plan.ByRoutes() && c.out.Weight.IsSomething():
		return shareOf(c.out.Weight).short(c.plan.Mirrored())
	case c.plan.Apart(), c.out.Service == "", c.isOut():
		return "none"
	case c.step().PodShare == nil || all == 0:
		return "service"
	default:
		return fmt.Sprintf("service %d%%", (100*c.out.Replicas+all/2)/all)
	}
}

// durationColumn is the time that was measured, up to the newest round, of the time
// that all steps take. It changes only when something was measured.
func durationColumn(c course) string {
	if c.out.ReadyAt == nil || !c.judged {
		return ""
	}
	elapsed := earlierSteps(c)
	if at := c.readyAt(); at != nil {
		if newest, ok := analysis.Newest(analysis.Find(c.out.Metrics, analysis.Pods)); ok {
			elapsed += max(newest.Time.Sub(at.Time), 0)
		}
	}
	return Short(elapsed) + "/" + Short(c.plan.Total())
}

// earlierSteps is how long the steps before the one under way take.
func earlierSteps(c course) time.Duration {
	earlier := *c.plan
	earlier.Steps = stepsOf(c.plan)[:c.number()-1]
	if len(earlier.Steps) == 0 {
		return 0
	}
	return earlier.Total()
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
