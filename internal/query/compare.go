package query

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
)

// ParseCounter reads the selector of a counter: {{pods}} between braces and
// nothing around them. Its samples are asked for, and increments are taken from
// those, so that nothing is extrapolated.
func ParseCounter(text string) (Template, error) {
	t, err := ParseSide(text)
	if err != nil {
		return Template{}, err
	}
	rendered, err := t.Fill(samples)
	if err != nil {
		return Template{}, err
	}
	expr, err := promQL.ParseExpr(rendered)
	if err != nil {
		return Template{}, fmt.Errorf("selector: %w", err)
	}
	s, ok := expr.(*parser.VectorSelector)
	if !ok {
		return Template{}, ErrorAt(text, 0, "must be the selector of a counter and nothing around it, as in requests_total{ {{pods}} }: rate(…) and increase(…) extrapolate, and what is made of several series cannot be told from a reset")
	}
	if s.OriginalOffset != 0 || s.OriginalOffsetExpr != nil || s.Timestamp != nil || s.StartOrEnd != 0 || s.Anchored || s.Smoothed {
		return Template{}, ErrorAt(text, 0, "must be a selector without modifiers: both sides are counted at the time of the measurement")
	}
	return t, nil
}

// RenderSamples fills the placeholders of a counter in and asks for its samples
// of so long.
func (t Template) RenderSamples(v Values, back time.Duration) (string, error) {
	v.Age = 0
	v, names, err := v.withStandIns()
	if err != nil {
		return "", err
	}
	rendered, err := t.renderRead(v)
	if err != nil {
		return "", err
	}
	expr, err := promQL.ParseExpr(rendered)
	if err != nil {
		return "", fmt.Errorf("rendered selector: %w", err)
	}
	return names.Replace(expr.String()) + "[" + Duration(back) + "]", nil
}

// What a comparison can tell apart in the time of a run (package evidence has the
// same limits and says why).
const (
	maxTolerance = 10
	minCatch     = 1.2
	maxCatch     = 16
)

// ParseSlack reads how much worse than its tolerance a canary may be: of counts
// a share, of values a number in their unit; "" is none.
func ParseSlack(text string, counts bool) (float64, error) {
	if text == "" || text == "0" {
		return 0, nil
	}
	amount, err := ParseAmount(text)
	switch {
	case counts && (err != nil || !amount.Share || amount.Value >= 1):
		return 0, errors.New(`must be a share of all that is counted, such as "0.1%", less than "100%"`)
	case !counts && (err != nil || amount.Share):
		return 0, errors.New(`must be a number in the unit of the values, such as "0.005"`)
	}
	return amount.Value, nil
}

// ParseShare reads a share such as "20%".
func ParseShare(text string) (float64, error) {
	amount, err := ParseAmount(text)
	if err != nil || !amount.Share {
		return 0, errors.New(`must be a share such as "20%"`)
	}
	return amount.Value, nil
}

func validateComparison(m v1alpha1.Metric, a v1alpha1.Analysis, at *field.Path) field.ErrorList {
	c := *m.Compare
	errs := validateSides(c, at.Child("compare"))
	if c.Count != nil {
		return append(errs, validateCount(*c.Count, at.Child("compare", "count"))...)
	}
	template, err := ParseSide(m.Query)
	if err != nil {
		return append(errs, field.Invalid(at.Child("query"), plaintext.Cut(m.Query, 100), err.Error()))
	}
	window := Length(m.Window)
	values := samples
	values.Window, values.Interval = window, Length(a.Interval)
	if back := template.Window(values); window > 0 && back > window {
		errs = append(errs, field.Invalid(at.Child("query"), plaintext.Cut(m.Query, 100), fmt.Sprintf(
			"looks back %s, and a value is taken every %s (window): windows that overlap would count the same requests several times. Write [{{window}}], or make window %s",
			Duration(back), Duration(window), Duration(back))))
	}
	return errs
}

func validateSides(c v1alpha1.Comparison, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	wrong := func(child string, value any, why string) {
		errs = append(errs, field.Invalid(at.Child(child), value, why))
	}
	if to := []v1alpha1.CompareTo{v1alpha1.CompareToBaseline, v1alpha1.CompareToStable}; c.To != "" && !slices.Contains(to, c.To) {
		errs = append(errs, field.NotSupported(at.Child("to"), c.To, to))
	}
	if worse := []v1alpha1.Worse{v1alpha1.WorseHigher, v1alpha1.WorseLower}; c.Worse != "" && !slices.Contains(worse, c.Worse) {
		errs = append(errs, field.NotSupported(at.Child("worse"), c.Worse, worse))
	}
	if c.Require != "" && c.Require != v1alpha1.RequireNotWorse {
		errs = append(errs, field.NotSupported(at.Child("require"), c.Require, []v1alpha1.Required{v1alpha1.RequireNotWorse}))
	}
	tolerance, err := ParseShare(cmp.Or(c.Tolerance, "20%"))
	switch {
	case err != nil:
		wrong("tolerance", plaintext.Cut(c.Tolerance, 40), err.Error())
	case tolerance > maxTolerance:
		wrong("tolerance", c.Tolerance, fmt.Sprintf("must be at most %d%%", 100*maxTolerance))
	case c.Catch != nil && !(*c.Catch >= minCatch*(1+tolerance) && *c.Catch <= maxCatch*(1+tolerance)):
		wrong("catch", *c.Catch, fmt.Sprintf("must be a factor from %.3g to %.3g with a tolerance of %g%%: what is nearer cannot be told apart in the time of a run",
			math.Ceil(minCatch*(1+tolerance)*1e3)/1e3, maxCatch*(1+tolerance), 100*tolerance))
	}
	if _, err := ParseSlack(c.Slack, c.Count != nil); err != nil {
		wrong("slack", plaintext.Cut(c.Slack, 40), err.Error())
	}
	if c.Burst != nil && *c.Burst < 1 {
		wrong("burst", *c.Burst, "must be at least 1")
	}
	if p := c.Minimum.Points; p != nil && (*p < 1 || *p > 1000) {
		wrong("minimum", *p, "points must be from 1 to 1000")
	}
	if n := c.Minimum.Total; n != nil && *n < 0 {
		wrong("minimum", *n, "total must not be negative")
	}
	if strings.ContainsAny(c.Unit, "\n\r") || len(c.Unit) > 16 {
		wrong("unit", plaintext.Cut(c.Unit, 40), "must be a word of up to 16 bytes")
	}
	return errs
}

func validateCount(c v1alpha1.Counted, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if (c.Bad == "") == (c.Good == "") {
		errs = append(errs, field.Required(at, "needs bad or good, and not both"))
	}
	for _, counter := range []struct {
		name, text string
		needed     bool
	}{{"bad", c.Bad, false}, {"good", c.Good, false}, {"total", c.Total, true}} {
		if counter.text == "" && !counter.needed {
			continue
		}
		if _, err := ParseCounter(counter.text); err != nil {
			errs = append(errs, field.Invalid(at.Child(counter.name), plaintext.Cut(counter.text, 100), err.Error()))
		}
	}
	return errs
}

// validateComparing checks what the comparisons of a plan have in common.
func validateComparing(spec *v1alpha1.CanaryPlanSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	a, at := spec.Analysis, path.Child("analysis")
	if share, err := ParseShare(cmp.Or(a.FalseAlarms, "1%")); err != nil {
		errs = append(errs, field.Invalid(at.Child("falseAlarms"), plaintext.Cut(a.FalseAlarms, 40), err.Error()))
	} else if !(share >= 1e-6 && share <= 0.5) {
		errs = append(errs, field.Invalid(at.Child("falseAlarms"), a.FalseAlarms, `must be from "0.0001%" to "50%"`))
	}
	if a.EndEarly && (len(a.Metrics) == 0 || slices.ContainsFunc(a.Metrics, func(m v1alpha1.Metric) bool { return m.Compare == nil })) {
		errs = append(errs, field.Forbidden(at.Child("endEarly"), "needs metrics that all compare: what others look for may come at the end of the period"))
	}
	if a.EndEarly && len(spec.Steps) > 0 {
		errs = append(errs, field.Forbidden(at.Child("endEarly"), "is for a plan without steps: what was shown of a small step would end the large one before it has begun"))
	}
	first, of := a.Period, "the period"
	if len(spec.Steps) > 0 && spec.Steps[0].Period != nil {
		first, of = spec.Steps[0].Period, "the period of the first step"
	}
	for i, m := range a.Metrics {
		if m.Compare != nil && first != nil {
			errs = append(errs, validateTimeEnough(m, a, first.Duration, of, at.Child("metrics").Index(i))...)
		}
	}
	errs = append(errs, validateWindows(a.Metrics, spec, at.Child("metrics"))...)
	for i, step := range spec.Steps {
		errs = append(errs, validateWindows(step.Metrics, spec, path.Child("steps").Index(i).Child("metrics"))...)
	}
	return errs
}

// validateWindows: all windows since Ready are asked for and compared in each
// round, so a run has no more of them than a range query may give.
func validateWindows(metrics []v1alpha1.Metric, spec *v1alpha1.CanaryPlanSpec, at *field.Path) field.ErrorList {
	if spec.Analysis.Period == nil {
		return nil
	}
	there, of := spec.Total()-Length(spec.Analysis.InitialDelay), "the period is"
	if len(spec.Steps) > 0 {
		of = "all steps together are"
	}
	var errs field.ErrorList
	for i, m := range metrics {
		window := Length(m.Window)
		if m.Compare == nil || m.Compare.Count != nil || window < time.Second || there/window <= maxSamples {
			continue
		}
		least := (there + maxSamples*time.Second - 1) / (maxSamples * time.Second) * time.Second
		errs = append(errs, field.Invalid(at.Index(i).Child("window"), window.String(), fmt.Sprintf(
			"would give %d windows, at most %d are compared; make it %s or longer, or the period shorter (%s %s)",
			there/window, maxSamples, Duration(least), of, Duration(spec.Total()))))
	}
	return errs
}

// validateTimeEnough: the minimum before a pass must fit into the time there is.
func validateTimeEnough(m v1alpha1.Metric, a v1alpha1.Analysis, there time.Duration, of string, at *field.Path) field.ErrorList {
	each, what, remedy := Length(a.Interval), "intervals", "make interval shorter"
	if m.Compare.Count == nil {
		each, what, remedy = Length(m.Window), "windows", "make window shorter"
	}
	points := int32(6)
	if m.Compare.Minimum.Points != nil {
		points = *m.Compare.Minimum.Points
	}
	needed := time.Duration(points)*each + Length(a.InitialDelay)
	if needed <= there {
		return nil
	}
	return field.ErrorList{field.Invalid(at.Child("compare", "minimum", "points"), points, fmt.Sprintf(
		"%d %s of %s take %s, and %s is %s; %s, or period longer", points, what, Duration(each), Duration(needed), of, Duration(there), remedy))}
}
