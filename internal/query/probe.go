package query

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

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
	captures := []v1alpha1.ProbeCapture{v1alpha1.ProbeByName, v1alpha1.ProbeByRedirect}
	if p.Capture != "" && !slices.Contains(captures, p.Capture) {
		errs = append(errs, field.NotSupported(at.Child("capture"), p.Capture, captures))
	}
	known := []v1alpha1.ProbeProtocol{v1alpha1.ProbeAuto, v1alpha1.ProbeTCP}
	names := map[string]bool{}
	for i, port := range p.Ports {
		each := at.Child("ports").Index(i)
		if n, err := strconv.ParseUint(port.Name, 10, 16); err == nil && p.Capture == v1alpha1.ProbeByRedirect {
			errs = append(errs, validateNumber(int32(n), each.Child("name"))...)
		} else if messages := validation.IsValidPortName(port.Name); len(messages) > 0 {
			errs = append(errs, field.Invalid(each.Child("name"), plaintext.Cut(port.Name, 80), strings.Join(messages, "; ")+
				"; a port without a name can be measured with capture Redirect"))
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

// validateNumber checks a port that goes by its number.
func validateNumber(n int32, at *field.Path) field.ErrorList {
	if n == 0 || n == probe.MetricsPort {
		return field.ErrorList{field.Invalid(at, strconv.Itoa(int(n)), fmt.Sprintf("must be from 1 to 65535, and not %d, at which the probe has its metrics", probe.MetricsPort))}
	}
	return nil
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
