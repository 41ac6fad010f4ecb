package trap

import (
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"holdfast.dev/holdfast/internal/query"
)

// podLabels are the labels that commonly name a pod.
var podLabels = []string{query.DefaultPodLabel, "pod_name", "exported_pod", "kubernetes_pod_name", "k8s_pod_name", "k8s.pod.name"}

// othersPods: what the names of pods begin with tells nobody whose they are.
func othersPods(l looked) []caught {
	if !l.template.Uses(query.Deployment) {
		return nil
	}
	var out []caught
	query.Each(l.expr, func(s *parser.VectorSelector, _ []parser.Node) {
		if slices.ContainsFunc(s.LabelMatchers, l.namesByDeployment) {
			out = append(out, caught{s, "pods whose names begin with that of the Deployment may be others': those of web-api and of a Job web-… are found with those of web, and the canary's with the stable ones; put {{canary}}, {{stable}} or {{baseline}} between the braces instead, which select pods by whose they are"})
		}
	})
	return out
}

// namesByDeployment says whether a matcher looks for the Deployment's name in those of pods.
func (l looked) namesByDeployment(m *labels.Matcher) bool {
	return m.Type == labels.MatchRegexp && slices.Contains(podLabels, m.Name) && strings.Contains(m.Value, l.values.Deployment)
}
