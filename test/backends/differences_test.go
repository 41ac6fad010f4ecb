package backends

import (
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/internal/query/trap"
)

// unguarded is a share of no requests: 0/0.
const unguarded = `
analysis:
  interval: 5s
  period: 1m
  metrics:
  - name: share
    query: sum(rate(jobs_failed_total{ {{canary}} }[20s])) / sum(rate(jobs_total{ {{canary}} }[20s]))
    range: {max: 0.05}
`

// whatDiffers is as the docs have it: what is no number, a window with one sample, and how new samples by a
// range selector are.
func whatDiffers(t *testing.T, w world) {
	t.Helper()
	victoria := settings(shortDelay, latencyTakenBack)
	plan := tried(t, "good", w.began, ready, unguarded)
	for _, tc := range []struct{ name, address, settings, want string }{
		{"Prometheus", w.prometheus, "", "Failed NaN"}, {"VictoriaMetrics", w.victoria, victoria, "NoData NoData"},
	} {
		t.Run("what is no number by "+tc.name, func(t *testing.T) {
			agree(t, outcomes(t, open(t, tc.address, tc.settings), plan, w.now), map[string]string{"share": tc.want})
		})
	}
	if said := trap.OfPlan(&v1alpha1.CanaryPlanSpec{Analysis: plan.run.Analysis}, scrape); len(said) != 1 || !strings.Contains(said[0], "NaN") {
		t.Errorf("whoever writes the plan is told %q", said)
	}
	const short = `rate(http_requests_total{pod="good-a",namespace="shop",code="200"}[1s])`
	if found := seriesAt(t, open(t, w.prometheus, ""), short, w.now); found != 0 {
		t.Errorf("Prometheus: %d series of one sample each", found)
	}
	asPrometheus(t, w, plan, short)
	if found := seriesAt(t, open(t, w.victoria, victoria), short, w.now.Add(-5*time.Second)); found != 1 {
		t.Errorf("VictoriaMetrics: %d series of one sample each", found)
	}
	now := time.Now()
	samples, err := open(t, w.victoria, "").QuerySamples(t.Context(), `queue_length{pod="good-a",namespace="shop"}[5m]`, now)
	if err != nil || len(samples.Series) != 1 {
		t.Fatalf("samples of VictoriaMetrics: %+v, %v", samples, err)
	}
	all := samples.Series[0].Samples
	if age := now.Sub(all[len(all)-1].Time); age > 20*time.Second {
		t.Errorf("VictoriaMetrics: the newest sample by a range selector is %s old", age)
	}
}

// asPrometheus: what is said of Prometheus holds of those that are made of its code.
func asPrometheus(t *testing.T, w world, plan trial, short string) {
	t.Helper()
	for _, b := range w.backends() {
		if b.address == w.victoria || b.address == w.receiver {
			continue
		}
		t.Run(b.name+" differs as Prometheus does", func(t *testing.T) {
			e := open(t, b.address, b.settings)
			agree(t, outcomes(t, e, plan, w.now), map[string]string{"share": "Failed NaN"})
			if found := seriesAt(t, e, short, w.now.Add(-e.Delay)); found != 0 {
				t.Errorf("%d series of one sample each", found)
			}
			for query, tc := range understood {
				if said := answerBy(t, e)(strings.ReplaceAll(query, "{{canary}}", `pod="x"`)); (said == "") != (tc.byPlain && !slices.Contains(tooNew[b.address == w.thanos], query)) {
					t.Errorf("%s: it says %q", query, said)
				}
			}
		})
	}
}

func seriesAt(t *testing.T, e measure.Endpoint, query string, at time.Time) int {
	t.Helper()
	answer, err := e.Query(t.Context(), query, at)
	if err != nil || answer.Error != "" {
		t.Fatalf("%s: %v, %s", query, err, answer.Error)
	}
	return len(answer.Series)
}
