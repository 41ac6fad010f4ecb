package shop

import (
	"fmt"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Measure has all new pods of the shop measured, and waits until the API server has them so: until a pod that is made in a
// dry run has the probe.
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
