package analysis

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// series is one of an instant query; labels are pairs of name and value.
func series(value float64, labels ...string) Series {
	s := Series{Value: value, Metric: map[string]string{}}
	var text []string
	for i := 0; i < len(labels); i += 2 {
		s.Metric[labels[i]] = labels[i+1]
		text = append(text, fmt.Sprintf("%s=%q", labels[i], labels[i+1]))
	}
	s.Labels = "{" + strings.Join(text, ", ") + "}"
	return s
}

const step = 15 * time.Second

// over gives a series samples, the last of them at noon, steps before that.
func over(s Series, values ...float64) Series { return endedBefore(s, 0, values...) }

// endedBefore does so for a series whose last sample is some steps before noon.
func endedBefore(s Series, steps int, values ...float64) Series {
	for i, v := range values {
		s.Samples = append(s.Samples, Sample{Time: noon.Add(-time.Duration(steps+len(values)-1-i) * step), Value: v})
		s.Value = v
	}
	return s
}

// defaulted is a metric as a run has it.
func defaulted(m v1alpha1.Metric) v1alpha1.Metric {
	spec := v1alpha1.CanaryPlanSpec{}
	spec.Analysis.Metrics = []v1alpha1.Metric{m}
	spec.SetDefaults()
	return spec.Analysis.Metrics[0]
}

func fiveMinutes() *v1alpha1.Over {
	return &v1alpha1.Over{Duration: metav1.Duration{Duration: 5 * time.Minute}}
}

func pods(names ...string) []Pod {
	var out []Pod
	for _, name := range names {
		out = append(out, Pod{Name: name, Labels: map[string]string{"app": "web"}})
	}
	return out
}

// judged is a case of a table: what is observed of a metric, and what that is worth.
type judged struct {
	metric          v1alpha1.Metric
	before          v1alpha1.MetricStatus
	o               Observation
	outcome, reason string
	value, rule     string
	says            string
}

func check(t *testing.T, cases map[string]judged) {
	t.Helper()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Judge(defaulted(tc.metric), tc.before, noon, tc.o)
			if string(got.Outcome) != tc.outcome || got.Reason != tc.reason || got.Value != tc.value {
				t.Errorf("got %s %s %q, want %s %s %q: %s", got.Outcome, got.Reason, got.Value, tc.outcome, tc.reason, tc.value, got.Message)
			}
			if tc.rule != "" && got.Range != tc.rule {
				t.Errorf("rule %q, want %q", got.Range, tc.rule)
			}
			if !strings.Contains(got.Message, tc.says) {
				t.Errorf("message %q, want %q in it", got.Message, tc.says)
			}
			reversed := tc.o
			reversed.Series, reversed.Pods = nil, nil
			for i := range tc.o.Series {
				reversed.Series = append(reversed.Series, tc.o.Series[len(tc.o.Series)-1-i])
			}
			for i := range tc.o.Pods {
				reversed.Pods = append(reversed.Pods, tc.o.Pods[len(tc.o.Pods)-1-i])
			}
			if diff := cmp.Diff(got, Judge(defaulted(tc.metric), tc.before, noon, reversed)); diff != "" {
				t.Errorf("in another order it is judged otherwise:\n%s", diff)
			}
		})
	}
}
