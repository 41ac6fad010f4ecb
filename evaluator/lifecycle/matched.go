package lifecycle

import (
	"fmt"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/route"
)

// Share is which of the requests routes give a canary.
type Share struct {
	// Percent is its share of those to the Deployment's Service.
	Percent int32
	// Match says which ones it gets in any case, nil where there are none.
	Match *v1alpha1.RequestMatch
}

// IsNothing says whether routes give the canary nothing.
func (s Share) IsNothing() bool { return s.Percent == 0 && s.Match == nil }

// matched says which requests a match is of, as Routing.Match does.
func (s Share) matched() string { return route.Text(route.HeadersOf(s.Match)) }

// is says whether two shares are one.
func (s Share) is(other Share) bool {
	return s.Percent == other.Percent && s.matched() == other.matched()
}

func (s Share) String() string {
	switch {
	case s.Match == nil:
		return fmt.Sprintf("%d %%", s.Percent)
	case s.Percent == 0:
		return "what matches"
	}
	return fmt.Sprintf("%d %% and what matches", s.Percent)
}

// short is a share for lists of runs; of copies, if it is mirrored.
func (s Share) short(mirrored bool) string {
	switch {
	case mirrored:
		return fmt.Sprintf("mirrored %d%%", s.Percent)
	case s.Match == nil:
		return fmt.Sprintf("weighted %d%%", s.Percent)
	case s.Percent == 0:
		return "matched"
	}
	return fmt.Sprintf("weighted %d%%, matched", s.Percent)
}

// shareOf is the share that a status says.
func shareOf(w *v1alpha1.WeightStatus) Share {
	if w == nil {
		return Share{}
	}
	return Share{w.Percent, w.Match}
}

// askedShare is the share that a step of a plan asks for routes to give.
func askedShare(plan *v1alpha1.CanaryPlanSpec, step v1alpha1.Step) Share {
	if !plan.ByRoutes() {
		return Share{}
	}
	traffic := plan.Traffic
	out := Share{Match: step.Match}
	if out.Match == nil {
		out.Match = traffic.Match
	}
	switch {
	case step.Weight != nil:
		out.Percent = *step.Weight
	case traffic.Weight != nil:
		out.Percent = *traffic.Weight
	}
	return out
}

// gives says whether the share is the one that the routes give the canary.
func (t Routing) gives(share Share) bool {
	return t.Percent == share.Percent && t.Match == share.matched()
}

// MatchesOf are the matches that a plan asks for in any of its steps.
func MatchesOf(plan *v1alpha1.CanaryPlanSpec) []*v1alpha1.RequestMatch {
	if plan.Traffic == nil {
		return nil
	}
	out := []*v1alpha1.RequestMatch{plan.Traffic.Match}
	for i := range plan.Steps {
		out = append(out, plan.Steps[i].Match)
	}
	return out
}

// IsPartly says whether a plan asks for less than all of the requests in any of its steps.
func IsPartly(plan *v1alpha1.CanaryPlanSpec) bool {
	least := int32(100)
	if t := plan.Traffic; t != nil && len(plan.Steps) == 0 && t.Weight != nil {
		least = *t.Weight
	}
	for i := range plan.Steps {
		if weight := plan.Steps[i].Weight; weight != nil {
			least = min(least, *weight)
		}
	}
	return least < 100
}

// GivesPartly says whether the plan of a run asks for less than all of the requests in any of its steps.
func GivesPartly(in Snapshot) bool {
	spec, _ := askedPlan(in)
	return IsPartly(spec)
}

// MatchesFor are the matches that the plan of a run asks for in any of its steps.
func MatchesFor(in Snapshot) []*v1alpha1.RequestMatch {
	spec, _ := askedPlan(in)
	return MatchesOf(spec)
}
