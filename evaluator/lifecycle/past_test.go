package lifecycle

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// An evaluator that takes over at 12:01:03 goes on after the round of 12:00:08 that stands in the status:
// where does it begin?
func TestRoundsOfThePast(t *testing.T) {
	const takesOver = 63 * time.Second
	for name, tc := range map[string]struct {
		happened func(*world)
		want     time.Duration
	}{
		"all was good":                        {func(*world) {}, 13 * time.Second},
		"nobody was before it":                {func(w *world) { w.since = time.Time{} }, takesOver},
		"a pod was not Ready for a while":     {func(w *world) { readySinceAt(w, 40*time.Second) }, 43 * time.Second},
		"a pod is Ready again only now":       {func(w *world) { readySinceAt(w, takesOver) }, takesOver},
		"a pod is not Ready":                  {func(w *world) { w.happen("canary is not Ready") }, takesOver},
		"the newest round was an error":       {func(w *world) { w.run.Status.Metrics[1].ConsecutiveErrors = 1 }, takesOver},
		"the newest round found nothing":      {func(w *world) { w.run.Status.Metrics[1].ConsecutiveNoData = 1 }, takesOver},
		"the newest round failed":             {func(w *world) { w.run.Status.Metrics[1].ConsecutiveFailures = 1 }, takesOver},
		"nobody evaluated for hours":          {func(w *world) { w.now = noon.Add(3*time.Hour + 3*time.Second); w.since = w.now }, 3*time.Hour + 3*time.Second - pastReach},
		"it has led for longer than it takes": {func(w *world) { w.since = noon.Add(20 * time.Second) }, 13 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(spec *v1alpha1.CanaryPlanSpec) {
				spec.Analysis.Period.Duration = 10 * time.Hour
				spec.Deadline = &metav1.Duration{Duration: 20 * time.Hour}
			})
			w.start()
			w.runFor(6 * time.Second)
			w.now = noon.Add(takesOver)
			w.since = w.now
			tc.happened(w)
			p := Next(w.input())
			if ask, _ := p.Ask.(Measure); !ask.At.Equal(noon.Add(tc.want)) {
				t.Errorf("it measures %s, want %s; %s", ask.At.Sub(noon), tc.want, p.Status.Message)
			}
		})
	}
}

func readySinceAt(w *world, at time.Duration) {
	w.sets[w.canaryName()].pods[0].Status.Conditions[0].LastTransitionTime = metav1.NewTime(noon.Add(at))
}

// The first round of the past that is not good is counted once, and the rest is let go: a Prometheus that
// cannot tell of the past fails nothing by itself.
func TestAPrometheusThatCannotTellOfThePast(t *testing.T) {
	w := newWorld(t, func(spec *v1alpha1.CanaryPlanSpec) { spec.Analysis.Period.Duration = 10 * time.Hour })
	w.start()
	w.runFor(6 * time.Second)
	counted := w.run.Status.Measured
	w.now = noon.Add(10 * time.Minute)
	w.since = w.now
	w.value = func(string, time.Time) analysis.Observation {
		return analysis.Observation{Answer: analysis.Answer{Error: "connection refused"}}
	}
	w.runFor(2 * time.Second)
	if got := w.run.Status; got.Measured != counted+2 || got.Verdict != "" || analysis.Find(got.Metrics, "errors").ConsecutiveErrors != 2 {
		t.Errorf("%d rounds were counted before, then %d: %s", counted, got.Measured, got.Message)
	}
}

// Labels of a time that is over are not known: no pass is given before they are looked at again.
func TestNothingIsReleasedOnLabelsOfThePast(t *testing.T) {
	w := newWorld(t, func(spec *v1alpha1.CanaryPlanSpec) {
		spec.Analysis.Metrics = append(spec.Analysis.Metrics, v1alpha1.Metric{Name: "labels", Labels: &v1alpha1.LabelWatch{Selector: metav1.LabelSelector{MatchLabels: map[string]string{"bad": "yes"}}}})
	})
	w.value = func(string, time.Time) analysis.Observation {
		o := good(0.01)
		o.Pods, o.Wanted = []analysis.Pod{{Name: "web-held-0"}}, 1
		return o
	}
	w.start()
	w.runFor(6 * time.Second)
	w.now = noon.Add(26 * time.Second) // the period ended at 23 s, and the next round is due at 28 s
	w.since = w.now
	w.runFor(time.Second)
	if got := w.run.Status; got.Verdict != "" || got.Measured != 5 {
		t.Fatalf("%d rounds, verdict %q, %s: %s", got.Measured, got.Verdict, got.Phase, got.Message)
	}
	w.runFor(2 * time.Second)
	if got := w.run.Status; got.Verdict != v1alpha1.VerdictPass || got.Measured != 6 {
		t.Errorf("%d rounds, verdict %q: %s", got.Measured, got.Verdict, got.Message)
	}
}
