package plancheck

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/probe"
	"holdfast.dev/holdfast/internal/probe/inject"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/webhook/demand"
)

// unprobed tells of metrics that are about probes which the pods do not have, and of
// windows that have too few samples of them.
func unprobed(d demand.Demands, spec *v1alpha1.CanaryPlanSpec) []string {
	if d.NamespaceAnnotations[v1alpha1.ProbeAnnotation] == v1alpha1.ProbeEnabled { // all new pods have one
		return shortForProbes(spec)
	}
	var out []string
	applied, _ := d.Apply(*spec, assumedReplicas)
	for _, m := range spec.AllMetrics() {
		switch {
		case m.Source != v1alpha1.SourceProbe:
		case applied.Probe == nil:
			return []string{fmt.Sprintf("runs of this plan will end inconclusive: metric %s has source: Probe, and CanaryPolicy %s allows no probe (limits.probe); have it allow one, or name another source",
				m.Name, d.Probe.Policy)}
		case query.NamesStable(m):
			out = append(out, fmt.Sprintf("metric %s is about the Deployment's own pods, which have no probe; annotate the namespace %s: %s and restart the Deployment, or compare with a baseline (baseline: {} in the plan, compare.to: Baseline)",
				m.Name, v1alpha1.ProbeAnnotation, v1alpha1.ProbeEnabled))
		}
	}
	return append(out, shortForProbes(spec)...)
}

// shortForProbes: a window has four scrapes, or a lost one leaves too little.
func shortForProbes(spec *v1alpha1.CanaryPlanSpec) []string {
	a := spec.Analysis
	a.Metrics = spec.AllMetrics()
	every := query.ProbeTimesOf(a, 0).Every
	var out []string
	for _, m := range a.Metrics {
		if window := query.WindowOf(m, query.Length(a.Interval)); a.ReadsProbes(m) && m.Window != nil && window < 4*every {
			out = append(out, fmt.Sprintf("metric %s, window: probes are read every %s at most, and a window of %s has too few samples of them; make it %s or longer",
				m.Name, query.Duration(every), query.Duration(window), query.Duration(6*every)))
		}
	}
	return out
}

// CaptureForbidden refuses a plan whose requests come to the probe in a way that policies do not allow.
func CaptureForbidden(d demand.Demands, spec *v1alpha1.CanaryPlanSpec) field.ErrorList {
	applied, _ := d.Apply(*spec, assumedReplicas) // which may leave no probe
	if why := d.CaptureForbidden(&applied); why != "" {
		return field.ErrorList{field.Forbidden(field.NewPath("spec", "probe", "capture"), why)}
	}
	return nil
}

// SecurityForbids tells of a Pod Security Standard that keeps the pods of a plan from being made.
func SecurityForbids(d demand.Demands, spec *v1alpha1.CanaryPlanSpec) []string {
	level := d.NamespaceLabels[podSecurity]
	if spec.Probe == nil || spec.Probe.Capture != v1alpha1.ProbeByRedirect || level != "baseline" && level != "restricted" {
		return nil
	}
	return []string{fmt.Sprintf("spec.probe.capture is Redirect, and the namespace is labelled %s: %s: pods with an init container that has NET_ADMIN are refused there, so no canary can be made; "+
		"set capture to Name, or have your administrator label the namespace privileged", podSecurity, level)}
}

// MeshAhead tells of a mesh that takes the requests of the pods of a plan before they are redirected to the
// probe. The template is nil where only the plan is known.
func MeshAhead(d demand.Demands, spec *v1alpha1.CanaryPlanSpec, template hold.Template) []string {
	if spec.Probe == nil || spec.Probe.Capture != v1alpha1.ProbeByRedirect {
		return nil
	}
	var ports []probe.Port
	if template != nil {
		if ports, _ = inject.Measured(template, *spec.Probe); len(ports) == 0 { // which is told with its reason
			return nil
		}
	}
	if why := inject.MeshAhead(template, ports, d.NamespaceLabels, d.NamespaceAnnotations); why != "" {
		return []string{"spec.probe.capture is Redirect, and " + why}
	}
	return nil
}

// podSecurity is the label by which the API server admits pods (k8s.io/pod-security-admission).
const podSecurity = "pod-security.kubernetes.io/enforce"
