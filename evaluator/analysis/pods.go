package analysis

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/query"
	"holdfast.dev/holdfast/api/v1alpha1"
)

// Pods is the name of the metric that every run has.
const Pods = query.PodsMetric

// JudgePods is the measurement of the metric Pods: all canary pods must be
// Ready. why says what keeps one from it.
func JudgePods(at time.Time, ready, wanted int32, why string) v1alpha1.Measurement {
	m := v1alpha1.Measurement{
		Time:    metav1.NewTime(at.Truncate(time.Second)),
		Outcome: v1alpha1.OutcomePassed,
		Value:   fmt.Sprint(ready),
		Range:   fmt.Sprintf("[%d, %d]", wanted, wanted),
		Reason:  v1alpha1.MeasuredAllHealthy,
		Message: fmt.Sprintf("%d of %d canary pods are Ready", ready, wanted),
	}
	if ready < wanted {
		m.Outcome, m.Reason = v1alpha1.OutcomeFailed, v1alpha1.MeasuredNotReady
		if why != "" {
			m.Message = clip(m.Message+"; "+OneLine(why), maxMessage)
		}
	}
	return m
}
