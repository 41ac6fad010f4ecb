package analysis

import (
	"errors"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis/evidence"
)

// Shown is what the evidence of a comparison of counts has come to.
type Shown struct {
	evidence.Result
	// Alpha is the probability of a false alarm that the comparison may spend, Beta that of a miss: the p-values
	// of the result decide at these.
	Alpha, Beta float64
	// Sum is what was counted on both sides.
	Sum v1alpha1.Counts
}

var errNotCounted = errors.New("the metric compares no counts, or has counted nothing yet")

// Show reads from the status of a metric what its comparison of counts has come to, for those who show it to
// people; falseAlarms is that of the plan (FalseAlarms).
func Show(metric v1alpha1.Metric, status v1alpha1.MetricStatus, falseAlarms float64) (Shown, error) {
	if metric.Compare == nil || metric.Compare.Count == nil || status.Compared == nil {
		return Shown{}, errNotCounted
	}
	test, err := countsOf(*metric.Compare, falseAlarms)
	if err != nil {
		return Shown{}, err
	}
	r, err := test.Judge(tallyOf(status.Compared))
	return Shown{r, test.Alpha, test.Beta, status.Compared.Tally.Sum}, err
}
