package query

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestValidatePlan(t *testing.T) {
	zero, one := 0.0, 1.0
	nan := math.NaN()
	metric := func(name, query string, r v1alpha1.Range) func(*v1alpha1.CanaryPlanSpec) {
		return func(s *v1alpha1.CanaryPlanSpec) {
			s.Analysis.Metrics = append(s.Analysis.Metrics, v1alpha1.Metric{Name: name, Query: query, Range: r})
		}
	}
	times := func(delay, interval, period time.Duration) func(*v1alpha1.CanaryPlanSpec) {
		return func(s *v1alpha1.CanaryPlanSpec) {
			s.Analysis.InitialDelay = &metav1.Duration{Duration: delay}
			s.Analysis.Interval = &metav1.Duration{Duration: interval}
			s.Analysis.Period = &metav1.Duration{Duration: period}
		}
	}
	good := v1alpha1.Range{Min: &zero, Max: &one}
	for name, tc := range map[string]struct {
		with func(*v1alpha1.CanaryPlanSpec)
		want string // "" for a right plan
	}{
		"built-in":            {func(*v1alpha1.CanaryPlanSpec) {}, ""},
		"one metric":          {metric("errors", "up{ {{canary}} }", good), ""},
		"query":               {metric("errors", "up{", good), `spec.analysis.metrics[0].query: Invalid value: "up{": line 1, column 4: `},
		"reserved name":       {metric("pods", "up", good), `spec.analysis.metrics[0].name: Invalid value: "pods"`},
		"bad name":            {metric("Errors", "up", good), "lower-case"},
		"no range":            {metric("errors", "up", v1alpha1.Range{}), "spec.analysis.metrics[0].range: Required value: query needs range, deviation, list or compare"},
		"NaN in range":        {metric("errors", "up", v1alpha1.Range{Min: &nan}), "must be a finite number"},
		"range upside down":   {metric("errors", "up", v1alpha1.Range{Min: &one, Max: &zero}), "min must not be greater"},
		"delay too long":      {times(10*time.Second, time.Second, 10*time.Second), "must be shorter than period"},
		"interval too long":   {times(0, 11*time.Second, 10*time.Second), "must not be longer than period"},
		"interval too short":  {times(0, time.Millisecond, 10*time.Second), "at least 1s"},
		"delay negative":      {times(-1, time.Second, 10*time.Second), "must not be negative"},
		"period is too short": {times(0, time.Second, time.Millisecond), "must be at least 1s"},
		"period is too long":  {times(0, time.Second, v1alpha1.MaxPeriod+1), "must be 8760h (a year) at most"},
		"periods that have no sum": {func(s *v1alpha1.CanaryPlanSpec) { // as int64 it is 59 minutes
			step := v1alpha1.Step{PodShare: new(int32(10)), Period: &metav1.Duration{Duration: 2562047*time.Hour + 47*time.Minute}}
			s.Steps = []v1alpha1.Step{step, step, step}
		}, "steps[2].period: Invalid value: \"2562047h47m0s\": must be 8760h (a year) at most"},
		"two of one name": {func(s *v1alpha1.CanaryPlanSpec) {
			metric("errors", "up", good)(s)
			metric("errors", "up", good)(s)
		}, "Duplicate"},
		"much text in all": {func(s *v1alpha1.CanaryPlanSpec) {
			for i := range 5 {
				metric(fmt.Sprint("m", i), "up # "+strings.Repeat("x", 7<<10), good)(s)
			}
		}, "is too long: a plan may have 32768 bytes as JSON"},
		"too many": {func(s *v1alpha1.CanaryPlanSpec) {
			for i := range 33 {
				metric("m"+strings.Repeat("x", i), "up", good)(s)
			}
		}, "must have at most 32 items"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := &v1alpha1.CanaryPlanSpec{}
			spec.SetDefaults()
			tc.with(spec)
			err := ValidatePlan(spec, field.NewPath("spec")).ToAggregate()
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}
