package query

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// matcher is one label matcher of PromQL: nothing in it ends the selector early.
var matcher = regexp.MustCompile(`^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|` + "`[^`]*`" + `)\s*$`)

// ofAlerts is the query for the alerts that fire, by the series that Prometheus
// keeps of them while they do.
func ofAlerts(a v1alpha1.AlertWatch) (Template, error) {
	matchers := []string{`alertstate="firing"`}
	if a.About != v1alpha1.AlertsAboutAny {
		matchers = append(matchers, "{{"+string(Canary)+"}}")
	} else if len(a.Matchers) == 0 {
		return Template{}, fmt.Errorf("about: Any needs matchers, or every alert there is would fail the canary")
	}
	for _, m := range a.Matchers {
		if err := checkMatcher(m); err != nil {
			return Template{}, err
		}
		matchers = append(matchers, strings.TrimSpace(m))
	}
	return Parse("ALERTS{ " + strings.Join(matchers, ", ") + " }")
}

// AlertMatchers are the label matchers of an alert watch, for alerts that are not asked for but sent.
type AlertMatchers []*labels.Matcher

// ReadAlertMatchers reads them as a plan has them.
func ReadAlertMatchers(texts []string) (AlertMatchers, error) {
	var out AlertMatchers
	for _, text := range texts {
		if err := checkMatcher(text); err != nil {
			return nil, err
		}
		matchers, err := promQL.ParseMetricSelector("{" + text + "}")
		if err != nil {
			return nil, fmt.Errorf("read matcher %q: %w", text, err)
		}
		out = append(out, matchers...)
	}
	return out, nil
}

// Match says whether an alert has them all. A label that it does not have is empty.
func (m AlertMatchers) Match(alert map[string]string) bool {
	for _, one := range m {
		if !one.Matches(alert[one.Name]) {
			return false
		}
	}
	return true
}

// checkMatcher checks one matcher of an alert watch.
func checkMatcher(text string) *Error {
	found := matcher.FindStringSubmatch(text)
	switch {
	case found == nil:
		return ErrorAt(text, 0, `expected one label matcher, as in severity="critical"`)
	case found[1] == "alertstate":
		return ErrorAt(text, 0, "only alerts that fire count; leave alertstate out")
	}
	if _, err := Parse("ALERTS{" + text + "}"); err != nil {
		return ErrorAt(text, 0, "%s", err)
	}
	return nil
}
