package deployment

import (
	"context"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/webhook/deployment/decide"
	"holdfast.dev/holdfast/webhook/deployment/precheck"
	"holdfast.dev/holdfast/webhook/plancheck"
	"holdfast.dev/holdfast/webhook/reply"
)

// tellUnmeasured warns whoever has an update held whose canary is to be measured by a probe that will not see
// all of its requests.
func (h *Handler) tellUnmeasured(ctx context.Context, r *request, w wanted, d decide.Decision) []string {
	if d.Effect != decide.Hold || r.plan == nil || r.demands.Probe.Value == v1alpha1.ProbeNone {
		return nil
	}
	plan := *r.plan
	plan.ImplyProbe()
	if plan.Probe == nil {
		return nil
	}
	if !h.Probes {
		return []string{reply.Warning("the canary runs without the probe that the plan asks for, and its requests are not measured: " +
			"Holdfast does not know its own image; have your administrator set --probe-image")}
	}
	if why := r.demands.CaptureForbidden(&plan); why != "" {
		return []string{reply.Warning("the update stays held, and no canary is made: spec.probe.capture of the plan: " + why)}
	}
	for _, why := range plancheck.SecurityForbids(r.demands, &plan) {
		return []string{reply.Warning(why)}
	}
	var out []string
	for _, why := range plancheck.MeshAhead(r.demands, &plan, w.template) {
		out = append(out, reply.Warning(why))
	}
	if r.errands == nil {
		r.errands = &errands{around: h.lookAround(ctx, r)}
	}
	source := plan.TrafficSource()
	behind := source == v1alpha1.TrafficService || source == v1alpha1.TrafficBoth || r.demands.Forbids(source) != ""
	for _, why := range precheck.Unmeasured(w.template, *plan.Probe, r.errands.around.services(), behind) {
		out = append(out, reply.Warning(why))
	}
	return out[:min(len(out), reply.MaxTraps)]
}
