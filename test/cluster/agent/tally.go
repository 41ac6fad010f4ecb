package agent

import v1 "k8s.io/api/core/v1"

// tally turns single probe results into a verdict: it takes failureThreshold bad results in a row
// to fail, and successThreshold good ones to pass.
type tally struct {
	failures, successes int32 // thresholds
	good                bool  // of the results in the present row
	row                 int32
}

func newTally(probe *v1.Probe) tally {
	return tally{failures: max(probe.FailureThreshold, 1), successes: max(probe.SuccessThreshold, 1)}
}

// add takes in a result. decided is false while the row is too short to say anything new.
func (t *tally) add(good bool) (pass, decided bool) {
	if good != t.good {
		t.good, t.row = good, 0
	}
	t.row++
	if good {
		return true, t.row >= t.successes
	}
	return false, t.row >= t.failures
}
