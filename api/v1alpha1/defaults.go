package v1alpha1

import (
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
	a := &s.Analysis
	setDefault(&a.InitialDelay, metav1.Duration{})
	setDefault(&a.Interval, metav1.Duration{Duration: 30 * time.Second})
	setDefault(&a.Period, metav1.Duration{Duration: 15 * time.Minute})
	setDefault(&a.FailureLimit, 2)
	setDefault(&a.ErrorLimit, 10)
	setDefault(&a.NoDataLimit, 10)
	setDefaultText(&a.Source, SourcePrometheusClient)
	a.SetMetricDefaults(a.Metrics)
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
	}
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
