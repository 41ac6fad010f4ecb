package analysis

import (
	"slices"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// maxLast is how many measurements a metric's status keeps.
const maxLast = 10

// Count adds a measurement to what was measured of its metric. The status it is
// given stays as it is.
func Count(s v1alpha1.MetricStatus, m v1alpha1.Measurement) v1alpha1.MetricStatus {
	if len(s.Last) > 0 && s.Last[len(s.Last)-1].Outcome == m.Outcome {
		s.Streak++
	} else {
		s.Streak = 1
	}
	switch m.Outcome {
	case v1alpha1.OutcomePassed:
		s.Passed++
		s.ConsecutiveFailures, s.ConsecutiveErrors, s.ConsecutiveNoData = 0, 0, 0
	case v1alpha1.OutcomeFailed:
		s.Failed++
		s.ConsecutiveFailures++
		s.ConsecutiveErrors, s.ConsecutiveNoData = 0, 0
	case v1alpha1.OutcomeNoData:
		s.NoData++
		if m.Reason != v1alpha1.MeasuredGathering { // which comes with time
			s.ConsecutiveNoData++
		}
	default:
		s.Errors++
		s.ConsecutiveErrors++
	}
	s.Last = slices.Clone(s.Last)
	for i := range s.Last {
		s.Last[i].Query = ""
	}
	s.Last = append(s.Last, m)
	s.Last = s.Last[max(0, len(s.Last)-maxLast):]
	return s
}
