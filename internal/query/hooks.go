package query

import (
	"net/url"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
)

// maxMetadata is how much a hook is sent of a plan, in pairs and in bytes of each value.
const (
	maxMetadata      = 32
	maxMetadataValue = 4 << 10
)

// What the schema has of a URL, for hooks that it does not see.
const maxHookURL = 1024

var hookURL = regexp.MustCompile(`^https?://[^/?#@\s]+([/?][^#\s]*)?$`)

// validateHooks checks the hooks of a plan: their names stand beside those of metrics in a status.
func validateHooks(spec *v1alpha1.CanaryPlanSpec, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if n := len(spec.Hooks); n > v1alpha1.MaxHooks {
		errs = append(errs, field.TooMany(at, n, v1alpha1.MaxHooks))
	}
	taken := map[string]string{}
	for _, m := range spec.AllMetrics() {
		taken[m.Name] = "a metric"
	}
	for i, h := range spec.Hooks {
		at := at.Index(i)
		errs = append(errs, ValidateName(h.Name, at.Child("name"))...)
		if what := taken[h.Name]; what != "" {
			errs = append(errs, field.Invalid(at.Child("name"), h.Name, "is the name of "+what+" of the plan too; choose another name"))
		}
		taken[h.Name] = "another hook"
		if !slices.Contains(v1alpha1.HookTypes, h.Type) {
			errs = append(errs, field.NotSupported(at.Child("type"), h.Type, v1alpha1.HookTypes))
		}
		errs = append(errs, validateHookURL(h.URL, at.Child("url"))...)
		if h.Timeout != nil && (h.Timeout.Duration < v1alpha1.MinHookTimeout || h.Timeout.Duration > v1alpha1.MaxHookTimeout) {
			errs = append(errs, field.Invalid(at.Child("timeout"), h.Timeout.Duration.String(), "must be from 100ms to 5m"))
		}
		if h.Retries != nil && (*h.Retries < 0 || *h.Retries > v1alpha1.MaxHookRetries) {
			errs = append(errs, field.Invalid(at.Child("retries"), *h.Retries, "must be from 0 to 5"))
		}
		if h.FailureLimit != nil && h.Type != v1alpha1.HookPreRollout && h.Type != v1alpha1.HookRollout {
			errs = append(errs, field.Forbidden(at.Child("failureLimit"), "is for hooks of type PreRollout and Rollout, which can fail the canary; take it off"))
		}
		if n := len(h.Metadata); n > maxMetadata {
			errs = append(errs, field.TooMany(at.Child("metadata"), n, maxMetadata))
		}
		for key, value := range h.Metadata {
			if len(key) > maxMetadataValue || len(value) > maxMetadataValue {
				errs = append(errs, field.TooLong(at.Child("metadata").Key(plaintext.Cut(key, 80)), "", maxMetadataValue))
			}
		}
	}
	return errs
}

func validateHookURL(address string, at *field.Path) field.ErrorList {
	const form = "must be like http://loadtester.test/gate/check"
	if address == "" {
		return field.ErrorList{field.Required(at, form)}
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return field.ErrorList{field.Invalid(at, field.OmitValueType{}, "is no URL; "+form)}
	case u.User != nil:
		return field.ErrorList{field.Invalid(at, plaintext.Cut(u.Redacted(), 200), "must have no user and password: plans can be read by many, and so can the statuses of their runs")}
	case u.Hostname() == "" || !hookURL.MatchString(address):
		return field.ErrorList{field.Invalid(at, plaintext.Cut(address, 200), form)}
	case len(address) > maxHookURL:
		return field.ErrorList{field.TooLong(at, "", maxHookURL)}
	}
	return nil
}

// HookForbidden says which hooks of a plan may not be asked by where they are, as a function says of a URL.
func HookForbidden(spec *v1alpha1.CanaryPlanSpec, at *field.Path, allowed func(url string) error) field.ErrorList {
	var errs field.ErrorList
	for i, h := range spec.Hooks {
		if err := allowed(h.URL); err != nil {
			errs = append(errs, field.Forbidden(at.Child("hooks").Index(i).Child("url"), err.Error()))
		}
	}
	return errs
}
