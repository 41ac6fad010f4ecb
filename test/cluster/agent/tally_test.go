package agent

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
)

func TestTally(t *testing.T) {
	for name, c := range map[string]struct {
		failures, successes int32
		results             string // + good, - bad
		want                string // + pass, - fail, . nothing decided
	}{
		"thresholds of 1 decide every time":       {1, 1, "+-+", "+-+"},
		"three bad ones in a row fail":            {3, 1, "+--+---", "+..+..-"},
		"two good ones in a row pass":             {1, 2, "-+-++", "-.-.+"},
		"a threshold of 0 counts as 1":            {0, 0, "-+", "-+"},
		"a decided row stays decided as it grows": {2, 1, "---", ".--"},
	} {
		t.Run(name, func(t *testing.T) {
			tally := newTally(&v1.Probe{FailureThreshold: c.failures, SuccessThreshold: c.successes})
			got := ""
			for _, result := range c.results {
				switch pass, decided := tally.add(result == '+'); {
				case !decided:
					got += "."
				case pass:
					got += "+"
				default:
					got += "-"
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
