package tell

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// slowList has runs that take long to be listed.
type slowList struct {
	client.Reader
	list func() []v1alpha1.CanaryRun
}

func (s slowList) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.(*v1alpha1.CanaryRunList).Items = s.list()
	return nil
}

// Whoever scrapes does so as often as he likes, and the runs are as many as there are.
func TestRunsAreNotCountedAnewAtEachScrape(t *testing.T) {
	now, listed := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), 0
	running := v1alpha1.CanaryRun{Status: v1alpha1.CanaryRunStatus{Phase: v1alpha1.PhaseRunning}}
	c := &census{now: func() time.Time { return now }, objects: slowList{list: func() []v1alpha1.CanaryRun {
		listed++
		now = now.Add(100 * time.Millisecond)
		return make([]v1alpha1.CanaryRun, listed, listed+1)
	}}}
	for range 5 {
		if n := testutil.CollectAndCount(c, "holdfast_runs"); n != len(phases) {
			t.Fatalf("%d series, want %d", n, len(phases))
		}
	}
	if listed != 1 {
		t.Errorf("after a count of 100 ms they were counted %d times at once, want once", listed)
	}
	now = now.Add(2 * time.Second)
	testutil.CollectAndCount(c)
	if listed != 2 || c.known.phases[v1alpha1.PhaseWaiting] != 2 {
		t.Errorf("two seconds later they were counted %d times: %v", listed, c.known.phases)
	}
	c.objects = slowList{list: func() []v1alpha1.CanaryRun { listed++; return []v1alpha1.CanaryRun{running} }}
	now = now.Add(2 * time.Second)
	for range 3 {
		testutil.CollectAndCount(c)
	}
	if listed != 5 || c.known.phases[v1alpha1.PhaseRunning] != 1 {
		t.Errorf("where it takes no time they were counted %d times, want at each scrape: %v", listed-2, c.known.phases)
	}
}
