package shop

import (
	"fmt"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// LetRedirect has a policy let plans of the shop redirect requests to the probe, and applies one that does.
// Its namespace is of a tenant.
func (s *Shop) LetRedirect(plan string) {
	s.T.Helper()
	s.Demand("probes", "limits: {probeCapture: Redirect}")
	Until(s, "the policy lets plans redirect", func() bool {
		_, _, code := s.Kubectl("apply", "-f", "-", plan)
		return code == 0
	})
}

// Unscraped is a text whose pods say nothing to Prometheus: where requests are redirected, its scrapes are
// counted.
func Unscraped(web string) string {
	return strings.ReplaceAll(web, `prometheus.io/scrape: "true"`, `prometheus.io/scrape: "false"`)
}

// Measure has all new pods of the shop measured, and waits until the API server has them so: until a pod that
// is made in a dry run has the probe.
func (s *Shop) Measure() {
	s.T.Helper()
	s.Must("annotate", "namespace", s.Namespace, v1alpha1.ProbeAnnotation+"="+v1alpha1.ProbeEnabled)
	Until(s, "pods are measured", s.IsMeasured)
}

// IsMeasured says whether a pod that is made now gets the probe.
func (s *Shop) IsMeasured() bool {
	said, _, _ := s.Kubectl("create", "--dry-run=server", "-o", "yaml", "-f", "-",
		"apiVersion: v1\nkind: Pod\nmetadata: {name: tried}\nspec: {containers: [{name: app, image: 'holdfast.test/app:v1', ports: [{name: http, containerPort: 8080}]}]}\n")
	return strings.Contains(said, "name: holdfast-probe")
}

// Probe is what the probe of a pod says at /metrics.
func (s *Shop) Probe(pod string) string {
	s.T.Helper()
	return s.Must("get", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:15190/proxy/metrics", s.Namespace, pod))
}
