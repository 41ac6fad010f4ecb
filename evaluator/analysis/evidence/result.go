package evidence

// State is what a comparison has come to.
type State string

const (
	// Undecided: there is no evidence yet, one way or the other.
	Undecided State = "Undecided"
	// Worse: the canary is worse than the tolerance allows.
	Worse State = "Worse"
	// NotWorse: a regression worth catching is ruled out, and what was seen lies
	// within the tolerance.
	NotWorse State = "NotWorse"
	// TooFew: too little was seen for a pass. Worse needs no minimum.
	TooFew State = "TooFew"
)

// Result is the outcome of one look. Its zero value is of no State and never
// returned without an error.
//
// The order in which the State is decided: Worse, TooFew, NotWorse, Undecided.
type Result struct {
	State State
	// Effect is how much there is of it on the canary's side, compared with the
	// baseline.
	Effect EffectSize
	// PWorse is an anytime-valid p-value of the hypothesis that the canary is
	// within the tolerance: under it, the probability that PWorse is ever α or
	// less is at most α, over all looks. State is Worse if it is at most Alpha.
	PWorse float64
	// PNotWorse is the same for the hypothesis that the canary is worse by the
	// regression worth catching, or by more. It is compared with Beta.
	PNotWorse float64
	// Points is how many intervals or windows were used.
	Points int

	sentence string
}

// Sentence is the evidence in words people understand.
func (r Result) Sentence() string { return r.sentence }

// EffectSize is an estimate with its bounds: canary over baseline, or, where values
// are not all positive, canary minus baseline. The bound on the side of worse is
// of level 1-Alpha, the other of level 1-Beta, both over all looks.
type EffectSize struct {
	// Difference says that the numbers are differences, not ratios.
	Difference bool
	// Estimate is +Inf where only the canary had any, NaN where there is none.
	Estimate float64
	// Low is 0 or -Inf and High +Inf where there is no such bound yet.
	Low, High float64
}
