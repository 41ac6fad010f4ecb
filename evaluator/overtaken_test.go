package evaluator

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
)

// holdNext holds one update after the other.
func (c *cluster) holdNext(number int) {
	c.t.Helper()
	hash := hashOf(c.t, "v2") + hold.Hash("-"+strconv.Itoa(number)) // of templates that only have to differ
	encoded, err := key.Seal(hold.Record{
		ID: "hold-" + strconv.Itoa(number), Run: "web-run-" + strconv.Itoa(number), Hash: hash, UID: c.deployment().UID,
		HeldAt: noon, Source: hold.SourceTemplate, Template: template(c.t, "v2"),
	})
	c.must(err)
	c.annotateDeployment(map[string]string{v1alpha1.HeldAnnotation: encoded})
	c.passes(2)
}

// TestUpdatesThatComeFasterThanACanaryAreTold by a Warning on the Deployment and by metrics, from
// the third that is superseded on; not while it is paused; and it is over with the first verdict.
func TestUpdatesThatComeFasterThanACanaryAreTold(t *testing.T) {
	for name, tc := range map[string]struct {
		updates int
		paused  bool
		told    int
		gauge   string
	}{
		"two changes of mind":         {updates: 3, told: 0, gauge: "0"},
		"three in a row":              {updates: 4, told: 1, gauge: "1"},
		"and more":                    {updates: 6, told: 3, gauge: "1"},
		"of a Deployment that waits ": {updates: 6, paused: true, told: 0, gauge: "0"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.e.metrics.overtaken.objects = c.api
			if tc.paused {
				d := c.deployment()
				d.Spec.Paused = true
				c.must(c.api.Update(t.Context(), d))
			}
			for i := range tc.updates {
				c.holdNext(i)
			}
			told := slices.DeleteFunc(c.told(), func(reason string) bool { return reason != v1alpha1.EventUpdatesTooFast })
			if len(told) != tc.told {
				t.Errorf("told %d times: %v", len(told), c.events)
			}
			if text := strings.Join(c.events, "\n"); tc.told > 0 && !strings.Contains(text, "3 in a row, since 2026-03-01T12:0") {
				t.Errorf("events:\n%s", text)
			}
			if got := testutil.ToFloat64(c.e.metrics.superseded); got != float64(tc.updates-1) {
				t.Errorf("%v superseded runs are counted", got)
			}
			c.wantOvertaken(tc.gauge)
			if tc.told > 0 {
				run := c.runNamed("web-run-" + strconv.Itoa(tc.updates-1))
				run.Spec.Decision = v1alpha1.DecisionAbort
				c.must(c.api.Update(t.Context(), &run))
				c.passes(4)
				c.wantOvertaken("0")
			}
		})
	}
}

func (c *cluster) wantOvertaken(want string) {
	c.t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c.e.metrics.overtaken)
	text := `
# HELP holdfast_overtaken_deployments Deployments of which three updates in a row or more were superseded before a verdict, and nothing was released since.
# TYPE holdfast_overtaken_deployments gauge
holdfast_overtaken_deployments ` + want + "\n"
	if err := testutil.GatherAndCompare(registry, strings.NewReader(text)); err != nil {
		c.t.Error(err)
	}
}
