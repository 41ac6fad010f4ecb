package lifecycle

import (
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestTurn(t *testing.T) {
	older, younger := noon.Add(-time.Minute), noon.Add(time.Minute)
	running := func(namespace string) Other {
		return Other{Namespace: namespace, Name: "r", CreatedAt: older, HasCanary: true}
	}
	queued := func(namespace, reason string, at time.Time) Other {
		return Other{Namespace: namespace, Name: "q", CreatedAt: at, Reason: reason}
	}
	const here, there = "shop", "bakery"
	for name, tc := range map[string]struct {
		maxRuns int32 // 0 is no limit
		cluster int
		others  []Other
		reason  string // "" is its turn
		says    string
	}{
		"no limit":                             {0, 0, []Other{running(here), running(there)}, "", ""},
		"a place is free":                      {2, 0, []Other{running(here)}, "", ""},
		"no place is free":                     {1, 0, []Other{running(here)}, v1alpha1.ReasonQueued, "place 1 in the queue of the namespace: 1 run may"},
		"another namespace's runs are its own": {1, 0, []Other{running(there)}, "", ""},
		"an older one goes first":              {2, 0, []Other{running(here), queued(here, v1alpha1.ReasonQueued, older)}, v1alpha1.ReasonQueued, "place 2"},
		"a younger one does not":               {2, 0, []Other{running(here), queued(here, v1alpha1.ReasonQueued, younger)}, "", ""},
		"of one age, names decide":             {2, 0, []Other{running(here), queued(here, v1alpha1.ReasonQueued, noon)}, v1alpha1.ReasonQueued, "place 2"},
		"one that waits for something else keeps nobody waiting": {
			2, 0, []Other{running(here), queued(here, v1alpha1.ReasonDeploymentRollingOut, older)}, "", ""},
		"the cluster is full": {0, 2, []Other{running(here), running(there)}, v1alpha1.ReasonQueuedInCluster, "place 1 in the queue of the cluster: 2 runs may"},
		"the oldest of the cluster goes first": {
			0, 2, []Other{running("mill"), queued(there, v1alpha1.ReasonQueuedInCluster, older)}, v1alpha1.ReasonQueuedInCluster, "place 2"},
		"a namespace that has a place goes last": {
			0, 2, []Other{running(there), queued(there, v1alpha1.ReasonQueuedInCluster, older)}, "", ""},
		"a namespace with many waits behind itself": {
			0, 2, []Other{
				running("mill"), queued(there, v1alpha1.ReasonQueuedInCluster, older), queued(there, v1alpha1.ReasonQueuedInCluster, older),
				queued(there, v1alpha1.ReasonQueuedInCluster, older),
			}, v1alpha1.ReasonQueuedInCluster, "place 2"},
		"one that its own namespace keeps waiting keeps none of another": {
			0, 2, []Other{running(there), queued(there, v1alpha1.ReasonQueued, older)}, "", ""},
		"both limits count": {5, 1, []Other{running(there)}, v1alpha1.ReasonQueuedInCluster, "cluster"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(s *v1alpha1.CanaryPlanSpec) {
				if tc.maxRuns > 0 {
					s.MaxRuns = &tc.maxRuns
				}
			})
			w.line = Line{ClusterLimit: tc.cluster, Others: tc.others}
			h := isNotItsTurn(w.input(), termsOf(w.input()))
			if h.reason != tc.reason || !strings.Contains(h.message, tc.says) {
				t.Errorf("%s: %s; want %q and %q", h.reason, h.message, tc.reason, tc.says)
			}
		})
	}
}

// A canary that was made in a step that was cut short has its place.
func TestACanaryThatIsThereHasItsPlace(t *testing.T) {
	one := int32(1)
	w := newWorld(t, func(s *v1alpha1.CanaryPlanSpec) { s.MaxRuns = &one })
	w.happen("places: 1 taken, 0 ahead")
	w.happen("canary is left over")
	if h := isNotItsTurn(w.input(), termsOf(w.input())); h.reason != "" {
		t.Error(h.message)
	}
}

// A run that nothing judges lives until it is deleted: it must not keep a place
// from others all that time, so it takes none.
func TestAnUnjudgedRunTakesNoPlace(t *testing.T) {
	w := newWorld(t)
	w.run.Spec = v1alpha1.CanaryRunSpec{Deployment: "web"}
	w.line = Line{ClusterLimit: 1, Others: []Other{{Namespace: "bakery", Name: "r", CreatedAt: noon, HasCanary: true}}}
	if h := isNotItsTurn(w.input(), termsOf(w.input())); h.reason != "" || NeedsLine(w.input(), 1) || TakesPlace(w.run.Spec) {
		t.Errorf("it waits: %s", h.message)
	}
	for _, spec := range []v1alpha1.CanaryRunSpec{{Plan: &v1alpha1.CanaryPlanSpec{}}, {PlanRef: "default"}} {
		if !TakesPlace(spec) {
			t.Errorf("%+v takes none", spec)
		}
	}
}
