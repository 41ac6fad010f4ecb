package query

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query/preset"
)

// PodsMetric is the name of the metric that every run has: the health of its
// canary pods. A plan cannot use it.
const PodsMetric = "pods"

// maxMetrics is the limit of CanaryPlan.
const maxMetrics = 32

// maxPlan is how large a plan may be as JSON, in bytes: each run that is under way
// has a copy, in memory too.
const maxPlan = 32 << 10

var metricName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// ValidatePlan checks a plan with its defaults set, path being where it stands:
// what the API server checks of a CanaryPlan (inline plans never pass it), and
// that every query is right.
func ValidatePlan(spec *v1alpha1.CanaryPlanSpec, path *field.Path) field.ErrorList {
	analysis := path.Child("analysis")
	errs := validateTimes(&spec.Analysis, analysis)
	if text, err := json.Marshal(spec); err == nil && len(text) > maxPlan {
		errs = append(errs, field.Invalid(path, fmt.Sprintf("%d bytes", len(text)), fmt.Sprintf(
			"is too long: a plan may have %d bytes as JSON, for each run keeps a copy of it; put long queries into recording rules", maxPlan)))
	}
	if n := len(spec.Analysis.Metrics); n > maxMetrics {
		errs = append(errs, field.TooMany(analysis.Child("metrics"), n, maxMetrics))
	}
	if s := spec.Analysis.Source; s != "" && !slices.Contains(preset.Sources(), s) {
		errs = append(errs, field.NotSupported(analysis.Child("source"), s, preset.Sources()))
	}
	if e := spec.Analysis.Endpoint; e != "" && !metricName.MatchString(e) {
		errs = append(errs, field.Invalid(analysis.Child("endpoint"), plaintext.Cut(e, 80), `must be the name of a Prometheus endpoint: 1 to 63 lower-case letters, digits and "-"`))
	}
	names := map[string]bool{}
	for i := range spec.Analysis.Metrics {
		m := &spec.Analysis.Metrics[i]
		at := analysis.Child("metrics").Index(i)
		if names[m.Name] {
			errs = append(errs, field.Duplicate(at.Child("name"), m.Name))
		}
		names[m.Name] = true
		errs = append(errs, ValidateName(m.Name, at.Child("name"))...)
		errs = append(errs, validateMetric(*m, spec.Analysis, at)...)
	}
	for i, name := range spec.RestartMarks {
		if err := hold.ValidateMark(name); err != nil || name == hold.ReloaderVariables { // those are known
			errs = append(errs, field.Invalid(path.Child("restartMarks").Index(i), plaintext.Cut(name, 80), "must be the key of an annotation that Kubernetes does not read, such as example.com/restarted-at"))
		}
	}
	errs = append(errs, validateComparing(spec, path)...)
	return append(errs, validateCourse(spec, path)...)
}

// ValidateName checks the name of a metric.
func ValidateName(name string, at *field.Path) field.ErrorList {
	switch {
	case name == PodsMetric:
		return field.ErrorList{field.Invalid(at, name, "is the health of the canary pods, which every run is judged by; choose another name")}
	case name == BaselineMetric:
		return field.ErrorList{field.Invalid(at, name, "is the health of the baseline pods; choose another name")}
	case !metricName.MatchString(name):
		return field.ErrorList{field.Invalid(at, plaintext.Cut(name, 80), `must be 1 to 63 lower-case letters, digits and "-", such as "error-rate"`)}
	}
	return nil
}

func validateTimes(a *v1alpha1.Analysis, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	delay, interval, period := Length(a.InitialDelay), Length(a.Interval), Length(a.Period)
	if a.Interval != nil && interval < time.Second {
		errs = append(errs, field.Invalid(at.Child("interval"), interval.String(), "must be at least 1s"))
	}
	if a.Period != nil && period < time.Second {
		errs = append(errs, field.Invalid(at.Child("period"), period.String(), "must be at least 1s"))
	}
	if period > v1alpha1.MaxPeriod {
		errs = append(errs, field.Invalid(at.Child("period"), period.String(), tooLong))
	}
	if delay < 0 {
		errs = append(errs, field.Invalid(at.Child("initialDelay"), delay.String(), "must not be negative"))
	}
	if a.Period != nil && delay >= period {
		errs = append(errs, field.Invalid(at.Child("initialDelay"), delay.String(),
			fmt.Sprintf("must be shorter than period (%s), or nothing would be measured", period)))
	}
	if a.Period != nil && interval > period {
		errs = append(errs, field.Invalid(at.Child("interval"), interval.String(),
			fmt.Sprintf("must not be longer than period (%s), or nothing would be measured", period)))
	}
	return errs
}

// tooLong is what is wrong with a period beyond v1alpha1.MaxPeriod.
const tooLong = "must be 8760h (a year) at most; to keep a canary longer, pause its run"

// Length is how long a duration of a plan is, zero where there is none.
func Length(d *metav1.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return d.Duration
}
