package runs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestWhatIsShownIsPlain: text of others neither moves a terminal's cursor nor
// forges a line of its own.
func TestWhatIsShownIsPlain(t *testing.T) {
	const hostile = "bad\x1b[2J\nlevel=info msg=\"released\"\u202e"
	const plain = "bad\ufffd[2J level=info msg=\"released\"\ufffd"
	status := v1alpha1.CanaryRunStatus{
		Message:    hostile,
		Conditions: []metav1.Condition{{Message: hostile}},
		Metrics:    []v1alpha1.MetricStatus{{Last: []v1alpha1.Measurement{{Message: hostile, Query: "a +\n\tb\x1b"}}}},
	}
	before := *status.DeepCopy()
	want := v1alpha1.CanaryRunStatus{
		Message:    plain,
		Conditions: []metav1.Condition{{Message: plain}},
		Metrics:    []v1alpha1.MetricStatus{{Last: []v1alpha1.Measurement{{Message: plain, Query: "a +\n\tb\ufffd"}}}},
	}
	if diff := cmp.Diff(want, shown(status)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(before, status); diff != "" {
		t.Errorf("what was planned was changed:\n%s", diff)
	}
	if n := len(shown(v1alpha1.CanaryRunStatus{Message: strings.Repeat("x", 1<<20)}).Message); n != maxMessage {
		t.Errorf("a message of %d bytes", n)
	}
}
