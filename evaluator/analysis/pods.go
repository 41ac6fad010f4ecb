package analysis

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
)

// Pods is the name of the metric that every run has.
const Pods = query.PodsMetric

// Baseline is the name of the metric that every run with a baseline has.
const Baseline = query.BaselineMetric

// JudgeBaseline is the measurement of the metric Baseline. Its pods run what is
// stable already, so where they are not Ready nothing has failed: the round is in
// error, for there is nothing to compare the canary with.
func JudgeBaseline(at time.Time, ready, wanted int32, why string) v1alpha1.Measurement {
	m := judgeSet("baseline", at, ready, wanted, why)
	if m.Outcome == v1alpha1.OutcomeFailed {
		m.Outcome = v1alpha1.OutcomeError
	}
	return m
}

// JudgePods is the measurement of the metric Pods: all canary pods must be
// Ready. why says what keeps one from it.
func JudgePods(at time.Time, ready, wanted int32, why string) v1alpha1.Measurement {
	return judgeSet("canary", at, ready, wanted, why)
}

func judgeSet(role string, at time.Time, ready, wanted int32, why string) v1alpha1.Measurement {
	m := v1alpha1.Measurement{
		Time:    metav1.NewTime(at.Truncate(time.Second)),
		Outcome: v1alpha1.OutcomePassed,
		Value:   fmt.Sprint(ready),
		Range:   fmt.Sprintf("[%d, %d]", wanted, wanted),
		Reason:  v1alpha1.MeasuredAllHealthy,
		Message: fmt.Sprintf("%d of %d %s pods are Ready", ready, wanted, role),
	}
	if ready < wanted {
		m.Outcome, m.Reason = v1alpha1.OutcomeFailed, v1alpha1.MeasuredNotReady
		if why != "" {
			m.Message += "; " + strings.TrimPrefix(OneLine(why), m.Message+"; ")
			m.Message = plaintext.Cut(m.Message, maxMessage)
		}
	}
	return m
}
