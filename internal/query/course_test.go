package query

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestValidateCourse(t *testing.T) {
	type spec = v1alpha1.CanaryPlanSpec
	one, podShare, top := intstr.FromInt32(1), int32(20), 1.0
	metric := func(name, query string) v1alpha1.Metric {
		return v1alpha1.Metric{Name: name, Query: query, Range: v1alpha1.Range{Max: &top}}
	}
	for name, tc := range map[string]struct {
		with func(*spec)
		want string // "" for a right plan
	}{
		"steps by number and by share": {func(s *spec) {
			s.Steps = []v1alpha1.Step{{Replicas: &one}, {PodShare: &podShare, Period: &metav1.Duration{Duration: time.Minute}, Metrics: []v1alpha1.Metric{metric("more", "up")}}}
		}, ""},
		"a window that is full before the deadline": {func(s *spec) {
			s.Analysis.Metrics = []v1alpha1.Metric{metric("a", "sum(increase(x{ {{canary}} }[23h]))"), metric("b", "sum(rate(x{ {{canary}} }[2d]))")}
		}, ""},
		"a window that is not": {func(s *spec) {
			s.Steps = []v1alpha1.Step{{Replicas: &one, Metrics: []v1alpha1.Metric{metric("a", "sum(increase(x{ {{canary}} }[24h]))")}}}
		}, "spec.deadline: Invalid value: \"24h0m0s\": must be longer than the 24h after Ready for which metric a waits until its window is full"},
		"a weighted canary": {func(s *spec) { s.Traffic = &v1alpha1.Traffic{Source: v1alpha1.TrafficWeighted, Weight: &podShare} }, ""},
		"a weight in each step, and no size": {func(s *spec) {
			s.Traffic, s.Steps = &v1alpha1.Traffic{Source: v1alpha1.TrafficWeighted}, []v1alpha1.Step{{Weight: &podShare}}
			s.SetDefaults()
		}, ""},
		"a weighted canary without a weight": {func(s *spec) { s.Traffic = &v1alpha1.Traffic{Source: v1alpha1.TrafficWeighted} },
			"spec.traffic.weight: Required value"},
		"a weighted step without a weight": {func(s *spec) {
			s.Traffic, s.Steps = &v1alpha1.Traffic{Source: v1alpha1.TrafficWeighted}, []v1alpha1.Step{{Replicas: &one}}
		}, "spec.steps[0].weight: Required value"},
		"a weight of a canary that has none": {func(s *spec) { s.Steps = []v1alpha1.Step{{Replicas: &one, Weight: &podShare}} },
			"spec.steps[0].weight: Forbidden: is for traffic.source Weighted"},
		"a source that is none": {func(s *spec) { s.Traffic = &v1alpha1.Traffic{Source: "Elsewhere"} }, `spec.traffic.source: Unsupported value: "Elsewhere"`},
		"copies of requests":    {func(s *spec) { s.Traffic = &v1alpha1.Traffic{Source: v1alpha1.TrafficMirror} }, ""},
		"copies of some, in steps": {func(s *spec) {
			s.Traffic, s.Steps = &v1alpha1.Traffic{Source: v1alpha1.TrafficMirror}, []v1alpha1.Step{{Weight: &podShare}}
			s.SetDefaults()
		}, ""},
		"copies of requests that match": {func(s *spec) {
			s.Traffic = &v1alpha1.Traffic{Source: v1alpha1.TrafficMirror, Match: &v1alpha1.RequestMatch{Headers: []v1alpha1.HeaderMatch{{Name: "X-Canary", Value: "1"}}}}
		}, "spec.traffic.match: Forbidden: is for traffic.source Weighted"},
		"a drain time of a day": {func(s *spec) {
			s.Traffic = &v1alpha1.Traffic{Source: v1alpha1.TrafficWeighted, Weight: &podShare, Drain: &metav1.Duration{Duration: 24 * time.Hour}}
		}, "spec.traffic.drain: Invalid value"},
		"a step without a size": {func(s *spec) { s.Steps = []v1alpha1.Step{{}} }, "spec.steps[0]: Required value: needs replicas or podShare"},
		"a step with two sizes": {func(s *spec) { s.Steps = []v1alpha1.Step{{Replicas: &one, PodShare: &podShare}} }, "spec.steps[0]: Required value: needs replicas or podShare"},
		"half of the pods beside a baseline": {func(s *spec) {
			w := int32(50)
			s.Steps, s.Baseline = []v1alpha1.Step{{PodShare: &w}}, &v1alpha1.Baseline{}
		}, "spec.steps[0].podShare: Invalid value: 50: must be less than 50 where there is a baseline"},
		"a part of them": {func(s *spec) {
			w := int32(49)
			s.Steps, s.Baseline = []v1alpha1.Step{{PodShare: &w}}, &v1alpha1.Baseline{}
		}, ""},
		"all pods are the canary's": {func(s *spec) { w := int32(100); s.Steps = []v1alpha1.Step{{PodShare: &w}} },
			"spec.steps[0].podShare: Invalid value: 100: must be a percentage from 1 to 99"},
		"a step shorter than the interval": {func(s *spec) {
			s.Steps = []v1alpha1.Step{{Replicas: &one, Period: &metav1.Duration{Duration: 20 * time.Second}}}
		}, "spec.steps[0].period: Invalid value: \"20s\": must not be shorter than analysis.interval (30s)"},
		"a step no longer than the delay": {func(s *spec) {
			s.Analysis.InitialDelay = &metav1.Duration{Duration: time.Minute}
			s.Steps = []v1alpha1.Step{{Replicas: &one, Period: &metav1.Duration{Duration: time.Minute}}}
		}, "must be longer than analysis.initialDelay (1m0s)"},
		"one name in two steps": {func(s *spec) {
			s.Steps = []v1alpha1.Step{{Replicas: &one, Metrics: []v1alpha1.Metric{metric("a", "up")}}, {Replicas: &one, Metrics: []v1alpha1.Metric{metric("a", "up")}}}
		}, `spec.steps[1].metrics[0].name: Duplicate value: "a"`},
		"a mistake in a step's query": {func(s *spec) {
			s.Steps = []v1alpha1.Step{{Replicas: &one, Metrics: []v1alpha1.Metric{metric("a", "up{")}}}
		}, "spec.steps[0].metrics[0].query"},
		"too many steps": {func(s *spec) {
			for range 17 {
				s.Steps = append(s.Steps, v1alpha1.Step{Replicas: &one})
			}
		}, "must have at most 16 items"},
		"a window of no zone": {func(s *spec) {
			s.FreezeWindows = []v1alpha1.FreezeWindow{{Start: "Fri 16:00", End: "Mon 08:00", TimeZone: "Atlantis"}}
		}, "spec.freezeWindows[0].timeZone"},
		"no time to decide":       {func(s *spec) { s.Manual = &v1alpha1.Manual{Deadline: &metav1.Duration{}} }, "spec.manual.deadline"},
		"an assumption of no use": {func(s *spec) { s.Manual = &v1alpha1.Manual{Assume: "Maybe"} }, `spec.manual.assume: Unsupported value: "Maybe"`},
		"no time at all":          {func(s *spec) { s.Deadline = &metav1.Duration{} }, "spec.deadline"},
		"no run at all":           {func(s *spec) { n := int32(0); s.MaxRuns = &n }, "spec.maxRuns"},
		"a query about a baseline that is not there": {func(s *spec) {
			s.Analysis.Metrics = []v1alpha1.Metric{metric("a", "up{ {{baseline}} }")}
		}, "spec.baseline: Required value: spec.analysis.metrics[0].query uses {{baseline}}"},
		"a query about one that is": {func(s *spec) {
			s.Baseline = &v1alpha1.Baseline{}
			s.Analysis.Metrics = []v1alpha1.Metric{metric("a", "up{ {{baseline}} }")}
		}, ""},
		"a metric with the baseline's name": {func(s *spec) { s.Analysis.Metrics = []v1alpha1.Metric{metric("baseline", "up")} }, "health of the baseline pods"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &spec{}
			s.SetDefaults()
			tc.with(s)
			err := ValidatePlan(s, field.NewPath("spec")).ToAggregate()
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}
