package query

import (
	"fmt"
	"math"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/labelname"
	"holdfast.dev/holdfast/internal/plaintext"
)

// What a metric is judged by, field by field.

func validateRange(r v1alpha1.Range, at *field.Path) field.ErrorList {
	for _, end := range []*float64{r.Min, r.Max} {
		if end != nil && (math.IsNaN(*end) || math.IsInf(*end, 0)) {
			return field.ErrorList{field.Invalid(at, *end, "must be a finite number; leave an end out to have none")}
		}
	}
	if r.Min != nil && r.Max != nil && *r.Min > *r.Max {
		return field.ErrorList{field.Invalid(at, fmt.Sprintf("[%g, %g]", *r.Min, *r.Max), "min must not be greater than max")}
	}
	return nil
}

func validateDeviation(d v1alpha1.Deviation, a v1alpha1.Analysis, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	known := []v1alpha1.DeviationFrom{v1alpha1.FromOne, v1alpha1.FromFirst, v1alpha1.FromPrevious}
	if !slices.Contains(known, d.From) {
		errs = append(errs, field.NotSupported(at.Child("from"), d.From, known))
	}
	directions := []v1alpha1.Direction{v1alpha1.DirectionBoth, v1alpha1.DirectionUp, v1alpha1.DirectionDown}
	if d.Direction != "" && !slices.Contains(directions, d.Direction) {
		errs = append(errs, field.NotSupported(at.Child("direction"), d.Direction, directions))
	}
	if _, err := ParseAmount(d.By); err != nil {
		errs = append(errs, field.Invalid(at.Child("by"), plaintext.Cut(d.By, 40), err.Error()))
	}
	if d.From != v1alpha1.FromOne && a.NoDataLimit != nil && *a.NoDataLimit < 1 {
		errs = append(errs, field.Forbidden(at.Child("from"),
			"the first measurement has nothing to be compared with and counts as missing data, of which noDataLimit: 0 bears none; make it 1 or more"))
	}
	return errs
}

func validateList(l v1alpha1.List, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if !labelname.Valid(l.Label) {
		errs = append(errs, field.Invalid(at.Child("label"), plaintext.Cut(l.Label, 100), "is no name of a Prometheus label"))
	}
	if len(l.Good)+len(l.Bad) == 0 {
		errs = append(errs, field.Required(at, "needs good, bad or both"))
	}
	for name, entries := range map[string][]string{"good": l.Good, "bad": l.Bad} {
		if _, i, err := ParsePatterns(entries); err != nil {
			errs = append(errs, field.Invalid(at.Child(name).Index(i), plaintext.Cut(entries[i], 100), err.Error()))
		}
	}
	if _, err := ParseTolerance(l.Tolerance); err != nil {
		errs = append(errs, field.Invalid(at.Child("tolerance"), plaintext.Cut(l.Tolerance, 40), err.Error()))
	}
	return errs
}

func validateLabels(w v1alpha1.LabelWatch, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	known := []v1alpha1.LabelsOf{v1alpha1.LabelsOfPods, v1alpha1.LabelsOfDeployment}
	if w.Of != "" && !slices.Contains(known, w.Of) {
		errs = append(errs, field.NotSupported(at.Child("of"), w.Of, known))
	}
	selector, err := metav1.LabelSelectorAsSelector(&w.Selector)
	switch {
	case err != nil:
		errs = append(errs, field.Invalid(at.Child("selector"), metav1.FormatLabelSelector(&w.Selector), err.Error()))
	case selector.Empty():
		errs = append(errs, field.Required(at.Child("selector"), "matches everything; name a label that means the canary is bad"))
	}
	return errs
}

func validateAlerts(w v1alpha1.AlertWatch, at *field.Path) field.ErrorList {
	known := []v1alpha1.AlertsAbout{v1alpha1.AlertsAboutPods, v1alpha1.AlertsAboutAny}
	if w.About != "" && !slices.Contains(known, w.About) {
		return field.ErrorList{field.NotSupported(at.Child("about"), w.About, known)}
	}
	var errs field.ErrorList
	for i, m := range w.Matchers {
		if mistake := checkMatcher(m); mistake != nil {
			errs = append(errs, field.Invalid(at.Child("matchers").Index(i), plaintext.Cut(m, 100), mistake.Error()))
		}
	}
	if len(errs) > 0 {
		return errs
	}
	if _, err := ofAlerts(w); err != nil {
		return field.ErrorList{field.Invalid(at, string(w.About), err.Error())}
	}
	return nil
}
