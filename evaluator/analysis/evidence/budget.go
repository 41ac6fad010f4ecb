package evidence

// Defaults of what a plan need not say.
const (
	// DefaultFalseAlarms is the probability, over a whole run, that a canary
	// within its tolerances is found worse.
	DefaultFalseAlarms = 0.01
	// DefaultMisses is the probability that a regression worth catching is
	// found not to be there, for each metric.
	DefaultMisses = 0.05
	// DefaultTolerance is how much worse than its baseline a canary may be, as a
	// share.
	DefaultTolerance = 0.2
	// DefaultCatch is the regression worth catching, as a factor.
	DefaultCatch = 2
)

// Split shares the probability of a false alarm of a run equally among its
// metrics (Bonferroni): a run fails if one of its metrics does, and the
// probability that one of several errs is at most the sum of theirs, however
// they depend on each other.
//
// The mean of the metrics' e-values would need no correction. But it answers
// whether all of them together are fine, not which is not; and one strong
// regression is divided by the number of metrics just the same.
//
// Misses are not split: a regression that one metric shows is missed with no
// more than that metric's probability, as a pass needs all of them.
func Split(falseAlarms float64, metrics int) float64 {
	return falseAlarms / float64(max(1, metrics))
}
