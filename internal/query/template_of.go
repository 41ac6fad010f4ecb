package query

import (
	"cmp"
	"fmt"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query/preset"
)

// TemplateOf is the query of a metric: the one it has, or the one that is made for what
// it expects or for the alerts it watches. podLabel is the label by which
// Prometheus knows pods, "pod" if empty. A metric that watches labels has none,
// nor one that counts (see CountersOf), and its Template is the zero value.
func TemplateOf(m v1alpha1.Metric, podLabel string) (Template, error) {
	switch {
	case m.Expect != "":
		return ofExpectation(m, podLabel)
	case m.Alerts != nil:
		return ofAlerts(*m.Alerts)
	case m.Labels != nil, m.Compare != nil && m.Compare.Count != nil:
		return Template{}, nil
	case m.Compare != nil:
		return ParseSide(m.Query)
	default:
		t, err := Parse(m.Query)
		t.shared = err == nil && m.List != nil
		return t, err
	}
}

// NamesStable says whether a metric asks for the Deployment's own pods.
func NamesStable(m v1alpha1.Metric) bool {
	if m.Compare != nil {
		return m.Compare.To == v1alpha1.CompareToStable
	}
	if !strings.Contains(m.Query, string(Stable)) {
		return false
	}
	t, err := Parse(m.Query)
	return err == nil && t.Uses(Stable)
}

// RequestOf is what the built-in query of a metric that expects something asks for.
func RequestOf(m v1alpha1.Metric, podLabel string) preset.Question {
	request := preset.Question{Source: m.Source, Pods: string(Canary), StatusLabel: m.StatusLabel}
	if request.Source == "" {
		request.Source = v1alpha1.SourcePrometheusClient
	}
	if m.Per == v1alpha1.PerPod {
		request.By = cmp.Or(m.PodLabel, cmp.Or(podLabel, DefaultPodLabel))
	}
	return request
}

// ExamplesOf is a query for a few of the series that a metric which expects success
// counts, with all of their labels.
func ExamplesOf(m v1alpha1.Metric, podLabel string) (Template, error) {
	text, err := RequestOf(m, podLabel).Examples()
	if err != nil {
		return Template{}, err
	}
	return Parse(text)
}

func ofExpectation(m v1alpha1.Metric, podLabel string) (Template, error) {
	expected, mistake := ParseExpectation(m.Expect)
	if mistake != nil {
		return Template{}, mistake
	}
	request := RequestOf(m, podLabel)
	var text string
	var err error
	if expected.Success() {
		text, err = request.Success()
	} else {
		text, err = request.Duration(expected.Quantile)
	}
	if err != nil {
		return Template{}, err
	}
	template, err := Parse(text)
	if err != nil { // a preset that is no PromQL does not get past its tests
		return Template{}, fmt.Errorf("built-in query for %q: %w", m.Expect, err)
	}
	return template, nil
}
