package policy

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// boundProbe takes the sidecar that measures requests off a plan that may have none, and bounds what another
// may have.
func (a *applying) boundProbe(e Effective) {
	if a.plan.Probe == nil {
		return
	}
	if e.Probe.Value == v1alpha1.ProbeNone {
		a.changed(e.Probe.Policy, "probe", "a sidecar", "none")
		a.plan.Probe = nil
		return
	}
	a.plan.Probe.SetDefaults() // what follows from no field has none yet in a plan from the API server
	r := &a.plan.Probe.Resources
	a.boundAmounts(e.ProbeCPU, "cpu", &r.Requests.CPU, &r.Limits.CPU)
	a.boundAmounts(e.ProbeMemory, "memory", &r.Requests.Memory, &r.Limits.Memory)
}

// ProbeWithin brings the sidecar that measures requests within the bounds; nil where there may be none.
func (e Effective) ProbeWithin(probe v1alpha1.Probe) *v1alpha1.Probe {
	a := &applying{plan: v1alpha1.CanaryPlanSpec{Probe: probe.DeepCopy()}}
	a.boundProbe(e)
	return a.plan.Probe
}

// CaptureForbidden says why requests do not come to the sidecar of a plan as that asks for, and what helps;
// "" if they may. Rules in the network of pods are for administrators to allow, so they are forbidden where
// no policy says anything.
func (e Effective) CaptureForbidden(spec *v1alpha1.CanaryPlanSpec) string {
	if spec.Probe == nil || spec.Probe.Capture != v1alpha1.ProbeByRedirect || e.ProbeCapture.Value == v1alpha1.ProbeByRedirect {
		return ""
	}
	why := fmt.Sprintf("no CanaryPolicy of this namespace allows %s", v1alpha1.ProbeByRedirect)
	if e.ProbeCapture.Is() {
		why = fmt.Sprintf("CanaryPolicy %s allows %s only", e.ProbeCapture.Policy, e.ProbeCapture.Value)
	}
	return fmt.Sprintf("%s (limits.probeCapture), for which pods get an init container that has NET_ADMIN and runs as root; "+
		"set it to %s, or have your administrator allow it", why, v1alpha1.ProbeByName)
}

// boundAmounts also sets a limit where there is none: a request alone lets it take more.
func (a *applying) boundAmounts(most Bound[resource.Quantity], of string, request, limit **resource.Quantity) {
	if !most.Is() {
		return
	}
	for _, amount := range []struct {
		field string
		is    **resource.Quantity
	}{{"probe.resources.requests." + of, request}, {"probe.resources.limits." + of, limit}} {
		was := *amount.is
		if was != nil && was.Cmp(most.Value) <= 0 {
			continue
		}
		from := ""
		if was != nil {
			from = was.String()
		}
		a.changed(most.Policy, amount.field, from, most.Value.String())
		*amount.is = new(most.Value.DeepCopy())
	}
}
