package lifecycle

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestOvertaken: runs in the order in which they were made, a minute apart.
func TestOvertaken(t *testing.T) {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for story, want := range map[string]struct {
		inARow int
		since  int // the run, from 0
	}{
		"":                                   {},
		"Running":                            {},
		"Superseded":                         {1, 0},
		"Superseded Superseded Running":      {2, 0},
		"Released Superseded Superseded":     {2, 1},
		"Superseded Released Superseded":     {1, 2},
		"Superseded Superseded Reverted":     {},
		"Superseded Canceled":                {},
		"Superseded Superseded/Fail":         {}, // it was frozen: the verdict was there
		"Superseded Superseded/Fail Running": {},
		"Superseded hand Superseded Waiting": {2, 0},
	} {
		t.Run(story, func(t *testing.T) {
			var runs []v1alpha1.CanaryRun
			for i, word := range strings.Fields(story) {
				run := v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Name: "web-" + word, CreationTimestamp: metav1.NewTime(begin.Add(time.Duration(i) * time.Minute))}}
				run.Spec.Hold = "x"
				if word == "hand" {
					run.Spec.Hold, word = "", "Passed"
				}
				phase, verdict, _ := strings.Cut(word, "/")
				run.Status.Phase, run.Status.Verdict = v1alpha1.Phase(phase), v1alpha1.Verdict(verdict)
				runs = append([]v1alpha1.CanaryRun{run}, runs...) // lists have no order
			}
			inARow, since := Overtaken(PointersTo(runs))
			if inARow != want.inARow || inARow > 0 && !since.Equal(begin.Add(time.Duration(want.since)*time.Minute)) {
				t.Errorf("%d in a row since %s", inARow, since)
			}
		})
	}
}
