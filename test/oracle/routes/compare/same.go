package compare

import (
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/test/oracle/routes/httproute"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

// bringsABackend says whether the command puts a backend beside those that are there.
func (s Step) bringsABackend() bool {
	return slices.ContainsFunc(s.Words, func(w sequence.Word) bool {
		_, _, does := httproute.Brings(w)
		return does
	})
}

// divideOtherwise says whether all that differs after the step is how backends that are the same but for
// their weights divide what they have together. Requests go where they should then.
func (s Step) divideOtherwise() bool {
	if s.After.Twin.Object == nil || s.After.Laid.Object == nil {
		return false
	}
	want, got := normal(s.After.Twin), normal(s.After.Laid)
	asked, has := httproute.Rules(want), httproute.Rules(got)
	if cmp.Equal(asked, has) || !slices.EqualFunc(asked, has, sameTogether) {
		return false
	}
	spec, _ := got["spec"].(Object)
	spec["rules"] = asked
	return !differ(want, got).Found()
}

// sameTogether says whether two rules are the same but for the weights of backends, of which those that are
// the same but for these have the same together.
func sameTogether(a, b any) bool {
	weights := func(rule any) (said []any, together map[string]int64) {
		together = map[string]int64{}
		for _, backend := range httproute.Backends(rule) {
			rest := without(backend, "weight")
			said = append(said, rest)
			together[fmt.Sprint(rest)] += httproute.WeightOf(backend)
		}
		return said, together
	}
	said, together := weights(a)
	saidToo, togetherToo := weights(b)
	return cmp.Equal(without(a, "backendRefs"), without(b, "backendRefs")) && cmp.Equal(said, saidToo) && cmp.Equal(together, togetherToo)
}
