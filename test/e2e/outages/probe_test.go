package outages

import (
	"context"
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// probedPlan is that of docs/how-to/probe.md, "Without Prometheus", with shorter times.
const probedPlan = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  probe: {}
  baseline: {}
  analysis:
    source: Probe
    interval: 2s
    period: 80s # 500 requests of each are wanted before a pass
    metrics:
    - name: success
      expect: success >= 95%
      window: 10s
    - name: errors
      source: Probe
      compare:
        count:
          bad: 'holdfast_probe_requests_total{ {{pods}}, code=~"5.." }'
          total: 'holdfast_probe_requests_total{ {{pods}} }'
    - name: latency
      source: Probe
      window: 4s
      query: |
        histogram_quantile(0.5, sum by (le) (rate(holdfast_probe_request_duration_seconds_bucket{ {{pods}} }[{{window}}])))
      compare: {unit: s}
`

// TestWithoutPrometheusProbesJudge: with no Prometheus at all a good update is released, and one that fails a
// fifth of its requests and one that is three times slower are reverted, each by comparison with the
// baseline.
func TestWithoutPrometheusProbesJudge(t *testing.T) {
	if err := shop.World.Cluster.StopComponent(t.Context(), "prometheus"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // for the scenarios after this one
		if err := shop.World.Cluster.StartComponent(context.Background(), "prometheus"); err != nil {
			t.Error(err)
		}
	})
	only := func(name string) string { // the metric of this name, beside those of the plan that are none
		head, rest, _ := strings.Cut(probedPlan, "    - name: ")
		for _, metric := range strings.Split(rest, "    - name: ") {
			if strings.HasPrefix(metric, name) {
				return head + "    - name: " + metric
			}
		}
		t.Fatalf("the plan has no metric %s", name)
		return ""
	}
	for name, tc := range map[string]struct {
		plan     string
		args     []string
		released bool
		reason   string
	}{
		"a good update":      {plan: probedPlan, released: true},
		"a fifth fails":      {plan: only("errors"), args: []string{"--error-rate=0.2", "--latency=20ms"}, reason: v1alpha1.ReasonWorse},
		"three times slower": {plan: only("latency"), args: []string{"--latency=60ms"}, reason: v1alpha1.ReasonWorse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{Plan: tc.plan, Args: []string{"--latency=20ms"}})
			args := tc.args
			if args == nil {
				args = []string{"--latency=20ms"}
			}
			said := s.Must("apply", "-f", "-", s.Web("v2", args...))
			run := s.NewestRun(said)
			if tc.released {
				s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
				s.WantImage("v2")
				return
			}
			s.WantReverted(run.Name, tc.reason)
		})
	}
}
