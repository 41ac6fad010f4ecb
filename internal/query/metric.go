package query

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/labelname"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query/preset"
)

// validateMetric checks one metric of an analysis: first that its fields go
// together, as the rules of the CustomResourceDefinition do (inline plans and
// runs never meet those), then each of them.
func validateMetric(m v1alpha1.Metric, a v1alpha1.Analysis, at *field.Path) field.ErrorList {
	if errs := validateShape(m, at); len(errs) > 0 {
		return errs
	}
	errs := validateTimesOf(m, at)
	if m.FailureLimit != nil && *m.FailureLimit < 0 {
		errs = append(errs, field.Invalid(at.Child("failureLimit"), *m.FailureLimit, "must not be negative"))
	}
	if m.PodLabel != "" && !labelname.Valid(m.PodLabel) {
		errs = append(errs, field.Invalid(at.Child("podLabel"), plaintext.Cut(m.PodLabel, 100), "is no name of a Prometheus label"))
	}
	switch {
	case m.Expect != "":
		errs = append(errs, validateExpect(m, at)...)
	case m.Labels != nil:
		errs = append(errs, validateLabels(*m.Labels, at.Child("labels"))...)
	case m.Alerts != nil:
		errs = append(errs, validateAlerts(*m.Alerts, at.Child("alerts"))...)
	case m.Compare != nil:
		errs = append(errs, validateComparison(m, a, at)...)
	default:
		errs = append(errs, validateQuery(m, a, at)...)
	}
	return errs
}

// validateShape checks which fields a metric has.
func validateShape(m v1alpha1.Metric, at *field.Path) field.ErrorList {
	compares := m.Compare != nil
	subjects := given(map[string]bool{
		"query": m.Query != "", "expect": m.Expect != "", "labels": m.Labels != nil, "alerts": m.Alerts != nil,
		"compare.count": compares && m.Compare.Count != nil,
	})
	judges := given(map[string]bool{"range": !m.Range.IsZero(), "deviation": m.Deviation != nil, "list": m.List != nil, "compare": compares && m.Compare.Count == nil})
	asks := m.Query != "" || m.Expect != ""
	var errs field.ErrorList
	refuse := func(wrong bool, child, why string) {
		if wrong {
			errs = append(errs, field.Forbidden(at.Child(child), why))
		}
	}
	switch {
	case len(subjects) == 0:
		return field.ErrorList{field.Required(at, "needs one of query, expect, labels, alerts and compare.count: what is looked at")}
	case len(subjects) > 1:
		return field.ErrorList{field.Forbidden(at, fmt.Sprintf("has %s, where exactly one of query, expect, labels, alerts and compare.count says what is looked at; make a metric of each", Joined(subjects)))}
	case m.Query != "" && len(judges) > 1:
		return field.ErrorList{field.Forbidden(at, fmt.Sprintf("has %s, where exactly one of range, deviation, list and compare judges a query; make a metric of each", Joined(judges)))}
	}
	for _, judge := range judges {
		refuse(m.Query == "", judge, fmt.Sprintf("judges a query; %s knows by itself what is good", subjects[0]))
	}
	refuse(m.Expect == "" && m.Source != "" && m.Source != v1alpha1.SourceProbe, "source", "is for expect, and Probe for query and compare too; any other query names its metrics itself")
	refuse(m.Source == v1alpha1.SourceProbe && m.Expect == "" && m.Query == "" && m.Compare == nil, "source", "is for expect, query and compare: probes measure requests, and nothing else")
	refuse(m.Expect == "" && m.StatusLabel != "", "statusLabel", "is for expect; a query names its labels itself")
	refuse(!asks && m.Over != nil, "over", "is for query and expect")
	refuse(!asks && m.Per != "", "per", "is for query and expect")
	refuse(!asks && m.Window != nil, "window", "is for query and expect")
	refuse(compares && m.Over != nil, "over", "is not for compare, which asks for all windows since Ready; window says how long each is")
	refuse(compares && m.Per != "", "per", "is not for compare, which compares all pods of a side together")
	refuse(m.Over == nil && m.Samples != "", "samples", "needs over: an instant query has one sample of each series")
	refuse(m.Per == "" && m.PodLabel != "", "podLabel", "needs per: Pod")
	refuse(m.Over != nil && m.Deviation != nil && m.Deviation.From != v1alpha1.FromOne, "over",
		"deviation from First or Previous takes the value of an instant query; leave over out, and put avg_over_time(…) or max_over_time(…) around the query instead")
	return errs
}

// given are the names of what is there, in order.
func given(fields map[string]bool) []string {
	var out []string
	for name, there := range fields {
		if there {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Joined lists names as a sentence does; there are two at least.
func Joined(names []string) string {
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// maxSamples is how many samples of a series a range query may give, and how many
// windows are compared; what Prometheus allows is eleven times as much.
const maxSamples = 1000

func validateTimesOf(m v1alpha1.Metric, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if m.Window != nil && m.Window.Duration < time.Second {
		errs = append(errs, field.Invalid(at.Child("window"), m.Window.Duration.String(), "must be at least 1s"))
	}
	if m.Per != "" && m.Per != v1alpha1.PerPod {
		errs = append(errs, field.NotSupported(at.Child("per"), m.Per, []v1alpha1.Per{v1alpha1.PerPod}))
	}
	if m.Over == nil {
		return errs
	}
	over := at.Child("over")
	duration, step := m.Over.Duration.Duration, Length(orDefault(m.Over.Step, 15*time.Second))
	switch {
	case duration < time.Second:
		errs = append(errs, field.Invalid(over.Child("duration"), duration.String(), "must be at least 1s"))
	case step < time.Second:
		errs = append(errs, field.Invalid(over.Child("step"), step.String(), "must be at least 1s"))
	case step > duration:
		errs = append(errs, field.Invalid(over.Child("step"), step.String(), fmt.Sprintf("must not be longer than duration (%s)", duration)))
	case duration/step > maxSamples:
		errs = append(errs, field.Invalid(over.Child("step"), step.String(),
			fmt.Sprintf("would give %d samples of each series, at most %d are judged; make it longer", duration/step, maxSamples)))
	}
	if _, err := ParseSamples(m.Samples); err != nil {
		errs = append(errs, field.Invalid(at.Child("samples"), plaintext.Cut(m.Samples, 40), err.Error()))
	}
	return errs
}

func orDefault(d *metav1.Duration, otherwise time.Duration) *metav1.Duration {
	if d == nil {
		return &metav1.Duration{Duration: otherwise}
	}
	return d
}

func validateExpect(m v1alpha1.Metric, at *field.Path) field.ErrorList {
	expected, mistake := ParseExpectation(m.Expect)
	if mistake != nil {
		return field.ErrorList{field.Invalid(at.Child("expect"), plaintext.Cut(m.Expect, 100), mistake.Error())}
	}
	if m.Source != "" && !slices.Contains(preset.Sources(), m.Source) {
		return field.ErrorList{field.NotSupported(at.Child("source"), m.Source, preset.Sources())}
	}
	if errs := validateStatusLabel(m, expected, at.Child("statusLabel")); len(errs) > 0 {
		return errs
	}
	if m.Per == v1alpha1.PerPod && !preset.TellsPods(m.Source) {
		return field.ErrorList{field.Forbidden(at.Child("per"), fmt.Sprintf(
			"source %s measures %s, and no pod by itself; leave per out, or write a query on what the pods themselves measure", m.Source, preset.About(m.Source)))}
	}
	if _, err := TemplateOf(m, ""); err != nil {
		return field.ErrorList{field.Invalid(at.Child("expect"), plaintext.Cut(m.Expect, 100), err.Error())}
	}
	return nil
}

// maxLabelName is how long the name of a label is at most, as a CanaryPlan's.
const maxLabelName = 63

func validateStatusLabel(m v1alpha1.Metric, expected Expectation, at *field.Path) field.ErrorList {
	switch {
	case m.StatusLabel == "":
		return nil
	case len(m.StatusLabel) > maxLabelName || !labelname.Valid(m.StatusLabel):
		return field.ErrorList{field.Invalid(at, plaintext.Cut(m.StatusLabel, 100), fmt.Sprintf("is no name of a Prometheus label of up to %d letters", maxLabelName))}
	case !expected.Success():
		return field.ErrorList{field.Forbidden(at, "is for success; of durations all requests count, however they ended")}
	case m.Source != "" && !preset.NamesStatus(m.Source):
		return field.ErrorList{field.Forbidden(at, fmt.Sprintf("is for source %s; %s has labels of its own", v1alpha1.SourcePrometheusClient, m.Source))}
	}
	return nil
}

func validateQuery(m v1alpha1.Metric, a v1alpha1.Analysis, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	template, err := Parse(m.Query)
	if err != nil {
		errs = append(errs, field.Invalid(at.Child("query"), plaintext.Cut(m.Query, 100), err.Error()))
	} else if m.Window != nil && !template.Uses(Window) {
		errs = append(errs, field.Forbidden(at.Child("window"), "is what {{window}} in the query stands for, and the query has none"))
	}
	switch {
	case m.Deviation != nil:
		errs = append(errs, validateDeviation(*m.Deviation, a, at.Child("deviation"))...)
	case m.List != nil:
		errs = append(errs, validateList(*m.List, at.Child("list"))...)
	case m.Range.IsZero():
		errs = append(errs, field.Required(at.Child("range"), "query needs range, deviation, list or compare, to be judged by; a range needs min, max or both"))
	default:
		errs = append(errs, validateRange(m.Range, at.Child("range"))...)
	}
	return errs
}
