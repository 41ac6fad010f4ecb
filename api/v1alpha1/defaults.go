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
	a := &s.Analysis
	setDefault(&a.InitialDelay, metav1.Duration{})
	setDefault(&a.Interval, metav1.Duration{Duration: 30 * time.Second})
	setDefault(&a.Period, metav1.Duration{Duration: 15 * time.Minute})
	setDefault(&a.FailureLimit, 2)
	setDefault(&a.ErrorLimit, 10)
	setDefault(&a.NoDataLimit, 10)
	setDefault(&s.Deadline, metav1.Duration{Duration: max(24*time.Hour, 2*s.Total())})
}

// Total is the time that the steps of a plan take together, the default
// period of its analysis set.
func (s *CanaryPlanSpec) Total() time.Duration {
	if len(s.Steps) == 0 {
		return s.Analysis.Period.Duration
	}
	var total time.Duration
	for _, step := range s.Steps {
		if step.Period != nil {
			total += step.Period.Duration
		} else {
			total += s.Analysis.Period.Duration
		}
	}
	return total
}

func setDefault[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}
