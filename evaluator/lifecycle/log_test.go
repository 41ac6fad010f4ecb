package lifecycle

import (
	"fmt"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// numbers are those of what a log would have told.
func numbers(log *v1alpha1.TransitionLog, told int64) string {
	var out []int64
	for _, t := range Untold(v1alpha1.CanaryRunStatus{Transitions: log}, told) {
		out = append(out, t.Number)
	}
	return fmt.Sprint(out)
}

func TestLogKeepsWhatIsNotTold(t *testing.T) {
	if log := Logged(nil, 0, noon, nil); log != nil {
		t.Errorf("nothing happened, and the log is %v", log)
	}
	log := Logged(nil, 0, noon, []Transition{{Kind: TransitionScheduled}, {Kind: TransitionStarted, Message: "it began", Subject: "pod"}})
	if got := numbers(log, 0); got != "[1 2]" {
		t.Errorf("untold are %s", got)
	}
	if got := Untold(v1alpha1.CanaryRunStatus{Transitions: log}, 1)[0]; got.Kind != TransitionStarted || got.Message != "it began" || got.Subject != "pod" {
		t.Errorf("read back: %+v", got)
	}
	later := Logged(log, 1, noon, []Transition{{Kind: TransitionReady}})
	if got := numbers(later, 0); got != "[2 3]" || numbers(log, 0) != "[1 2]" {
		t.Errorf("after one was told: %s, and in the log before %s", got, numbers(log, 0))
	}
	empty := Logged(later, 3, noon, nil)
	if empty.Count != 3 || empty.Untold != nil {
		t.Errorf("when all is told the log is %+v", empty)
	}
	if got := numbers(Logged(empty, 3, noon, []Transition{{Kind: TransitionPassed}}), 3); got != "[4]" {
		t.Errorf("numbers go on with %s", got)
	}
	many := Logged(nil, 0, noon, make([]Transition, maxUntold+2))
	if len(many.Untold) != maxUntold || many.Untold[maxUntold-1].Number != maxUntold+2 {
		t.Errorf("of many there are %d, the last is %d", len(many.Untold), many.Untold[maxUntold-1].Number)
	}
}

func TestMeasurementOfATransitionIsRead(t *testing.T) {
	status := v1alpha1.CanaryRunStatus{Metrics: []v1alpha1.MetricStatus{{Name: "errors", Last: []v1alpha1.Measurement{{Query: "old"}, {Query: "up"}}}}}
	status.Transitions = Logged(nil, 0, noon, []Transition{{Kind: TransitionFailed, Metric: "errors"}})
	if got := Untold(status, 0)[0]; got.Measurement.Query != "up" {
		t.Errorf("%+v", got)
	}
}

func TestLogIsClearedLater(t *testing.T) {
	log := Logged(nil, 0, noon, []Transition{{Kind: TransitionStarted}, {Kind: TransitionReady}})
	for name, tc := range map[string]struct {
		log   *v1alpha1.TransitionLog
		told  int64
		after time.Duration
		wait  time.Duration
		ok    bool
	}{
		"no log":          {nil, 0, 0, 0, false},
		"none told":       {log, 0, time.Hour, 0, false},
		"told just now":   {log, 2, 0, untoldFor, true},
		"one of two told": {log, 1, 10 * time.Second, untoldFor - 10*time.Second, true},
		"told long since": {log, 2, time.Hour, 0, true},
		"cleared":         {Logged(log, 2, noon, nil), 2, time.Hour, 0, false},
	} {
		if wait, ok := Forgettable(v1alpha1.CanaryRunStatus{Transitions: tc.log}, tc.told, noon.Add(tc.after)); wait != tc.wait || ok != tc.ok {
			t.Errorf("%s: %v, %v", name, wait, ok)
		}
	}
}
