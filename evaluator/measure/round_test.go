package measure

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

func TestPodsThatEndAreNotMissed(t *testing.T) {
	now := metav1.Now()
	got := countedPods([]corev1.Pod{
		{ObjectMeta: metav1.ObjectMeta{Name: "there"}},
		{ObjectMeta: metav1.ObjectMeta{Name: "leaving", DeletionTimestamp: &now}},
		{ObjectMeta: metav1.ObjectMeta{Name: "evicted"}, Status: corev1.PodStatus{Phase: corev1.PodFailed}},
	})
	if len(got) != 1 || got[0].Name != "there" {
		t.Errorf("got %+v", got)
	}
}

// What {{window}} is cut to is waited for as long as four scrapes take; what else
// looks back before Ready, until it no longer does.
func TestHowLongAQueryWaitsForItsWindow(t *testing.T) {
	values := query.Values{Namespace: "shop", Service: "web", Canary: []string{"web-1"}, Window: 2 * time.Minute}
	for name, tc := range map[string]struct {
		metric v1alpha1.Metric
		want   time.Duration
	}{
		"successes, which look back by an offset": {v1alpha1.Metric{Expect: "success >= 99%"}, time.Minute},
		"latencies":                            {v1alpha1.Metric{Expect: "P99 < 1s"}, time.Minute},
		"successes of all behind the Service":  {v1alpha1.Metric{Expect: "success >= 99%", Source: v1alpha1.SourceNGINXIngress}, time.Minute},
		"a window of the canary":               {v1alpha1.Metric{Query: "rate(x{ {{canary}} }[{{window}}])"}, time.Minute},
		"a window of all behind the Service":   {v1alpha1.Metric{Query: `rate(x{service="{{service}}"}[{{window}}])`}, time.Minute},
		"an offset that a user wrote":          {v1alpha1.Metric{Query: "x{ {{canary}} } offset {{window}}"}, 2 * time.Minute},
		"the newest samples":                   {v1alpha1.Metric{Query: "x{ {{canary}} }"}, 0},
		"the past of what is not the canary's": {v1alpha1.Metric{Query: "rate(x[1h])"}, 0},
	} {
		template, err := query.TemplateOf(tc.metric, "pod")
		if err != nil {
			t.Fatal(err)
		}
		if got := warmUp(tc.metric, template, values, 15*time.Second); got != tc.want {
			t.Errorf("%s: waits for %s, want %s", name, got, tc.want)
		}
	}
}
