package planqueries

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/plaintext"
)

// lateness says what is to be done about samples that come later than the endpoint's settings say: "" if they
// come in time, or nobody knows. Pods that have been there for long have values all the while; those of a
// canary do not.
func lateness(ctx context.Context, find lookup, plan v1alpha1.Analysis, round *lifecycle.Round, now time.Time) (string, error) {
	if len(find.pods) == 0 {
		return "", nil
	}
	var asked []string
	for _, m := range plan.Metrics {
		if o, ok := round.Observations[m.Name]; ok && m.Alerts == nil && o.Query != "" {
			asked = append(asked, o.Query)
		}
	}
	endpoint, err := find.Endpoint(ctx, plan.Endpoint)
	if err != nil || len(asked) == 0 {
		return "", nil //nolint:nilerr // each query says that there is no endpoint
	}
	age, err := endpoint.AgeOf(ctx, asked, now)
	if err != nil || !age.IsLate() {
		return "", err
	}
	return lateRemark(age), nil
}

func lateRemark(age analysis.SampleAge) string {
	return "; samples of these pods come late, and a canary has no data, or those of before, until they are there: " + age.Remedy()
}

// addLateness adds a remark to the condition of a plan whose queries are answered.
func addLateness(status v1alpha1.CanaryPlanStatus, remark string) v1alpha1.CanaryPlanStatus {
	c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionQueriesAnswered)
	if c != nil && c.Status == metav1.ConditionTrue && remark != "" {
		c.Message = plaintext.Line(c.Message+remark, maxMessage)
	}
	return status
}
