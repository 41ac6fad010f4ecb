package lifecycle

import (
	"math"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// load has so many rounds of an interval of 10 s counted in each second, each so many intervals late.
type load struct {
	during  time.Duration
	aSecond int
	late    float64 // in intervals as they are at the time
	want    float64
}

func TestPace(t *testing.T) {
	for name, phases := range map[string][]load{
		"rounds are in time":                            {{10 * time.Minute, 10, 0.02, 1}},
		"rounds are late, and none is missed":           {{10 * time.Minute, 10, 0.9, 1}},
		"half of them are missed":                       {{31 * time.Second, 10, 1, 2}},
		"three of four are":                             {{31 * time.Second, 10, 3.5, 4}},
		"no stretching is enough":                       {{10 * time.Minute, 10, 9, 8}},
		"two seconds of it":                             {{2 * time.Second, 10, 2, 1}, {5 * time.Minute, 10, 0, 1}},
		"it is more still":                              {{31 * time.Second, 10, 1, 2}, {time.Minute, 10, 1, 4}},
		"shorter when there is little to do":            {{31 * time.Second, 10, 1, 2}, {35 * time.Second, 10, 0, 2}, {40 * time.Second, 10, 0, 1}},
		"what was too short takes two calm windows":     {{31 * time.Second, 10, 1, 2}, {150 * time.Second, 10, 0, 1}},
		"it was much, and is over":                      {{31 * time.Second, 10, 9, 8}, {8 * time.Minute, 10, 0, 1}},
		"as planned in the end":                         {{31 * time.Second, 10, 1, 2}, {time.Hour, 10, 0, 1}},
		"what is as much as can be done stays as it is": {{31 * time.Second, 10, 1, 2}, {time.Hour, 10, 0.9, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			var p Pace
			now := noon
			for _, l := range phases {
				for end := now.Add(l.during); now.Before(end); now = now.Add(time.Second) {
					for range l.aSecond {
						interval := time.Duration(10 * p.Stretch() * float64(time.Second))
						p = p.With(time.Duration(l.late*float64(interval)), 10*time.Second, p.Stretch(), now)
					}
				}
				if p.Stretch() != l.want {
					t.Fatalf("after %s intervals are %g times longer, want %g", now.Sub(noon), p.Stretch(), l.want)
				}
			}
		})
	}
}

// TestPaceOfWhatIsTooMuchForLong: where no more than some rounds a second can be measured for hours, they are
// tried shorter less and less often, and are right nearly always. When that is over they are as planned soon.
func TestPaceOfWhatIsTooMuchForLong(t *testing.T) {
	for _, needed := range []float64{1.2, 1.9, 2.9, 5, 7.5} { // how much longer intervals have to be
		var p Pace
		now, changes, tooShort, behind := noon, 0, 0, 0.0
		const seconds, runs = 2 * 60 * 60, 100
		step := func(needed float64) {
			before := p.Stretch()
			interval := stretched(10*time.Second, before)
			for range int(runs / (10 * max(before, needed))) {
				behind += max(0, needed/before-1) // as many are missed for each that is measured
				p = p.With(time.Duration(behind)*interval, 10*time.Second, before, now)
				behind -= math.Trunc(behind)
			}
			if p.Stretch() != before {
				changes++
			}
			now = now.Add(time.Second)
		}
		for range seconds {
			if step(needed); p.Stretch() < needed {
				tooShort++
			}
		}
		if changes > 40 || tooShort > seconds/6 {
			t.Errorf("%g needed: %d changes, too short for %d of %d seconds", needed, changes, tooShort, seconds)
		}
		for end := now.Add(30 * time.Minute); now.Before(end) && p.Stretch() > 1; {
			step(0)
		}
		if p.Stretch() != 1 {
			t.Errorf("%g needed, and then nothing: still %g", needed, p.Stretch())
		}
	}
}

// TestPaceAfterABurst: a thousand runs begin within eleven minutes, in which little else can be done. They
// are measured as their plans say within minutes after that, by a machine that can. One that cannot is not
// overrun: few rounds are late by more than their interval.
func TestPaceAfterABurst(t *testing.T) {
	const runs, planned, burst, duringBurst = 1000, 30 * time.Second, 11 * time.Minute, 3
	for _, tc := range []struct {
		capacity int // rounds a second, after the burst
		want     float64
		within   time.Duration
	}{
		{capacity: 60, want: 1, within: 5 * time.Minute},
		{capacity: 36, want: 1, within: 5 * time.Minute},
		{capacity: 20, want: 2, within: 5 * time.Minute}, // 1.67 times longer would do
	} {
		var p Pace
		type run struct {
			last, due time.Time
			stretch   float64
		}
		all := make([]run, runs)
		for i := range all {
			all[i] = run{last: noon.Add(time.Duration(i) * burst / runs), stretch: 1}
		}
		reached, taken, late := time.Duration(-1), 0, 0
		for now := noon; now.Before(noon.Add(burst + time.Hour)); now = now.Add(time.Second) {
			capacity := duringBurst
			if now.Sub(noon) > burst {
				capacity = tc.capacity
			}
			var waiting []*run
			for i := range all {
				r := &all[i]
				if r.due = r.last.Add(stretched(planned, r.stretch)); r.due.After(now) {
					continue
				}
				r.stretch = max(r.stretch, p.Stretch()) // it goes on waiting
				if r.due = r.last.Add(stretched(planned, r.stretch)); !r.due.After(now) {
					waiting = append(waiting, r)
				}
			}
			slices.SortStableFunc(waiting, func(a, b *run) int { return a.due.Compare(b.due) })
			for _, r := range waiting[:min(len(waiting), capacity)] {
				interval, lag := stretched(planned, r.stretch), now.Sub(r.due)
				r.last = r.due.Add(lag / interval * interval)
				if now.Sub(noon) > burst {
					taken++
					late += min(1, int(lag/interval))
				}
				p = p.With(lag, planned, r.stretch, now)
				r.stretch = p.Stretch()
			}
			if after := now.Sub(noon) - burst; after > 0 && reached < 0 && p.Stretch() <= tc.want {
				reached = after
			}
		}
		if reached < 0 || reached > tc.within || p.Stretch() > tc.want {
			t.Errorf("%d rounds a second: %g times longer an hour after the burst, %g at first %s after it", tc.capacity, p.Stretch(), tc.want, reached)
		}
		if float64(late) > tooManyMissed*float64(taken) {
			t.Errorf("%d rounds a second: %d of %d rounds late", tc.capacity, late, taken)
		}
	}
}

// TestFewRoundsSayLittle: of one run it takes ten rounds to tell.
func TestFewRoundsSayLittle(t *testing.T) {
	var p Pace
	for i := range 9 {
		p = p.With(25*time.Second, 10*time.Second, 1, noon.Add(time.Duration(i)*20*time.Second))
	}
	if p.Stretch() != 1 {
		t.Errorf("by nine rounds intervals are %g times longer", p.Stretch())
	}
	if p = p.With(25*time.Second, 10*time.Second, 1, noon.Add(4*time.Minute)); p.Stretch() <= 1 {
		t.Error("by ten they are not")
	}
}

// TestAStretchedRunSaysSo, and says when it no longer is; neither is written for its own sake.
func TestAStretchedRunSaysSo(t *testing.T) {
	at := func(after time.Duration) metav1.Time { return metav1.NewTime(noon.Add(after)) }
	in := newWorld(t).input()
	in.Run.Status = v1alpha1.CanaryRunStatus{
		Phase: v1alpha1.PhaseRunning, Reason: v1alpha1.ReasonMeasuring, Message: "the canary is measured", Measured: 2, AsOf: new(at(5 * time.Second)),
		CreatedAt: new(at(0)), ReadyAt: new(at(0)), Replicas: 1,
		Step: &v1alpha1.StepStatus{Number: 1, StartedAt: at(0), ReadyAt: new(at(0)), Measured: 2, FewestPods: 1},
	}
	for _, name := range []string{analysis.Pods, "errors"} {
		in.Run.Status.Metrics = append(in.Run.Status.Metrics, v1alpha1.MetricStatus{
			Name: name, Passed: 2, Last: []v1alpha1.Measurement{{Time: at(5 * time.Second), Outcome: v1alpha1.OutcomePassed}},
		})
	}
	s := newPlanner(in)
	s.in.Stretch = 1.5
	s.tellStretched(s.in)
	said := s.findCondition(v1alpha1.ConditionRoundsInTime)
	if said == nil || said.Status != metav1.ConditionFalse || said.Reason != v1alpha1.ReasonStretched ||
		said.Message != "it is measured every 8s and not every 5s: more rounds are due than can be measured in time; a verdict takes as many rounds as the plan says, and so longer" {
		t.Errorf("it says %+v", said)
	}
	if !MayWait(in.Run.Status, s.out, time.Hour, noon.Add(6*time.Second)) {
		t.Error("it is written at once")
	}
	if next := roundsOf(s.in, s.course).next(); !next.Equal(noon.Add(13 * time.Second)) {
		t.Errorf("the next round is due at %s", next)
	}
	s.in.Stretch = 1
	s.tellStretched(s.in)
	if said := s.findCondition(v1alpha1.ConditionRoundsInTime); said.Status != metav1.ConditionTrue || said.Message != "it is measured every 5s again, as the plan says" {
		t.Errorf("it says %+v", said)
	}
}

// TestNoVerdictTakesFewerRounds: whenever and however much intervals are stretched while a canary is
// measured, it passes after as many rounds as its plan has, or more, and not before the period of the plan is
// over.
func TestNoVerdictTakesFewerRounds(t *testing.T) {
	for _, from := range []time.Duration{0, 4 * time.Second, 12 * time.Second, 19 * time.Second} {
		for _, until := range []time.Duration{10 * time.Second, 21 * time.Second, time.Hour} {
			for _, stretch := range []float64{1.25, 1.5, 2, 8} {
				w := newWorld(t)
				for range 1000 {
					if w.stretch = 0; w.now.Sub(noon) >= from && w.now.Sub(noon) < until {
						w.stretch = stretch
					}
					w.step()
					w.happen("pods are Ready")
					if w.run.Status.Verdict != "" {
						break
					}
					w.now = w.now.Add(time.Second)
				}
				// At 0, 5, 10, 15 and 20 s.
				status := w.run.Status
				if status.Verdict != v1alpha1.VerdictPass || status.Step.Measured < 5 || w.now.Before(status.Step.ReadyAt.Add(20*time.Second)) {
					t.Errorf("%g times later from %s to %s: %s after %d rounds, at %s", stretch, from, until, status.Verdict, status.Step.Measured, w.now.Sub(noon))
				}
				if status.Overtime > 0 {
					t.Errorf("%g times later from %s to %s: %d rounds are of after the period", stretch, from, until, status.Overtime)
				}
			}
		}
	}
}
