package deployments

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/hold"
)

// startAtOf reads when the annotations of a Deployment say the canary may be
// made. mistake says why they cannot be followed, and what to do.
func startAtOf(d objects.Deployment, record hold.Record) (at *metav1.Time, mistake string) {
	text := d.Annotation(v1alpha1.StartAtAnnotation)
	if text == "" {
		return nil, ""
	}
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, fmt.Sprintf("annotation %s is no time such as 2026-03-01T22:00:00Z: %v; mend it or take it off, until then the update stays held",
			v1alpha1.StartAtAnnotation, err)
	}
	if record.HeldAt.Sub(parsed) > lifecycle.StartTolerance {
		return nil, fmt.Sprintf("annotation %s says %s, which had passed long before the update was held; set a time to come or take it off, until then the update stays held",
			v1alpha1.StartAtAnnotation, text)
	}
	out := metav1.NewTime(parsed)
	return &out, ""
}
