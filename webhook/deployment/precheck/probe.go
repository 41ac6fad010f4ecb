package precheck

import (
	"fmt"
	"slices"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/probe"
	"holdfast.dev/holdfast/internal/probe/inject"
	"holdfast.dev/holdfast/internal/surround"
)

// Unmeasured says what a probe will not see of the canary's requests: what keeps the pods of a template from
// having one, and the Services whose requests go past it. services are those of the namespace; behind says
// that the canary's pods are behind them, and has not Services of its own alone. With capture Redirect it
// does not matter by what a Service goes.
func Unmeasured(template hold.Template, asked v1alpha1.Probe, services []surround.Service, behind bool) []string {
	ports, left := inject.Measured(template, asked)
	var out []string
	for _, l := range left {
		if len(ports) == 0 || l.Asked {
			out = append(out, l.String())
		}
	}
	if len(ports) == 0 {
		return []string{"the canary runs without the probe that the plan asks for, and its requests are not measured: " + strings.Join(out, "; ")}
	}
	for i, why := range out {
		out[i] = "not all that the plan has measured (spec.probe) is: " + why
	}
	if behind && asked.Capture != v1alpha1.ProbeByRedirect {
		out = append(out, past(surround.Read(template), ports, services)...)
	}
	return out
}

// past tells of Services that send requests to measured ports by their numbers.
func past(template surround.PodTemplate, ports []probe.Port, services []surround.Service) []string {
	var out []string
	for _, s := range services {
		if !s.Serves(template) {
			continue
		}
		for _, port := range ports {
			if slices.Contains(s.Numbers, port.Target) {
				out = append(out, fmt.Sprintf("Service %s sends requests to port %d by its number, past the probe, which so sees none of them: "+
					"set targetPort of the Service to %s, its name, or traffic.source of the plan to CanaryService or Weighted", s.Name, port.Target, port.Name))
			}
		}
	}
	return out
}
