package analysis

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestAWorseValueIsNeverBetter: what makes one sample of one series worse never
// turns a measurement that did not pass into one that does.
func TestAWorseValueIsNeverBetter(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	zero := 0.0
	metrics := []v1alpha1.Metric{
		{Range: v1alpha1.Range{Max: &zero}},
		{Range: v1alpha1.Range{Max: &zero}, Over: fiveMinutes()},
		{Range: v1alpha1.Range{Max: &zero}, Over: fiveMinutes(), Samples: "60%"},
		{Range: v1alpha1.Range{Max: &zero}, Over: fiveMinutes(), Samples: "Last", Per: "Pod"},
		{Range: v1alpha1.Range{Max: &zero}, Per: "Pod"},
		{Deviation: &v1alpha1.Deviation{From: "One", By: "10%", Direction: "Up"}, Over: fiveMinutes()},
	}
	for range 2000 {
		metric := defaulted(metrics[random.IntN(len(metrics))])
		build := func(values [][]float64) Observation {
			o := Observation{Pods: pods("0", "1"), Wanted: 2}
			for i, v := range values {
				s := series(v[len(v)-1], "pod", fmt.Sprint(i))
				if metric.Over != nil {
					s = over(s, v...)
				}
				o.Series = append(o.Series, s)
			}
			return o
		}
		values := make([][]float64, 1+random.IntN(3))
		for i := range values {
			for range 1 + random.IntN(4) {
				values[i] = append(values[i], random.NormFloat64())
			}
		}
		before := Judge(metric, v1alpha1.MetricStatus{}, noon, build(values))
		i := random.IntN(len(values))
		j := random.IntN(len(values[i]))
		values[i][j] += random.ExpFloat64()
		if random.IntN(10) == 0 {
			values[i][j] = math.NaN()
		}
		after := Judge(metric, v1alpha1.MetricStatus{}, noon, build(values))
		if before.Outcome != v1alpha1.OutcomePassed && after.Outcome == v1alpha1.OutcomePassed {
			t.Fatalf("%+v\nbefore %+v\nafter %+v\n%v", metric, before, after, values)
		}
	}
}

// FuzzTake: whatever is observed of whichever criterion, it ends in one outcome
// with a reason, in texts of bounded length, and errors are no failures.
func FuzzTake(f *testing.F) {
	f.Add(uint8(0), 1.0, 2.0, "200", "a", "", int8(3))
	f.Add(uint8(5), math.NaN(), math.Inf(1), "\xff", "", "down", int8(0))
	f.Fuzz(func(t *testing.T, kind uint8, v, w float64, code, pod, failure string, samples int8) {
		one := 1.0
		metrics := []v1alpha1.Metric{
			{Range: v1alpha1.Range{Max: &one}}, {Range: v1alpha1.Range{Max: &one}, Over: fiveMinutes(), Samples: "40%", Per: "Pod"},
			{Deviation: &v1alpha1.Deviation{From: "First", By: "10%"}}, {Deviation: &v1alpha1.Deviation{From: "Previous", By: "1"}, Per: "Pod"},
			{List: &v1alpha1.List{Label: "code", Good: []string{"2.."}, Tolerance: "10%"}}, {List: &v1alpha1.List{Label: "code", Bad: []string{"5.."}}, Per: "Pod", Over: fiveMinutes()},
			{Expect: "P99 < 1s"}, {Alerts: &v1alpha1.AlertWatch{}}, {Labels: &v1alpha1.LabelWatch{Selector: metav1.LabelSelector{MatchLabels: map[string]string{"a": pod}}}},
		}
		metric := defaulted(metrics[int(kind)%len(metrics)])
		a, b := series(v, "code", code, "pod", pod), series(w, "code", "200", "pod", "a")
		if samples > 0 {
			a, b = endedBefore(a, int(samples%4), v, w, v), over(b, w, v)
		}
		var s v1alpha1.MetricStatus
		for range 3 {
			s = Take(metric, s, noon, Observation{Answer: Answer{Series: []Series{a, b}, Error: failure}, Pods: pods("a", pod)})
			m, _ := Newest(s)
			if m.Outcome == "" || m.Reason == "" || len(m.Message) > maxMessage+3 || len(m.Range) > maxRange+3 {
				t.Fatalf("%+v", m)
			}
			if failure != "" && m.Outcome != v1alpha1.OutcomeError {
				t.Fatalf("%+v", m)
			}
			for _, r := range append(s.First, s.Previous...) {
				if !finite(r.Value) {
					t.Fatalf("%v is a reference", r)
				}
			}
		}
	})
}
