package checkpoint

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func run(version string, measured int32) *v1alpha1.CanaryRun {
	return &v1alpha1.CanaryRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-1", UID: "a", ResourceVersion: version},
		Status:     v1alpha1.CanaryRunStatus{Phase: v1alpha1.PhaseRunning, Measured: measured, AsOf: new(metav1.NewTime(noon))},
	}
}

// What is known of a run beyond its status counts until somebody else writes the status.
func TestRecall(t *testing.T) {
	at := noon.Add
	edited := run("12", 3)
	edited.Status.Message = "written by hand"
	decided := run("12", 3)
	decided.Spec.Decision = v1alpha1.DecisionAbort
	another := run("12", 3)
	another.UID = "b"
	ended := run("12", 3)
	ended.Status.Phase = v1alpha1.PhaseReverted
	for name, tc := range map[string]struct {
		sees     *v1alpha1.CanaryRun
		now      time.Duration
		measured int32
		since    time.Time
		behind   bool
	}{
		"the status as it was written":                    {run("11", 3), time.Minute, 7, at(0), false},
		"a person has decided":                            {decided, time.Minute, 7, at(0), false},
		"somebody wrote the status":                       {edited, time.Minute, 3, at(time.Minute), false},
		"it is another run of the same name":              {another, time.Minute, 3, at(time.Minute), false},
		"it has ended":                                    {ended, time.Minute, 3, time.Time{}, false},
		"the cache has not seen the writing":              {run("10", 1), 6 * time.Second, 1, time.Time{}, true},
		"nor ever will":                                   {run("10", 1), time.Minute, 1, at(time.Minute), false},
		"versions are no numbers, the status is the same": {run("x", 3), time.Minute, 7, at(0), false},
	} {
		t.Run(name, func(t *testing.T) {
			var m Memory
			m.Recall(run("10", 1), at(0))
			m.Wrote(run("11", 3), at(5*time.Second))
			m.Keep(run("11", 3), run("11", 7).Status)
			got := m.Recall(tc.sees, at(tc.now))
			if got.Run.Status.Measured != tc.measured || !got.Since.Equal(tc.since) || got.Behind != tc.behind {
				t.Errorf("%d rounds since %s, behind: %t", got.Run.Status.Measured, got.Since, got.Behind)
			}
			if got.Run.Spec.Decision != tc.sees.Spec.Decision || got.Run.ResourceVersion != tc.sees.ResourceVersion {
				t.Errorf("the run is not the one that is stored: %+v", got.Run)
			}
			if tc.sees.Status.Measured > 3 {
				t.Error("the run that is stored was changed")
			}
		})
	}
}

// Rounds that come due while those of the past are made up for are missed, as they are at any other time: a
// source that is as slow as rounds come would keep the run from the present.
func TestItCountsSinceItsFirstLook(t *testing.T) {
	var m Memory
	for i := range 3 {
		if got := m.Recall(run("1", 1), noon.Add(time.Duration(i)*time.Minute)); !got.Since.Equal(noon) {
			t.Errorf("it counts since %s", got.Since)
		}
	}
	m.Wrote(run("2", 4), noon.Add(3*time.Minute))
	if got := m.Recall(run("2", 4), noon.Add(4*time.Minute)); !got.Since.Equal(noon) {
		t.Errorf("it counts since %s once it has written", got.Since)
	}
}

// The age of what is written shows for as long as rounds are missing in it.
func TestAge(t *testing.T) {
	var m Memory
	now := noon.Add(time.Minute)
	m.Recall(run("1", 1), noon)
	if got := m.Age(now); got != 0 {
		t.Errorf("%s, and the status lacks nothing", got)
	}
	m.Keep(run("1", 1), run("1", 2).Status)
	if got := m.Age(now); got != time.Minute {
		t.Errorf("%s, want a minute", got)
	}
	m.Wrote(run("2", 2), now)
	if got := m.Age(now); got != 0 {
		t.Errorf("%s after it was written", got)
	}
	m.Keep(run("2", 2), run("2", 3).Status)
	m.Forget(types.NamespacedName{Namespace: "shop", Name: "web-1"})
	if got := m.Age(now); got != 0 {
		t.Errorf("%s after it is gone", got)
	}
}

// Only runs that are measured share the budget.
func TestTheBudgetIsSharedByRunsThatAreMeasured(t *testing.T) {
	m := Memory{Budget: 1}
	before, after := run("1", 1).Status, run("1", 2).Status
	before.Step, after.Step = &v1alpha1.StepStatus{Measured: 1}, &v1alpha1.StepStatus{Measured: 2}
	waits := func() bool { return m.MayWait(before, after, noon.Add(2*time.Second)) }
	for i, name := range []string{"a", "b", "c"} {
		r := run("1", 1)
		r.Name = name
		m.Recall(r, noon)
		waiting := run("1", 0)
		waiting.Name, waiting.Status = "waiting-"+name, v1alpha1.CanaryRunStatus{Phase: v1alpha1.PhaseWaiting}
		m.Recall(waiting, noon)
		if got := waits(); got != (i == 2) {
			t.Errorf("%d runs are measured, one was written two seconds ago: it waits: %t", i+1, got)
		}
	}
	ended := run("2", 1)
	ended.Name, ended.Status.Phase = "a", v1alpha1.PhaseReleased
	m.Wrote(ended, noon)
	if waits() {
		t.Error("a run that has ended has a share")
	}
	m.BeginTerm()
	if m.measured != 0 {
		t.Errorf("%d runs are measured in a term that has just begun", m.measured)
	}
}
