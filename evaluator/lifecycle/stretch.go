package lifecycle

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Where more rounds are due than can be measured, some runs would be measured as their plans say and others
// seldom, as it happens. So intervals are stretched: those of all runs of a namespace by the same factor,
// which follows how many rounds were missed. It is one for each namespace, so that a tenant whose Prometheus
// is slow stretches his own alone; where it is Holdfast that has too much to do, rounds of all are missed,
// and all are stretched.
//
// A stretched run says so by a condition, and its periods last until as many rounds were taken as its plan
// has: no verdict takes fewer for it.

// stretches are how many times longer intervals can be. The steps are few, so that statuses do not say
// another thing at each wind; what is beyond the last is late.
var stretches = []float64{1, 1.25, 1.5, 2, 3, 4, 6, 8}

// Rounds are looked at together over a window, which is as long as two of their intervals at least. Above
// tooManyMissed of them intervals get longer. They get a step shorter after a calm window, of one interval,
// in which hardly any was missed: what was too much may be over, as a thousand updates at once are. If it is
// not, they get longer again, and that step is tried anew after twice as many calm windows, mostCalm at most.
const (
	paceWindow    = 30 * time.Second
	paceRounds    = 10
	tooManyMissed = 0.15
	fewMissed     = 0.02
	mostCalm      = 16
)

// Pace is how often the runs of a namespace are measured, and what is known of how that goes. Its zero value
// is as plans say.
type Pace struct {
	level           int // of stretches
	began, newest   time.Time
	longest         time.Duration
	counted, missed int64
	// calm is how many calm windows there were in a row, and tried that there was none since a step was made.
	calm  int
	tried bool
	// failed is one more than the level at which too many were missed when it was last tried, 0 if there is
	// none, and wanted how many calm windows it takes to try that again.
	failed, wanted int
}

// Stretch is how many times longer than plans say intervals are.
func (p Pace) Stretch() float64 { return stretches[p.level] }

// Newest is when the newest round was counted.
func (p Pace) Newest() time.Time { return p.newest }

// With is the pace after one more round was counted, so late after it was due, of a run that is measured in
// such intervals.
func (p Pace) With(lag, interval time.Duration, now time.Time) Pace {
	if p.began.IsZero() {
		p.began = now
	}
	p.newest, p.longest = now, max(p.longest, interval)
	p.counted++
	p.missed += int64(lag / max(interval, time.Second))
	lasted := now.Sub(p.began)
	if p.counted < paceRounds || lasted < max(paceWindow, p.longest) {
		return p
	}
	share := float64(p.missed) / float64(p.missed+p.counted)
	if share <= fewMissed {
		return p.afterCalm(now)
	}
	if lasted < 2*p.longest {
		return p
	}
	if share > tooManyMissed {
		return p.longer(share, now)
	}
	return p.nextWindow(now)
}

// nextWindow begins a window, after one that says nothing of pace.
func (p Pace) nextWindow(now time.Time) Pace {
	return Pace{level: p.level, newest: now, began: now, tried: p.tried, failed: p.failed, wanted: p.wanted}
}

// longer is the pace by which those rounds would have been taken too of which a share was missed.
func (p Pace) longer(missed float64, now time.Time) Pace {
	wanted := p.Stretch() / (1 - missed)
	next := p.nextWindow(now)
	next.level = slices.IndexFunc(stretches, func(s float64) bool { return s >= wanted })
	if next.level < 0 {
		next.level = len(stretches) - 1
	}
	if p.tried {
		next.tried, next.failed, next.wanted = false, p.level+1, min(2*max(p.wanted, 1), mostCalm)
	}
	return next
}

// afterCalm is the pace after a window in which hardly any round was missed.
func (p Pace) afterCalm(now time.Time) Pace {
	next := p.nextWindow(now)
	next.calm, next.tried = p.calm+1, false
	if p.level < p.failed { // it can be done now
		next.failed, next.wanted = 0, 0
	}
	if p.level > 0 && (p.level > next.failed || next.calm >= next.wanted) {
		next.level, next.calm, next.tried = p.level-1, 0, true
	}
	return next
}

// IntervalOf is how long it is between two rounds of a run at present.
func IntervalOf(in Snapshot) time.Duration {
	s := reading(in)
	return in.interval(s.analysis())
}

// interval is that of an analysis, stretched, in whole seconds.
func (in Snapshot) interval(a v1alpha1.Analysis) time.Duration {
	if in.Stretch <= 1 {
		return max(a.Interval.Duration, time.Second)
	}
	return roundUpDuration(time.Duration(float64(a.Interval.Duration) * in.Stretch))
}

func roundUpDuration(d time.Duration) time.Duration {
	return max((d + time.Second - 1).Truncate(time.Second), time.Second)
}

// tellStretched has the status say that intervals are longer than the plan says.
func (s *course) tellStretched(in Snapshot) {
	a := s.analysis()
	planned := max(a.Interval.Duration, time.Second)
	switch {
	case in.Stretch > 1:
		s.condition(v1alpha1.ConditionRoundsInTime, metav1.ConditionFalse, v1alpha1.ReasonStretched, fmt.Sprintf(
			"it is measured every %s and not every %s: more rounds are due than can be measured in time; a verdict takes as many rounds as the plan says, and so longer",
			Short(in.interval(a)), Short(planned)))
	case s.findCondition(v1alpha1.ConditionRoundsInTime) != nil:
		s.condition(v1alpha1.ConditionRoundsInTime, metav1.ConditionTrue, v1alpha1.ReasonMeasuring, "it is measured every "+Short(planned)+" again, as the plan says")
	}
}

// withoutPace are conditions without that which says how often a run is measured. It is the same for all runs
// of a namespace and changes for all at once, so it is written with the next rounds.
func withoutPace(conditions []metav1.Condition) []metav1.Condition {
	return slices.DeleteFunc(slices.Clone(conditions), func(c metav1.Condition) bool { return c.Type == v1alpha1.ConditionRoundsInTime })
}
