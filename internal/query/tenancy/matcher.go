package tenancy

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/internal/labelname"
)

// Matchers are label matchers, all of which must hold.
type Matchers = []*labels.Matcher

// Namespace stands in the value of a matcher for the name of a namespace.
const Namespace = "{{namespace}}"

var namespaceName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// ByLabel is the matcher of a label whose value is the namespace.
func ByLabel(label string) (*labels.Matcher, error) {
	if !labelname.Valid(label) || label == model.MetricNameLabel {
		return nil, errors.New(`must be the name of a label, such as "namespace"`)
	}
	return labels.NewMatcher(labels.MatchEqual, label, Namespace)
}

// ParseMatcher reads one label matcher, such as tenant=~"{{namespace}}|shared".
// {{namespace}} may stand in its value.
func ParseMatcher(text string) (*labels.Matcher, error) {
	const form = `must be one label matcher, as in cluster="eu-1" or tenant=~"{{namespace}}|shared"`
	expr, err := promQL.ParseExpr("{" + text + `,x="x"}`) // a selector needs one that is not empty
	if err != nil {
		return nil, errors.New(form)
	}
	s, ok := expr.(*parser.VectorSelector)
	if !ok || len(s.LabelMatchers) != 2 {
		return nil, errors.New(form)
	}
	m := s.LabelMatchers[0]
	switch {
	case !labelname.Valid(m.Name) || m.Name == model.MetricNameLabel:
		return nil, errors.New(form + "; the name of the metric is no label of a tenant")
	case strings.Contains(strings.ReplaceAll(m.Value, Namespace, ""), "{{"):
		return nil, errors.New("has an unknown placeholder; known is " + Namespace)
	}
	if _, err := ForNamespace(Matchers{m}, "namespace"); err != nil {
		return nil, err
	}
	return m, nil
}

// ForNamespace fills the name of a namespace in. It is refused where it is none, so that
// nothing a tenant can choose ends a string or widens a pattern.
func ForNamespace(matchers Matchers, namespace string) (Matchers, error) {
	if !namespaceName.MatchString(namespace) {
		return nil, fmt.Errorf("%.80q is no name of a namespace", namespace)
	}
	out := make(Matchers, len(matchers))
	for i, m := range matchers {
		value := strings.ReplaceAll(m.Value, Namespace, namespace) // letters, digits and "-" stand for themselves in a pattern
		filled, err := labels.NewMatcher(m.Type, m.Name, value)
		if err != nil {
			return nil, fmt.Errorf("matcher %s for namespace %q: %w", m, namespace, err)
		}
		out[i] = filled
	}
	return out, nil
}
