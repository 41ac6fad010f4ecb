package v1alpha1

import (
	"math"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// SetDefaults fills in what is not said, with the values that the API server
// fills into a CanaryPlan. Plans that never pass through the API server (inline
// and built-in ones) get theirs here.
func (s *CanaryPlanSpec) SetDefaults() {
	setDefault(&s.Replicas, intstr.FromInt32(1))
	setDefault(&s.ReadyDeadline, metav1.Duration{Duration: 10 * time.Minute})
	setDefault(&s.RestartLimit, 0)
	if s.OnFailure == "" {
		s.OnFailure = FailureRevert
	}
	if s.Quarantine == "" {
		s.Quarantine = QuarantineAutomatic
	}
	if s.NewUpdates == "" {
		s.NewUpdates = NewUpdatesSupersede
	}
	setDefaultText(&s.Protect, ProtectNone)
	if s.OnInconclusive == "" {
		s.OnInconclusive = InconclusivePause
	}
	if s.Manual != nil {
		setDefault(&s.Manual.Deadline, metav1.Duration{Duration: time.Hour})
		if s.Manual.Assume == "" {
			s.Manual.Assume = AssumeNone
		}
	}
	for i := range s.FreezeWindows {
		if s.FreezeWindows[i].TimeZone == "" {
			s.FreezeWindows[i].TimeZone = "UTC"
		}
	}
	s.setTrafficDefaults()
	s.setHookDefaults()
	s.setScaleDefaults()
	s.setProbeDefaults()
	a := &s.Analysis
	setDefault(&a.InitialDelay, metav1.Duration{})
	setDefault(&a.Interval, metav1.Duration{Duration: 30 * time.Second})
	setDefault(&a.Period, metav1.Duration{Duration: 15 * time.Minute})
	setDefault(&a.FailureLimit, 2)
	setDefault(&a.ErrorLimit, 10)
	setDefault(&a.NoDataLimit, 10)
	setDefaultText(&a.Source, SourcePrometheusClient)
	setDefaultText(&a.FalseAlarms, "1%")
	a.SetMetricDefaults(a.Metrics)
	for i := range s.Steps {
		a.SetMetricDefaults(s.Steps[i].Metrics)
	}
	if s.Baseline == nil && s.comparesTo(CompareToBaseline) {
		s.Baseline = &Baseline{}
	}
	setDefault(&s.Deadline, metav1.Duration{Duration: max(24*time.Hour, 2*s.Total())})
}

// MaxPeriod is the longest period of a step, so that those of all steps have a sum.
const MaxPeriod = 365 * 24 * time.Hour

// maxTotal is what a sum of periods is at most that nobody has checked; twice as much is a duration still.
const maxTotal = time.Duration(math.MaxInt64 / 2)

// setTrafficDefaults fills in what steps do not say of a canary that routes give its requests: its weight and
// its size.
func (s *CanaryPlanSpec) setTrafficDefaults() {
	if s.Traffic == nil {
		return
	}
	setDefaultText(&s.Traffic.Source, TrafficService)
	if !s.ByRoutes() {
		return
	}
	if s.Mirrored() && s.Traffic.Increment == nil {
		setDefault(&s.Traffic.Weight, 100)
	}
	setDefault(&s.Traffic.Drain, metav1.Duration{Duration: 5 * time.Second})
	s.Traffic.Match.setDefaults()
	s.expandIncrement()
	for i := range s.Steps {
		step := &s.Steps[i]
		if step.Match == nil {
			step.Match = s.Traffic.Match.DeepCopy()
		}
		step.Match.setDefaults()
		if step.Weight == nil && s.Traffic.Weight != nil {
			setDefault(&step.Weight, *s.Traffic.Weight)
		}
		if step.Replicas == nil && step.PodShare == nil {
			setDefault(&step.Replicas, *s.Replicas)
		}
	}
}

// expandIncrement makes of traffic.increment the steps that it is short for, so that all else sees steps.
// What cannot be one stays as it is, for the validation to say so.
func (s *CanaryPlanSpec) expandIncrement() {
	t := s.Traffic
	if t.Increment == nil || t.Maximum == nil || t.Weight != nil || len(s.Steps) > 0 {
		return
	}
	increment, most := *t.Increment, *t.Maximum
	if increment < 1 || most < increment || most > 100 || most > MaxSteps*increment {
		return
	}
	for weight := increment; ; weight += increment {
		step := Step{Weight: new(min(weight, most))}
		s.Steps = append(s.Steps, step)
		if weight >= most {
			break
		}
	}
	t.Increment, t.Maximum = nil, nil
}

// MaxSteps is how many steps a plan has at most.
const MaxSteps = 16

// Total is the time that the steps of a plan take together, the default
// period of its analysis set.
func (s *CanaryPlanSpec) Total() time.Duration {
	if len(s.Steps) == 0 {
		return min(s.Analysis.Period.Duration, maxTotal)
	}
	var total time.Duration
	for _, step := range s.Steps {
		period := s.Analysis.Period
		if step.Period != nil {
			period = step.Period
		}
		total = min(total+min(period.Duration, maxTotal), maxTotal)
	}
	return total
}

// SetMetricDefaults fills in what metrics do not say, wherever in a plan they
// stand. A source and a limit that follow from another field have no default in
// the CustomResourceDefinition; a run has them in its copy of the plan.
func (a *Analysis) SetMetricDefaults(metrics []Metric) {
	for i := range metrics {
		m := &metrics[i]
		if m.Expect != "" {
			setDefaultText(&m.Source, a.Source)
		}
		if m.Labels != nil {
			setDefaultText(&m.Labels.Of, LabelsOfPods)
			setDefault(&m.FailureLimit, 0)
		}
		if m.Alerts != nil {
			setDefaultText(&m.Alerts.About, AlertsAboutPods)
			setDefault(&m.FailureLimit, 0)
		}
		if m.Over != nil {
			setDefault(&m.Over.Step, metav1.Duration{Duration: 15 * time.Second})
			setDefaultText(&m.Samples, SamplesAll)
		}
		if m.Deviation != nil {
			setDefaultText(&m.Deviation.Direction, DirectionBoth)
		}
		if m.List != nil {
			setDefaultText(&m.List.Tolerance, "0%")
		}
		if m.Compare != nil {
			setDefault(&m.FailureLimit, 0)
			m.Compare.setDefaults()
			if m.Compare.Count == nil {
				setDefault(&m.Window, metav1.Duration{Duration: max(a.Interval.Duration, 2*time.Minute)})
			}
		}
	}
}

// setDefaults is for a comparison. What is said of counts only, or of values only,
// has no default in the CustomResourceDefinition.
func (c *Comparison) setDefaults() {
	setDefaultText(&c.To, CompareToBaseline)
	setDefaultText(&c.Tolerance, "20%")
	setDefaultText(&c.Slack, "0")
	setDefault(&c.Catch, 2)
	setDefault(&c.Minimum.Points, 6)
	if c.Count == nil {
		setDefaultText(&c.Worse, WorseHigher)
	} else {
		setDefault(&c.Burst, 1)
		setDefault(&c.Minimum.Total, 500)
	}
}

// comparesTo says whether a metric of any step compares with such pods.
func (s *CanaryPlanSpec) comparesTo(what CompareTo) bool {
	return slices.ContainsFunc(s.Comparisons(), func(m Metric) bool { return m.Compare.To == what })
}

// AllMetrics are the metrics of the analysis and of all steps.
func (s *CanaryPlanSpec) AllMetrics() []Metric {
	metrics := slices.Clone(s.Analysis.Metrics)
	for _, step := range s.Steps {
		metrics = append(metrics, step.Metrics...)
	}
	return metrics
}

// Comparisons are the metrics of all steps that compare.
func (s *CanaryPlanSpec) Comparisons() []Metric {
	return slices.DeleteFunc(s.AllMetrics(), func(m Metric) bool { return m.Compare == nil })
}

func setDefaultText[T ~string](field *T, value T) {
	if *field == "" {
		*field = value
	}
}

func setDefault[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}
