package query

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plan/window"
)

// BaselineMetric is the name of the metric that every run with a baseline has:
// the health of its baseline pods. A plan cannot use it.
const BaselineMetric = "baseline"

// The limits of CanaryPlan.
const (
	maxSteps       = v1alpha1.MaxSteps
	maxStepMetrics = 8
	maxWindows     = 32
)

// validateCourse checks what a plan says of the course of its runs: steps,
// deadlines, windows, limits.
func validateCourse(spec *v1alpha1.CanaryPlanSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if spec.Deadline != nil && spec.Deadline.Duration < time.Second {
		errs = append(errs, field.Invalid(path.Child("deadline"), spec.Deadline.Duration.String(), "must be at least 1s"))
	} else if spec.Deadline != nil && spec.Analysis.Period != nil && spec.Deadline.Duration <= spec.Total() {
		errs = append(errs, field.Invalid(path.Child("deadline"), spec.Deadline.Duration.String(),
			fmt.Sprintf("must be longer than all periods together (%s), or nothing could pass", spec.Total())))
	}
	if spec.MaxRuns != nil && *spec.MaxRuns < 1 {
		errs = append(errs, field.Invalid(path.Child("maxRuns"), *spec.MaxRuns, "must be at least 1; leave it out to have no limit"))
	}
	if n := len(spec.FreezeWindows); n > maxWindows {
		errs = append(errs, field.TooMany(path.Child("freezeWindows"), n, maxWindows))
	}
	for i, w := range spec.FreezeWindows {
		_, mistakes := window.Parse(w, path.Child("freezeWindows").Index(i))
		errs = append(errs, mistakes...)
	}
	errs = append(errs, validateWaits(spec, path.Child("deadline"))...)
	errs = append(errs, validateManual(spec, path.Child("manual"))...)
	errs = append(errs, validateHooks(spec, path.Child("hooks"))...)
	errs = append(errs, validateTraffic(spec, path)...)
	errs = append(errs, validateScale(spec, path)...)
	errs = append(errs, validateProbe(spec.Probe, path.Child("probe"))...)
	errs = append(errs, validateSteps(spec, path.Child("steps"))...)
	return append(errs, validateBaseline(spec, path)...)
}

// validateWaits: a metric is first measured when what must be waited for in whole
// lies behind Ready, and nothing passes before each has been.
func validateWaits(spec *v1alpha1.CanaryPlanSpec, at *field.Path) field.ErrorList {
	if spec.Deadline == nil {
		return nil
	}
	var errs field.ErrorList
	for _, m := range spec.AllMetrics() {
		if m.Query == "" || m.Compare != nil {
			continue
		}
		template, err := TemplateOf(m, "")
		if err != nil {
			continue // told already
		}
		values := samples
		values.Interval, values.Window = Length(spec.Analysis.Interval), WindowOf(m, Length(spec.Analysis.Interval))
		if wait := template.WarmUp(values, 0); wait >= spec.Deadline.Duration {
			errs = append(errs, field.Invalid(at, spec.Deadline.Duration.String(), fmt.Sprintf(
				"must be longer than the %s after Ready for which metric %s waits until its window is full, or nothing could pass; make it longer or the window shorter", Duration(wait), m.Name)))
		}
	}
	return errs
}

func validateManual(spec *v1alpha1.CanaryPlanSpec, at *field.Path) field.ErrorList {
	m := spec.Manual
	if m == nil {
		return nil
	}
	var errs field.ErrorList
	if m.Deadline != nil && m.Deadline.Duration < time.Second {
		errs = append(errs, field.Invalid(at.Child("deadline"), m.Deadline.Duration.String(), "must be at least 1s"))
	}
	switch m.Assume {
	case "", v1alpha1.AssumePass, v1alpha1.AssumeFail, v1alpha1.AssumeNone:
	default:
		errs = append(errs, field.NotSupported(at.Child("assume"), m.Assume,
			[]v1alpha1.Assumption{v1alpha1.AssumePass, v1alpha1.AssumeFail, v1alpha1.AssumeNone}))
	}
	return errs
}

// maxDrain is the longest drain time.
const maxDrain = 10 * time.Minute

// validateTraffic: a canary that routes give a share has a weight or a match in every step; one that has
// copies may have a weight, and no other has one.
func validateTraffic(spec *v1alpha1.CanaryPlanSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	wrong := func(weight *int32, at *field.Path) {
		switch {
		case weight == nil:
		case !spec.ByRoutes():
			errs = append(errs, field.Forbidden(at, "is for traffic.source Weighted or Mirror; set one of these, or take it off"))
		case *weight < 1 || *weight > 100:
			errs = append(errs, field.Invalid(at, *weight, "must be a percentage from 1 to 100"))
		}
	}
	if t := spec.Traffic; t != nil {
		at := path.Child("traffic")
		wrong(t.Weight, at.Child("weight"))
		errs = append(errs, validateMatch(spec, t.Match, at.Child("match"))...)
		errs = append(errs, validateIncrement(spec, at)...)
		switch {
		case t.Source != "" && !slices.Contains(v1alpha1.TrafficSources, t.Source):
			errs = append(errs, field.NotSupported(at.Child("source"), t.Source, v1alpha1.TrafficSources))
		case t.Drain != nil && !spec.ByRoutes():
			errs = append(errs, field.Forbidden(at.Child("drain"), "is for traffic.source Weighted or Mirror; set one of these, or take it off"))
		case t.Drain != nil && (t.Drain.Duration < 0 || t.Drain.Duration > maxDrain):
			errs = append(errs, field.Invalid(at.Child("drain"), t.Drain.Duration.String(), "must be from 0s to 10m"))
		case spec.TrafficSource() == v1alpha1.TrafficWeighted && t.Weight == nil && t.Match == nil && t.Increment == nil && len(spec.Steps) == 0:
			errs = append(errs, field.Required(at.Child("weight"), "a canary that routes give its requests needs a share or a match, here or in each step"))
		}
	}
	for i := range spec.Steps {
		at := path.Child("steps").Index(i).Child("weight")
		wrong(spec.Steps[i].Weight, at)
		errs = append(errs, validateMatch(spec, spec.Steps[i].Match, path.Child("steps").Index(i).Child("match"))...)
		if spec.TrafficSource() == v1alpha1.TrafficWeighted && spec.Steps[i].Weight == nil && spec.Steps[i].Match == nil && spec.Traffic.Weight == nil && spec.Traffic.Match == nil {
			errs = append(errs, field.Required(at, "a canary that routes give its requests needs a share or a match, here or in traffic"))
		}
	}
	return errs
}

// validateSteps: each step has a size and times that fit together, and no two
// metrics of the whole plan have one name, for they are counted by it.
func validateSteps(spec *v1alpha1.CanaryPlanSpec, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if n := len(spec.Steps); n > maxSteps {
		errs = append(errs, field.TooMany(at, n, maxSteps))
	}
	names := map[string]bool{}
	for _, m := range spec.Analysis.Metrics {
		names[m.Name] = true
	}
	for i := range spec.Steps {
		step, at := &spec.Steps[i], at.Index(i)
		errs = append(errs, validateSize(step, spec.Baseline != nil, at)...)
		errs = append(errs, validatePeriod(step.Period, &spec.Analysis, at.Child("period"))...)
		if n := len(step.Metrics); n > maxStepMetrics {
			errs = append(errs, field.TooMany(at.Child("metrics"), n, maxStepMetrics))
		}
		for j := range step.Metrics {
			m, at := &step.Metrics[j], at.Child("metrics").Index(j)
			if names[m.Name] {
				errs = append(errs, field.Duplicate(at.Child("name"), m.Name))
			}
			names[m.Name] = true
			errs = append(errs, ValidateName(m.Name, at.Child("name"))...)
			errs = append(errs, validateMetric(*m, spec.Analysis, at)...)
		}
	}
	return errs
}

func validateSize(step *v1alpha1.Step, baseline bool, at *field.Path) field.ErrorList {
	switch {
	case (step.Replicas == nil) == (step.PodShare == nil):
		return field.ErrorList{field.Required(at, "needs replicas or podShare, and not both")}
	case step.PodShare != nil && (*step.PodShare < 1 || *step.PodShare > 99):
		return field.ErrorList{field.Invalid(at.Child("podShare"), *step.PodShare, "must be a percentage from 1 to 99")}
	case step.PodShare != nil && baseline && *step.PodShare >= 50:
		return field.ErrorList{field.Invalid(at.Child("podShare"), *step.PodShare,
			"must be less than 50 where there is a baseline: it is as large as the canary, and its pods have the same share")}
	case step.Replicas != nil && step.Replicas.Type == intstr.Int && step.Replicas.IntVal < 1:
		return field.ErrorList{field.Invalid(at.Child("replicas"), step.Replicas.IntVal, "must be at least 1")}
	}
	return nil
}

// validatePeriod: a step is measured at least once.
func validatePeriod(period *metav1.Duration, a *v1alpha1.Analysis, at *field.Path) field.ErrorList {
	if period == nil {
		return nil
	}
	wrong := func(format string, args ...any) field.ErrorList {
		return field.ErrorList{field.Invalid(at, period.Duration.String(), fmt.Sprintf(format, args...))}
	}
	switch delay, interval := Length(a.InitialDelay), Length(a.Interval); {
	case period.Duration < time.Second:
		return wrong("must be at least 1s")
	case period.Duration > v1alpha1.MaxPeriod:
		return wrong(tooLong)
	case period.Duration <= delay:
		return wrong("must be longer than analysis.initialDelay (%s), or nothing would be measured", delay)
	case period.Duration < interval:
		return wrong("must not be shorter than analysis.interval (%s), or nothing would be measured", interval)
	}
	return nil
}

// validateBaseline: a query about baseline pods needs some.
func validateBaseline(spec *v1alpha1.CanaryPlanSpec, path *field.Path) field.ErrorList {
	if spec.Baseline != nil {
		return nil
	}
	var errs field.ErrorList
	look := func(metrics []v1alpha1.Metric, at *field.Path) {
		for i, m := range metrics {
			if t, err := Parse(m.Query); err == nil && t.Uses(Baseline) {
				errs = append(errs, field.Required(path.Child("baseline"), fmt.Sprintf(
					"%s uses {{baseline}}, and the plan asks for no baseline pods; add `baseline: {}` to a CanaryPlan", at.Index(i).Child("query"))))
			}
		}
	}
	look(spec.Analysis.Metrics, path.Child("analysis", "metrics"))
	for i := range spec.Steps {
		look(spec.Steps[i].Metrics, path.Child("steps").Index(i).Child("metrics"))
	}
	return errs
}
