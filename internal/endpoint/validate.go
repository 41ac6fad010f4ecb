package endpoint

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/internal/labelname"
	"holdfast.dev/holdfast/internal/outbound"
	"holdfast.dev/holdfast/internal/plaintext"
)

var (
	endpointName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	argumentName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_.]*(\[\])?$`)
	pattern      = regexp.MustCompile(`^[-a-z0-9*]+$`)
)

// ownArguments are those of Prometheus's API that Holdfast sets.
var ownArguments = []string{"query", "time", "start", "end", "step", "timeout"}

const (
	maxDelay    = 10 * time.Minute
	minResponse = 1 << 10
	maxResponse = 64 << 20
)

func (e *Definition) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	switch {
	case e.Name == "":
		errs = append(errs, field.Required(at.Child("name"), "plans name the endpoint by it"))
	case !endpointName.MatchString(e.Name):
		errs = append(errs, field.Invalid(at.Child("name"), plaintext.Cut(e.Name, 80), `must be 1 to 63 lower-case letters, digits and "-", such as "thanos"`))
	}
	errs = append(errs, ValidateURL(e.URL, at.Child("url"))...)
	for i, name := range e.Namespaces {
		if _, err := path.Match(name, ""); err != nil || !pattern.MatchString(name) {
			errs = append(errs, field.Invalid(at.Child("namespaces").Index(i), plaintext.Cut(name, 80), `must be the name of a namespace, or a pattern such as "team-*"`))
		}
	}
	errs = append(errs, e.ValidateTarget(at)...)
	errs = append(errs, validateArguments(e.Arguments, at.Child("arguments"))...)
	for _, label := range []struct{ key, name string }{{"namespace", e.Labels.Namespace}, {"pod", e.Labels.Pod}} {
		if label.name != "" && !labelname.Valid(label.name) {
			errs = append(errs, field.Invalid(at.Child("labels", label.key), plaintext.Cut(label.name, 80), `must be the name of a label, such as "pod" or "k8s.pod.name"`))
		}
	}
	errs = append(errs, e.Tenancy.validate(at.Child("tenancy"))...)
	if d := e.ScrapeInterval.Duration; d < time.Second || d > time.Hour {
		errs = append(errs, field.Invalid(at.Child("scrapeInterval"), d.String(), "must be from 1s to 1h; it is the scrape_interval of the canary's pods"))
	}
	if d := e.Delay.Duration; d < 0 || d > maxDelay {
		errs = append(errs, field.Invalid(at.Child("delay"), d.String(), "must be from 0s to 10m; it is how late samples can be asked for"))
	}
	return append(errs, e.Limits.validate(at.Child("limits"))...)
}

// ValidateURL checks the URL of a Prometheus. Values in mistakes have no password.
func ValidateURL(address string, at *field.Path) field.ErrorList {
	return outbound.ValidateURL(address, at, "https://prometheus.monitoring.svc:9090")
}

func validateArguments(arguments map[string]string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(arguments)) {
		key := at.Key(plaintext.Cut(name, 80))
		switch {
		case !argumentName.MatchString(name):
			errs = append(errs, field.Invalid(key, plaintext.Cut(name, 80), `is no name of a query argument; it must be like "latency_offset"`))
		case slices.Contains(ownArguments, name):
			errs = append(errs, field.Forbidden(key, "is set by Holdfast; delay has rounds asked for earlier, limits.timeout is for one query"))
		}
	}
	return errs
}

func (l Limits) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if d := l.Timeout.Duration; d < 100*time.Millisecond || d > 5*time.Minute {
		errs = append(errs, field.Invalid(at.Child("timeout"), d.String(), "must be from 100ms to 5m"))
	}
	if l.Concurrency < 1 || l.Concurrency > 1000 {
		errs = append(errs, field.Invalid(at.Child("concurrency"), l.Concurrency, "must be from 1 to 1000"))
	}
	if n := l.MaxResponse.Value(); n < minResponse || n > maxResponse {
		errs = append(errs, field.Invalid(at.Child("maxResponse"), l.MaxResponse.String(), "must be from 1Ki to 64Mi"))
	}
	return errs
}
