package query_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

func TestHowOftenProbesAreReadAndHowLongThatIsKept(t *testing.T) {
	long := func(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }
	expects := v1alpha1.Metric{Expect: "success >= 99%", Source: v1alpha1.SourceProbe}
	for name, tc := range map[string]struct {
		interval    time.Duration
		metric      v1alpha1.Metric
		every, keep time.Duration
	}{
		"the defaults":          {30 * time.Second, expects, 15 * time.Second, 4*time.Minute + 30*time.Second + 150*time.Second},
		"a short window":        {30 * time.Second, v1alpha1.Metric{Expect: expects.Expect, Source: expects.Source, Window: long(31 * time.Second)}, 5 * time.Second, 92*time.Second + 50*time.Second},
		"shorter than can be":   {30 * time.Second, v1alpha1.Metric{Expect: expects.Expect, Source: expects.Source, Window: long(time.Second)}, time.Second, time.Minute + 10*time.Second},
		"counts":                {10 * time.Second, v1alpha1.Metric{Source: expects.Source, Compare: &v1alpha1.Comparison{Count: &v1alpha1.Counted{}}}, 5 * time.Second, 70*time.Minute + 50*time.Second},
		"values of all windows": {10 * time.Second, v1alpha1.Metric{Source: expects.Source, Query: "x{ {{pods}} }", Compare: &v1alpha1.Comparison{}, Window: long(time.Minute)}, 5 * time.Second, 2*time.Hour + 50*time.Second},
		"a query of its own window": {30 * time.Second, v1alpha1.Metric{Source: expects.Source, Query: "sum(rate(x{ {{canary}} }[12s]))"}, 2 * time.Second,
			4*time.Minute + 30*time.Second + 12*time.Second + 20*time.Second},
		"over a time":       {30 * time.Second, v1alpha1.Metric{Expect: expects.Expect, Source: expects.Source, Over: &v1alpha1.Over{Duration: *long(time.Hour)}}, 15 * time.Second, time.Hour + 7*time.Minute},
		"another source":    {30 * time.Second, v1alpha1.Metric{Expect: expects.Expect, Source: v1alpha1.SourceIstio, Window: long(time.Second)}, 15 * time.Second, 210 * time.Second},
		"a short interval":  {3 * time.Second, expects, time.Second, 4*time.Minute + 13*time.Second},
		"a very long range": {30 * time.Second, v1alpha1.Metric{Source: expects.Source, Query: "sum(rate(x{ {{canary}} }[100h]))"}, 15 * time.Second, 24 * time.Hour},
	} {
		got := query.ProbeTimesOf(v1alpha1.Analysis{Interval: long(tc.interval), Metrics: []v1alpha1.Metric{tc.metric}}, time.Hour)
		if got.Every != tc.every || got.Keep != tc.keep {
			t.Errorf("%s: every %s, kept %s; want %s and %s", name, got.Every, got.Keep, tc.every, tc.keep)
		}
	}
}
