package compare

import (
	"fmt"
	"slices"
	"strings"

	"holdfast.dev/holdfast/test/oracle/routes/httproute"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Explanation is why a difference cannot be helped.
type Explanation string

// The explanations.
const (
	// ConflictOfOwners: the API server looks for conflicts before admission. Who applies the rules that are
	// asked for already, without force, and is not their only owner, has a conflict about the weights that are
	// laid.
	ConflictOfOwners Explanation = "ConflictOfOwners"
	// SaidWhatIsLaid: a weight was patched to what stands there with the share, so there was nothing to change;
	// or such a backend was put beside the one that stands there, whose own weight was patched: it is taken
	// for that one.
	SaidWhatIsLaid Explanation = "SaidWhatIsLaid"
	// WhichOfTheSame: a backend came beside one that is the same but for its weight, and which of the two was
	// there before stands nowhere. All of them together have what is asked for.
	WhichOfTheSame Explanation = "WhichOfTheSame"
)

// Step is one command that was given to both.
type Step struct {
	Command sequence.Command
	// Words are its changes, at the places that were found for them.
	Words         []sequence.Word
	Before, After Pair[View]
	Outcome       Pair[Outcome]
}

// Outcome is how a client ended.
type Outcome struct {
	Code int
	Said string
}

// Compare says in what both differ after the command.
func (s Step) Compare() Difference {
	if (s.Outcome.Twin.Code == 0) != (s.Outcome.Laid.Code == 0) {
		return Difference{ExitCode, fmt.Sprintf("- %d\n+ %d\n", s.Outcome.Twin.Code, s.Outcome.Laid.Code)}
	}
	return Compare(s.After)
}

// Explain is why a difference cannot be helped, "" if it could be, by what was seen in this step.
func (s Step) Explain(d Difference) Explanation {
	if s.Before.Laid.Record == nil && s.Command.Verb != sequence.Resend { // that text may have had one
		return ""
	}
	switch {
	case d.Aspect == ExitCode && s.Command.Verb == sequence.ServerApply && s.Outcome.Twin.Code == 0 &&
		strings.Contains(s.Outcome.Laid.Said, "conflict") && strings.Contains(s.Outcome.Laid.Said, ".spec.rules"):
		return ConflictOfOwners
	case d.Aspect == Spec && s.bringsABackend() && s.divideOtherwise():
		return WhichOfTheSame
	case d.Aspect == Spec && s.Command.Verb == sequence.PatchJSON && s.saysWhatIsLaid():
		return SaidWhatIsLaid
	}
	return ""
}

func (s Step) saysWhatIsLaid() bool {
	rules := httproute.Rules(s.Before.Laid.Object)
	return slices.ContainsFunc(s.Words, func(w sequence.Word) bool {
		if rule, brought, does := httproute.Brings(w); does {
			return len(s.Words) > 1 && rule < len(rules) && slices.ContainsFunc(httproute.Backends(rules[rule]), func(b any) bool { return httproute.Same(b, brought) })
		}
		var rule, backend int
		if n, _ := fmt.Sscanf(w.Key, "weight.%d.%d", &rule, &backend); n < 2 || rule >= len(rules) || backend >= len(httproute.Backends(rules[rule])) {
			return false
		}
		return fmt.Sprint(httproute.WeightOf(httproute.Backends(rules[rule])[backend])) == w.Value
	})
}
