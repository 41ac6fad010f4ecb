package policy

import (
	"fmt"
	"slices"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Forbids is the first policy by which no plan has its requests from a source, "" if all allow it.
func (e Effective) Forbids(source v1alpha1.TrafficSource) string {
	for _, sources := range e.Sources {
		if source != v1alpha1.TrafficService && !slices.Contains(sources.Value, source) {
			return sources.Policy
		}
	}
	return ""
}

// steer bounds where a canary has its requests from, and what share.
func (a *applying) steer(e Effective) {
	if a.plan.Traffic == nil {
		return
	}
	if by := e.Forbids(a.plan.Traffic.Source); by != "" {
		a.changed(by, "traffic.source", string(a.plan.Traffic.Source), string(v1alpha1.TrafficService))
		a.plan.Traffic = nil
		for i := range a.plan.Steps {
			a.plan.Steps[i].Weight, a.plan.Steps[i].Match = nil, nil
		}
		return
	}
	a.unmatch(e.RequestMatch)
	most := e.MaxWeight
	if !most.Is() {
		return
	}
	if weight := a.plan.Traffic.Weight; weight != nil && *weight > most.Value {
		a.changed(most.Policy, "traffic.weight", text(weight), text(&most.Value))
		a.plan.Traffic.Weight = &most.Value
	}
	for i := range a.plan.Steps {
		if weight := a.plan.Steps[i].Weight; weight != nil && *weight > most.Value {
			a.changed(most.Policy, fmt.Sprintf("steps[%d].weight", i), text(weight), text(&most.Value))
			a.plan.Steps[i].Weight = &most.Value
		}
	}
}

// unmatch takes off what plans may not match by. A step that has no weight then has the smallest: what is
// measured of a canary without requests says nothing.
func (a *applying) unmatch(bound Bound[v1alpha1.RequestMatchLimit]) {
	off := func(field string, match **v1alpha1.RequestMatch) {
		if !bound.Value.Allows(*match) {
			a.changed(bound.Policy, field, "a match", "")
			*match = nil
		}
	}
	weigh := func(field string, weight **int32) {
		if *weight == nil {
			a.changed(bound.Policy, field, "", "1")
			*weight = new(int32(1))
		}
	}
	t := a.plan.Traffic
	before := t.Match
	off("traffic.match", &t.Match)
	if before != nil && t.Match == nil && len(a.plan.Steps) == 0 {
		weigh("traffic.weight", &t.Weight)
	}
	for i := range a.plan.Steps {
		step := &a.plan.Steps[i]
		before := step.Match
		off(fmt.Sprintf("steps[%d].match", i), &step.Match)
		if before != nil && step.Match == nil {
			weigh(fmt.Sprintf("steps[%d].weight", i), &step.Weight)
		}
	}
}
