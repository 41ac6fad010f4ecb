package evaluator

import (
	"slices"
	"strconv"
	"strings"
	"testing"

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
		gauge   float64
	}{
		"two changes of mind":         {updates: 3, told: 0, gauge: 0},
		"three in a row":              {updates: 4, told: 1, gauge: 1},
		"and more":                    {updates: 6, told: 3, gauge: 1},
		"of a Deployment that waits ": {updates: 6, paused: true, told: 0, gauge: 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
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
			if got := c.count("holdfast_superseded_runs_total", ""); got != float64(tc.updates-1) {
				t.Errorf("%v superseded runs are counted", got)
			}
			c.wantOvertaken(tc.gauge)
			if tc.told > 0 {
				run := c.runNamed("web-run-" + strconv.Itoa(tc.updates-1))
				run.Spec.Decision = v1alpha1.DecisionAbort
				c.must(c.api.Update(t.Context(), &run))
				c.passes(4)
				c.wantOvertaken(0)
			}
		})
	}
}

// holdBehind has a newer update wait behind the one that is held.
func (c *cluster) holdBehind() {
	c.t.Helper()
	record, err := key.Open(c.deployment().Annotations[v1alpha1.HeldAnnotation], c.deployment().UID)
	c.must(err)
	hash := hashOf(c.t, "v3")
	record.Next = &hold.Record{
		ID: "hold-2", Run: v1alpha1.RunName("web", string(hash), 1), Hash: hash, UID: c.deployment().UID, HeldAt: noon, Template: template(c.t, "v3"),
	}
	encoded, err := key.Seal(record)
	c.must(err)
	c.annotateDeployment(map[string]string{v1alpha1.HeldAnnotation: encoded})
}

// TestAnUpdateThatWaitsIsHeldNext, whatever became of the one before: what is left is its record, as if
// nothing had been held before it, no mark of a failure, and a run of it.
func TestAnUpdateThatWaitsIsHeldNext(t *testing.T) {
	for name, tc := range map[string]struct {
		passes int // before the newer update comes
		do     func(*cluster)
		phase  v1alpha1.Phase
	}{
		"a person aborts the one before": {4, func(c *cluster) {
			c.edit(c.run().Name, func(s *v1alpha1.CanaryRunSpec) { s.Decision = v1alpha1.DecisionAbort })
		}, v1alpha1.PhaseReverted},
		"the one before has no canary yet": {0, nil, v1alpha1.PhaseSuperseded},
		"the run of the one before is deleted": {4, func(c *cluster) {
			run := c.run()
			c.must(c.api.Delete(c.t.Context(), &run))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.hold()
			if tc.passes == 0 { // the run waits for the Deployment to be resumed
				d := c.deployment()
				d.Spec.Paused = true
				c.must(c.api.Update(t.Context(), d))
				c.passes(2)
			}
			c.passes(tc.passes)
			first := c.run().Name
			c.holdBehind()
			if tc.do != nil {
				c.passes(2)
				if runs := c.runs(); len(runs) != 1 {
					t.Fatalf("there are %d runs while one is under way", len(runs))
				}
				tc.do(c)
			}
			c.passes(4)
			d := c.deployment()
			record, err := key.Open(d.Annotations[v1alpha1.HeldAnnotation], d.UID)
			if err != nil || record.ID != "hold-2" || record.Next != nil || d.Annotations[v1alpha1.FailedAnnotation] != "" {
				t.Errorf("held is %s (%v), failed %q", record.ID, err, d.Annotations[v1alpha1.FailedAnnotation])
			}
			if tc.phase != "" && c.runNamed(first).Status.Phase != tc.phase {
				t.Errorf("the run before is %s", c.runNamed(first).Status.Phase)
			}
			if next := c.runNamed(record.Run); next.Spec.Hold != "hold-2" || next.Status.Phase.Ended() {
				t.Errorf("the run of the newest is %+v", next.Status)
			}
		})
	}
}

func (c *cluster) wantOvertaken(want float64) {
	c.t.Helper()
	if got := c.count("holdfast_overtaken_deployments", ""); got != want {
		c.t.Errorf("%v Deployments are counted, want %v", got, want)
	}
}
