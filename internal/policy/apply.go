package policy

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
)

// Apply brings a plan within the bounds, beside a Deployment of so many replicas,
// and says what was changed and by which policy. The plan has its defaults, and
// so has the one that comes out.
//
// Bounds of two policies may leave no plan that could pass, such as a period
// longer than the deadline. Both are kept then; what is wrong with that the
// validation of plans says.
func (e Effective) Apply(plan v1alpha1.CanaryPlanSpec, replicas int32) (v1alpha1.CanaryPlanSpec, []v1alpha1.PolicyChange) {
	a := &applying{plan: *plan.DeepCopy(), replicas: replicas}
	a.measureOften(e) // first: windows of metrics follow from the interval
	a.addMetrics(e)
	a.lengthen(e)
	a.steer(e) // before the size: a step without a weight needs one
	a.dropAutoscaler()
	a.shrink(e)
	a.hurry(e)
	a.limit(e)
	a.plan.ImplyProbe() // metrics of policies may ask it
	a.boundProbe(e)
	for _, window := range e.FreezeWindows {
		if !slices.ContainsFunc(a.plan.FreezeWindows, func(w v1alpha1.FreezeWindow) bool { return sameWindow(w, window.Value) }) {
			a.plan.FreezeWindows = append(a.plan.FreezeWindows, *window.Value.DeepCopy())
			a.changed(window.Policy, "freezeWindows", "", windowText(window.Value))
		}
	}
	a.plan.SetDefaults()
	return a.plan, a.changes
}

type applying struct {
	plan     v1alpha1.CanaryPlanSpec
	replicas int32
	changes  []v1alpha1.PolicyChange
}

// maxChange is how much of a value a change repeats, in bytes.
const maxChange = 64

func (a *applying) changed(policy, field, from, to string) {
	a.changes = append(a.changes, v1alpha1.PolicyChange{Policy: policy, Field: field, From: plaintext.Cut(from, maxChange), To: plaintext.Cut(to, maxChange)})
}

// addMetrics puts the metrics of policies in the place of what the plan says
// under their names. Their failureLimit is theirs: the plan's does not loosen it.
func (a *applying) addMetrics(e Effective) {
	analysis := &a.plan.Analysis
	for _, demanded := range e.Metrics {
		want := []v1alpha1.Metric{*demanded.Value.DeepCopy()}
		analysis.SetMetricDefaults(want)
		setDefault(&want[0].FailureLimit, 2)
		if e.MaxFailureLimit.Is() {
			*want[0].FailureLimit = min(*want[0].FailureLimit, e.MaxFailureLimit.Value)
		}
		if slices.ContainsFunc(analysis.Metrics, func(m v1alpha1.Metric) bool { return asStrict(m, want[0]) }) {
			continue
		}
		named := func(m v1alpha1.Metric) bool { return m.Name == want[0].Name }
		from := ""
		if slices.ContainsFunc(analysis.Metrics, named) {
			from = "a metric of that name"
		}
		analysis.Metrics = append(slices.DeleteFunc(analysis.Metrics, named), want[0])
		for i := range a.plan.Steps {
			a.plan.Steps[i].Metrics = slices.DeleteFunc(a.plan.Steps[i].Metrics, named)
		}
		a.changed(demanded.Policy, "analysis.metrics["+want[0].Name+"]", from, addedWith(want[0]))
		if analysis.EndEarly && want[0].Compare == nil {
			analysis.EndEarly = false
			a.changed(demanded.Policy, "analysis.endEarly", "true", "false")
		}
	}
}

// added is what a change says in whole or to begin with where it adds a metric.
const added = "added"

// addedWith says besides what measures the requests that a metric is about.
func addedWith(m v1alpha1.Metric) string {
	if m.Source == "" {
		return added
	}
	return added + " with source " + string(m.Source)
}

// asStrict: a metric is the one that is demanded, and bears no more failures.
func asStrict(have, demanded v1alpha1.Metric) bool {
	if have.FailureLimit == nil || *have.FailureLimit > *demanded.FailureLimit {
		return false
	}
	have.FailureLimit = demanded.FailureLimit
	return reflect.DeepEqual(have, demanded)
}

// lengthen makes the last step longer where all together are too short.
func (a *applying) lengthen(e Effective) {
	if !e.MinPeriod.Is() {
		return
	}
	by := e.MinPeriod.Policy
	if a.plan.Analysis.EndEarly {
		a.plan.Analysis.EndEarly = false
		a.changed(by, "analysis.endEarly", "true", "false")
	}
	missing := e.MinPeriod.Value - a.plan.Total()
	if missing <= 0 {
		return
	}
	field, period := "analysis.period", &a.plan.Analysis.Period
	if last := len(a.plan.Steps) - 1; last >= 0 {
		field, period = fmt.Sprintf("steps[%d].period", last), &a.plan.Steps[last].Period
	}
	was := a.plan.Analysis.Period.Duration
	if *period != nil {
		was = (*period).Duration
	}
	*period = &metav1.Duration{Duration: min(was, v1alpha1.MaxPeriod) + missing} // what is longer is told by the validation of plans
	a.changed(by, field, was.String(), (*period).Duration.String())
	if total := a.plan.Total(); a.plan.Deadline.Duration < 2*total { // what was long enough for the plan is too short for this one
		a.setDuration(&a.plan.Deadline, 2*total, "deadline", by)
	}
}

func (a *applying) measureOften(e Effective) {
	if most := e.MaxInterval; most.Is() {
		a.atMost(&a.plan.Analysis.Interval, most, "analysis.interval")
		a.atMost(&a.plan.Analysis.InitialDelay, most, "analysis.initialDelay")
	}
}

// hurry ends what would be held for too long. What is frozen has no deadline.
func (a *applying) hurry(e Effective) {
	most := e.MaxDeadline
	if !most.Is() {
		return
	}
	a.atMost(&a.plan.Deadline, most, "deadline")
	if a.plan.OnFailure == v1alpha1.FailureFreeze {
		a.plan.OnFailure = v1alpha1.FailureRevert
		a.changed(most.Policy, "onFailure", string(v1alpha1.FailureFreeze), string(v1alpha1.FailureRevert))
	}
}

func (a *applying) atMost(field **metav1.Duration, most Bound[time.Duration], path string) {
	if (*field).Duration > most.Value {
		a.setDuration(field, most.Value, path, most.Policy)
	}
}

func (a *applying) setDuration(field **metav1.Duration, to time.Duration, path, policy string) {
	a.changed(policy, path, (*field).Duration.String(), to.String())
	*field = &metav1.Duration{Duration: to}
}

// limit bounds the numbers of a plan. Those of its metrics are told as one.
func (a *applying) limit(e Effective) {
	if most := e.MaxRuns; most.Is() && (a.plan.MaxRuns == nil || *a.plan.MaxRuns > most.Value) {
		a.changed(most.Policy, "maxRuns", text(a.plan.MaxRuns), text(&most.Value))
		a.plan.MaxRuns = &most.Value
	}
	if most := e.MaxRestartLimit; most.Is() && *a.plan.RestartLimit > most.Value {
		a.changed(most.Policy, "restartLimit", text(a.plan.RestartLimit), text(&most.Value))
		a.plan.RestartLimit = &most.Value
	}
	most := e.MaxFailureLimit
	if !most.Is() {
		return
	}
	if *a.plan.Analysis.FailureLimit > most.Value {
		a.changed(most.Policy, "analysis.failureLimit", text(a.plan.Analysis.FailureLimit), text(&most.Value))
		a.plan.Analysis.FailureLimit = &most.Value
	}
	var above *int32
	lists := [][]v1alpha1.Metric{a.plan.Analysis.Metrics}
	for i := range a.plan.Steps {
		lists = append(lists, a.plan.Steps[i].Metrics)
	}
	for _, metrics := range lists {
		for i := range metrics {
			limit := &metrics[i].FailureLimit
			if *limit == nil || **limit <= most.Value {
				continue
			}
			if above == nil || *above < **limit {
				above = *limit
			}
			*limit = &most.Value
		}
	}
	if above != nil {
		a.changed(most.Policy, "analysis.metrics.failureLimit", text(above), text(&most.Value))
	}
}

func text(n *int32) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(int(*n))
}

func setDefault[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}
