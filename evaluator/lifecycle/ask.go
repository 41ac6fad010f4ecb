package lifecycle

import "time"

// Ask is what a plan cannot go on without and only the outside knows. Nothing else of such a plan is carried
// out: whoever does that asks, at once or comes back when the answer is there, and plans again with the
// answer in the snapshot.
type Ask interface{ isAsk() }

type (
	// Measure asks for a round of measurements at a time, and hooks for what goes with it. The answer is
	// Snapshot.Round.
	Measure struct {
		At        time.Time
		Questions []HookQuestion
	}
	// LookAround asks for what stands beside the Deployment now, before a verdict: none is reached on a canary
	// that got all requests. The answer is Snapshot.Around, with Now set.
	LookAround struct{}
	// CountPlaces asks for the other runs as the API server itself has them, before the canary of a run is made
	// whose number is limited. The answer is Snapshot.Line, with Live set; no other run may ask until the plan
	// made with it is carried out.
	CountPlaces struct{}
)

func (Measure) isAsk()     {}
func (LookAround) isAsk()  {}
func (CountPlaces) isAsk() {}

// ask is what is to be asked before a plan is carried out; nil if nothing is.
func ask(in Snapshot, p Move) Ask {
	switch before, after := in.Run.Status, p.Status; {
	case p.Ask != nil:
		return p.Ask
	case before.Verdict == "" && after.Verdict != "" && in.Around.Known && !in.Around.Now:
		return LookAround{}
	case before.CreatedAt == nil && after.CreatedAt != nil && !in.Line.Live && NeedsLine(in, in.Line.ClusterLimit):
		return CountPlaces{}
	}
	return nil
}
