package v1alpha1

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func weights(s *CanaryPlanSpec) (out []int32) {
	for _, step := range s.Steps {
		out = append(out, *step.Weight)
	}
	return out
}

func TestAnIncrementIsShortForSteps(t *testing.T) {
	for name, tc := range map[string]struct {
		increment, maximum int32
		want               []int32
	}{
		"of equal size":              {10, 50, []int32{10, 20, 30, 40, 50}},
		"the last is smaller":        {20, 50, []int32{20, 40, 50}},
		"one":                        {30, 30, []int32{30}},
		"sixteen":                    {6, 96, []int32{6, 12, 18, 24, 30, 36, 42, 48, 54, 60, 66, 72, 78, 84, 90, 96}},
		"seventeen stay as they are": {6, 97, nil},
		"nothing to go up to":        {30, 20, nil},
		"beyond all of it":           {30, 101, nil},
		"no increment":               {0, 10, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := &CanaryPlanSpec{Traffic: &Traffic{Source: TrafficWeighted, Increment: &tc.increment, Maximum: &tc.maximum, Match: &RequestMatch{Headers: []HeaderMatch{{Name: "X", Value: "y"}}}}}
			s.SetDefaults()
			if diff := cmp.Diff(tc.want, weights(s)); diff != "" {
				t.Errorf("weights (-want +got):\n%s", diff)
			}
			if left := s.Traffic.Increment != nil || s.Traffic.Maximum != nil; left != (tc.want == nil) {
				t.Errorf("the increment is there still: %v", left)
			}
			for i, step := range s.Steps {
				if step.Replicas.IntValue() != 1 || step.Match == nil || step.Match.Headers[0].Type != HeaderExact || step.Period != nil {
					t.Errorf("step %d is %+v", i, step)
				}
			}
			before := s.DeepCopy()
			if s.SetDefaults(); cmp.Diff(before, s) != "" {
				t.Errorf("once more:\n%s", cmp.Diff(before, s))
			}
		})
	}
}

func TestACookieIsAskedForByItsHeader(t *testing.T) {
	headers := (&RequestMatch{Cookie: &CookieMatch{Name: "beta.ring", Value: "1+1"}}).AllHeaders()
	if len(headers) != 1 || headers[0].Name != "Cookie" || headers[0].Type != HeaderRegularExpression {
		t.Fatalf("headers are %+v", headers)
	}
	for value, want := range map[string]bool{
		"beta.ring=1+1": true, "a=b; beta.ring=1+1": true, "a=b;beta.ring=1+1;c=d": true, "beta.ring=1+1 ; c=d": true,
		"beta.ring=1+12": false, "abeta.ring=1+1": false, "betaXring=1+1": false, "a=beta.ring=1+1": false, "": false,
	} {
		// Gateways search the expression, or want the whole value to match it.
		for _, pattern := range []string{headers[0].Value, "^(?:" + headers[0].Value + ")$"} {
			if got := regexp.MustCompile(pattern).MatchString(value); got != want {
				t.Errorf("%s on %q: %v", pattern, value, got)
			}
		}
	}
}
