package runs_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
)

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
			c := evaluatortest.NewCluster(t)
			if tc.paused {
				d := c.Deployment()
				d.Spec.Paused = true
				c.Must(c.API.Update(t.Context(), d))
			}
			for i := range tc.updates {
				c.HoldNext(i)
			}
			told := slices.DeleteFunc(c.Told(), func(reason string) bool { return reason != v1alpha1.EventUpdatesTooFast })
			if len(told) != tc.told {
				t.Errorf("told %d times: %v", len(told), c.Events)
			}
			if text := strings.Join(c.Events, "\n"); tc.told > 0 && !strings.Contains(text, "3 in a row, since 2026-03-01T12:0") {
				t.Errorf("events:\n%s", text)
			}
			if got := c.Count("holdfast_superseded_runs_total", ""); got != float64(tc.updates-1) {
				t.Errorf("%v superseded runs are counted", got)
			}
			c.WantOvertaken(tc.gauge)
			if tc.told > 0 {
				run := c.RunNamed("web-run-" + strconv.Itoa(tc.updates-1))
				run.Spec.Decision = v1alpha1.DecisionAbort
				c.Must(c.API.Update(t.Context(), &run))
				c.Passes(4)
				c.WantOvertaken(0)
			}
		})
	}
}

// TestAnUpdateThatWaitsIsHeldNext, whatever became of the one before: what is left is its record, as if
// nothing had been held before it, no mark of a failure, and a run of it.
func TestAnUpdateThatWaitsIsHeldNext(t *testing.T) {
	for name, tc := range map[string]struct {
		passes int // before the newer update comes
		do     func(*evaluatortest.Cluster)
		phase  v1alpha1.Phase
	}{
		"a person aborts the one before": {4, func(c *evaluatortest.Cluster) {
			c.Edit(c.Run().Name, func(s *v1alpha1.CanaryRunSpec) { s.Decision = v1alpha1.DecisionAbort })
		}, v1alpha1.PhaseReverted},
		"the one before has no canary yet": {0, nil, v1alpha1.PhaseSuperseded},
		"the run of the one before is deleted": {4, func(c *evaluatortest.Cluster) {
			run := c.Run()
			c.Must(c.API.Delete(c.T.Context(), &run))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := evaluatortest.NewCluster(t)
			c.Hold()
			if tc.passes == 0 { // the run waits for the Deployment to be resumed
				d := c.Deployment()
				d.Spec.Paused = true
				c.Must(c.API.Update(t.Context(), d))
				c.Passes(2)
			}
			c.Passes(tc.passes)
			first := c.Run().Name
			c.HoldBehind()
			if tc.do != nil {
				c.Passes(2)
				if runs := c.Runs(); len(runs) != 1 {
					t.Fatalf("there are %d runs while one is under way", len(runs))
				}
				tc.do(c)
			}
			c.Passes(4)
			d := c.Deployment()
			record, err := evaluatortest.Key.Open(d.Annotations[v1alpha1.HeldAnnotation], d.UID)
			if err != nil || record.ID != "hold-2" || record.Next != nil || d.Annotations[v1alpha1.FailedAnnotation] != "" {
				t.Errorf("held is %s (%v), failed %q", record.ID, err, d.Annotations[v1alpha1.FailedAnnotation])
			}
			if tc.phase != "" && c.RunNamed(first).Status.Phase != tc.phase {
				t.Errorf("the run before is %s", c.RunNamed(first).Status.Phase)
			}
			if next := c.RunNamed(record.Run); next.Spec.Hold != "hold-2" || next.Status.Phase.Ended() {
				t.Errorf("the run of the newest is %+v", next.Status)
			}
		})
	}
}
