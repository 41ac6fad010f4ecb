package query

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/probe"
)

// validateProbe checks what a plan says of the sidecar that measures requests.
func validateProbe(p *v1alpha1.Probe, at *field.Path) field.ErrorList {
	if p == nil {
		return nil
	}
	var errs field.ErrorList
	if n := len(p.Ports); n > probe.MaxPorts {
		errs = append(errs, field.TooMany(at.Child("ports"), n, probe.MaxPorts))
	}
	known := []v1alpha1.ProbeProtocol{v1alpha1.ProbeAuto, v1alpha1.ProbeTCP}
	names := map[string]bool{}
	for i, port := range p.Ports {
		each := at.Child("ports").Index(i)
		for _, message := range validation.IsValidPortName(port.Name) {
			errs = append(errs, field.Invalid(each.Child("name"), plaintext.Cut(port.Name, 80), message))
		}
		if names[port.Name] {
			errs = append(errs, field.Duplicate(each.Child("name"), port.Name))
		}
		if port.Protocol != "" && !slices.Contains(known, port.Protocol) {
			errs = append(errs, field.NotSupported(each.Child("protocol"), port.Protocol, known))
		}
		names[port.Name] = true
	}
	r := p.Resources
	errs = append(errs, ValidateProbeAmounts(r.Requests, at.Child("resources", "requests"))...)
	errs = append(errs, ValidateProbeAmounts(r.Limits, at.Child("resources", "limits"))...)
	for of, amounts := range map[string][2]*resource.Quantity{"cpu": {r.Requests.CPU, r.Limits.CPU}, "memory": {r.Requests.Memory, r.Limits.Memory}} {
		if request, limit := amounts[0], amounts[1]; request != nil && limit != nil && request.Cmp(*limit) > 0 {
			errs = append(errs, field.Invalid(at.Child("resources", "requests", of), request.String(), "must not be more than its limit, "+limit.String()))
		}
	}
	return errs
}

// ValidateProbeAmounts checks amounts of what the sidecar that measures requests needs.
func ValidateProbeAmounts(a v1alpha1.ProbeAmounts, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, of := range []struct {
		name   string
		amount *resource.Quantity
	}{{"cpu", a.CPU}, {"memory", a.Memory}} {
		if of.amount != nil && of.amount.Sign() <= 0 {
			errs = append(errs, field.Invalid(at.Child(of.name), of.amount.String(), "must be more than 0"))
		}
	}
	return errs
}
