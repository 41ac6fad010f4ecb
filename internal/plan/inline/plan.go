package inline

import (
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/query/preset"
)

// Reads says whether annotations of this key are a part of a plan.
func Reads(key string) bool {
	switch key {
	case v1alpha1.PeriodAnnotation, v1alpha1.SourceAnnotation, v1alpha1.StatusLabelAnnotation, v1alpha1.BesideRecreateAnnotation, v1alpha1.ProbeAnnotation:
		return true
	}
	return strings.HasPrefix(key, v1alpha1.MetricAnnotationPrefix) || strings.HasPrefix(key, v1alpha1.HookAnnotationPrefix)
}

// Present says whether annotations carry a plan, right or wrong.
func Present(annotations map[string]string) bool {
	if _, ok := annotations[v1alpha1.PeriodAnnotation]; ok {
		return true
	}
	for key := range annotations {
		if strings.HasPrefix(key, v1alpha1.MetricAnnotationPrefix) || strings.HasPrefix(key, v1alpha1.HookAnnotationPrefix) {
			return true
		}
	}
	return false
}

// BesideRecreate is what annotations say of a canary beside a Deployment whose strategy is Recreate, nil
// where they say nothing. It goes with every plan, those that are not in annotations too.
func BesideRecreate(annotations map[string]string) (*bool, *field.Error) {
	text, there := annotations[v1alpha1.BesideRecreateAnnotation]
	said := strings.TrimSpace(text)
	switch {
	case !there:
		return nil, nil
	case said == "true" || said == "false":
		return new(said == "true"), nil
	}
	return nil, field.NotSupported(field.NewPath("metadata", "annotations").Key(v1alpha1.BesideRecreateAnnotation),
		plaintext.Cut(text, maxShown), []string{"true", "false"})
}

// maxShown is how much of a text an error repeats, in bytes; the place in it is told apart.
const maxShown = 100

// Parse reads the plan out of the annotations of a Deployment. It returns nil
// and no error where they carry none, and nil with every mistake found where
// they carry a wrong one, or are wrong in what goes with every plan.
//
// Metrics and hooks are in the order of their names. What annotations cannot say has the
// defaults of a CanaryPlan, but for the interval: a tenth of the period in
// whole seconds, at least 1s and at most the 30s of a CanaryPlan, so that a
// short period is measured about ten times.
func Parse(annotations map[string]string) (*v1alpha1.CanaryPlanSpec, field.ErrorList) {
	var errs field.ErrorList
	beside, mistake := BesideRecreate(annotations)
	if mistake != nil {
		errs = append(errs, mistake)
	}
	if !Present(annotations) {
		return nil, errs
	}
	path := field.NewPath("metadata", "annotations")
	spec := &v1alpha1.CanaryPlanSpec{BesideRecreate: beside != nil && *beside}
	if text, ok := annotations[v1alpha1.PeriodAnnotation]; ok {
		period, mistake := parsePeriod(text)
		if mistake != nil {
			errs = append(errs, field.Invalid(path.Key(v1alpha1.PeriodAnnotation), plaintext.Cut(text, maxShown), mistake.Error()))
		}
		spec.Analysis.Period = &metav1.Duration{Duration: period}
	}
	if text, ok := annotations[v1alpha1.SourceAnnotation]; ok {
		spec.Analysis.Source = v1alpha1.Source(strings.TrimSpace(text))
		if known := preset.Sources(); !slices.Contains(known, spec.Analysis.Source) {
			errs = append(errs, field.NotSupported(path.Key(v1alpha1.SourceAnnotation), plaintext.Cut(text, maxShown), known))
		}
	}
	if text, ok := annotations[v1alpha1.ProbeAnnotation]; ok {
		if strings.TrimSpace(text) == v1alpha1.ProbeEnabled {
			spec.Probe = &v1alpha1.Probe{}
		} else {
			errs = append(errs, field.NotSupported(path.Key(v1alpha1.ProbeAnnotation), plaintext.Cut(text, maxShown), []string{v1alpha1.ProbeEnabled}))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		name, isMetric := strings.CutPrefix(key, v1alpha1.MetricAnnotationPrefix)
		if !isMetric {
			continue
		}
		metric, metricErrs := parseMetric(name, annotations[key], path.Key(key))
		errs = append(errs, metricErrs...)
		spec.Analysis.Metrics = append(spec.Analysis.Metrics, metric)
	}
	if text, ok := annotations[v1alpha1.StatusLabelAnnotation]; ok {
		errs = append(errs, setStatusLabel(spec.Analysis.Metrics, strings.TrimSpace(text), path.Key(v1alpha1.StatusLabelAnnotation))...)
	}
	hooks, mistakes := parseHooks(annotations, path)
	spec.Hooks = hooks
	if errs = append(errs, mistakes...); len(errs) > 0 {
		return nil, errs
	}
	setDefaults(spec)
	if errs := query.ValidatePlan(spec, path); len(errs) > 0 {
		return nil, inAnnotations(errs, spec, path)
	}
	return spec, nil
}

// setStatusLabel names the label to all metrics that expect success.
func setStatusLabel(metrics []v1alpha1.Metric, label string, at *field.Path) field.ErrorList {
	if label == "" {
		return field.ErrorList{field.Required(at, "names no label; without the annotation it is code")}
	}
	used := false
	for i := range metrics {
		if e, mistake := query.ParseExpectation(metrics[i].Expect); mistake == nil && e.Success() {
			metrics[i].StatusLabel, used = label, true
		}
	}
	if !used {
		return field.ErrorList{field.Forbidden(at, "is for an expectation such as “success >= 99%”, and no annotation has one")}
	}
	return nil
}

// inAnnotations names the annotations where mistakes name the fields of a plan.
func inAnnotations(errs field.ErrorList, spec *v1alpha1.CanaryPlanSpec, path *field.Path) field.ErrorList {
	metrics, hooks := path.Child("analysis", "metrics"), path.Child("hooks")
	for _, err := range errs {
		for i, m := range spec.Analysis.Metrics {
			if err.Field == metrics.Index(i).Child("statusLabel").String() {
				err.Field = path.Key(v1alpha1.StatusLabelAnnotation).String()
			}
			if strings.HasPrefix(err.Field, metrics.Index(i).String()) {
				err.Field = path.Key(v1alpha1.MetricAnnotationPrefix + m.Name).String()
			}
		}
		for i, h := range spec.Hooks {
			if strings.HasPrefix(err.Field, hooks.Index(i).String()) {
				err.Field = HookPath(path, h.Name).String()
			}
		}
		switch err.Field {
		case hooks.String():
			err.Field = path.Key(v1alpha1.HookAnnotationPrefix + "*").String()
		case metrics.String():
			err.Field = path.Key(v1alpha1.MetricAnnotationPrefix + "*").String()
		case path.Child("analysis", "period").String(), path.Child("deadline").String():
			err.Field = path.Key(v1alpha1.PeriodAnnotation).String()
		}
	}
	return errs
}

func setDefaults(spec *v1alpha1.CanaryPlanSpec) {
	spec.SetDefaults()
	a := &spec.Analysis
	tenth := (a.Period.Duration / 10).Truncate(time.Second)
	a.Interval.Duration = min(a.Interval.Duration, max(tenth, time.Second))
}

func parseMetric(name, text string, at *field.Path) (v1alpha1.Metric, field.ErrorList) {
	errs := query.ValidateName(name, at)
	if isExpectation(text) {
		if _, mistake := query.ParseExpectation(text); mistake != nil {
			errs = append(errs, field.Invalid(at, plaintext.Cut(text, maxShown), mistake.Error()))
		}
		return v1alpha1.Metric{Name: name, Expect: strings.TrimSpace(text)}, errs
	}
	head, limits, mistake := parseCriterion(text)
	if mistake != nil {
		return v1alpha1.Metric{}, append(errs, field.Invalid(at, plaintext.Cut(text, maxShown), mistake.Error()))
	}
	return v1alpha1.Metric{Name: name, Query: strings.TrimSpace(head), Range: limits}, errs
}
