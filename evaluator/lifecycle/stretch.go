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

// Rounds are looked at together over a window. Where above tooManyMissed of them were missed, in two of their
// intervals at least, intervals get longer. They get shorter, by half at most, after a calm window, of one
// interval or calmRounds, in which hardly any was late: what was too much may be over, as a thousand updates
// at once are. What was tried so and is too short is remembered: it is tried again after two calm windows,
// then four and so on, mostCalm at most, and forgotten when it goes well for calmEnough of them.
const (
	paceWindow    = 30 * time.Second
	paceRounds    = 10
	calmRounds    = 100
	tooManyMissed = 0.15
	fewLate       = 0.02
	mostCalm      = 16
	calmEnough    = 2
)

// Pace is how often the runs of a namespace are measured, and what is known of how that goes. Its zero value
// is as plans say.
type Pace struct {
	level         int // of stretches
	began, newest time.Time
	longest       time.Duration // interval of a plan, of those whose rounds were counted
	// counted rounds were measured in this window, late of them late, and missed is how many were not.
	counted, late, missed int64
	// calm is how many calm windows there were in a row since the last step, and trying that this was to
	// shorter intervals, of which it is not known yet how they go.
	calm   int
	trying bool
	// failed is one more than the level that was tried and too short, 0 if none was, and wanted how many calm
	// windows it takes to try it again.
	failed, wanted int
}

// Stretch is how many times longer than plans say intervals are.
func (p Pace) Stretch() float64 { return stretches[p.level] }

// Newest is when the newest round was counted.
func (p Pace) Newest() time.Time { return p.newest }

// isLate says whether a round came so late that there may be too much to do: what waits grows until rounds
// are missed. One of a second or two is none of that.
func isLate(lag, interval time.Duration) bool {
	return lag >= max(interval/4, min(interval, 2*time.Second))
}

// With is the pace after one more round was counted, so late after it was due. The run's plan has such an
// interval, and the round was so many times longer after the one before.
func (p Pace) With(lag, planned time.Duration, stretch float64, now time.Time) Pace {
	if p.began.IsZero() {
		p.began = now
	}
	interval := stretched(planned, stretch)
	p.newest, p.longest = now, max(p.longest, planned)
	p.counted++
	p.missed += int64(lag / interval)
	if isLate(lag, interval) {
		p.late++
	}
	lasted, longest := now.Sub(p.began), stretched(p.longest, p.Stretch())
	if lasted < paceWindow || p.counted < paceRounds {
		return p
	}
	isCalm := float64(p.late) <= fewLate*float64(p.counted)
	missed := float64(p.missed) / float64(p.missed+p.counted)
	switch {
	case isCalm && (lasted >= longest || p.counted >= calmRounds):
		return p.afterCalm(now)
	case lasted < 2*longest:
		return p
	case missed > tooManyMissed:
		return p.longer(missed, now)
	}
	return p.nextWindow(now)
}

// nextWindow begins a window, after one that says nothing of pace.
func (p Pace) nextWindow(now time.Time) Pace {
	return Pace{level: p.level, newest: now, began: now, trying: p.trying, failed: p.failed, wanted: p.wanted}
}

// longer is the pace by which those rounds would have been taken too of which a share was missed.
func (p Pace) longer(missed float64, now time.Time) Pace {
	needed := p.Stretch() / (1 - missed)
	next := p.nextWindow(now)
	next.level = slices.IndexFunc(stretches, func(s float64) bool { return s >= needed })
	if next.level < 0 {
		next.level = len(stretches) - 1
	}
	if p.trying {
		next.trying, next.failed, next.wanted = false, p.level+1, min(2*max(p.wanted, 1), mostCalm)
	}
	return next
}

// afterCalm is the pace after a window in which hardly any round was late.
func (p Pace) afterCalm(now time.Time) Pace {
	next := p.nextWindow(now)
	next.calm = p.calm + 1
	if p.trying && next.calm >= calmEnough {
		next.trying = false
		if p.level < p.failed {
			next.failed, next.wanted = 0, 0
		}
	}
	switch {
	case p.level == 0 || p.level < p.failed:
	case p.level > p.failed: // not yet as short as what failed
		half := slices.IndexFunc(stretches, func(s float64) bool { return 2*s >= p.Stretch() })
		next.level, next.calm, next.trying = max(half, p.failed), 0, true
	case next.calm >= p.wanted:
		next.level, next.calm, next.trying = p.level-1, 0, true
	}
	return next
}

// IntervalOf is how long it is between two rounds of a run by its plan.
func IntervalOf(in Snapshot) time.Duration {
	s := reading(in)
	return s.analysis().Interval.Duration
}

// interval is that of an analysis, stretched.
func (in Snapshot) interval(a v1alpha1.Analysis) time.Duration {
	return stretched(a.Interval.Duration, in.Stretch)
}

// stretched is an interval that many times longer, in whole seconds.
func stretched(interval time.Duration, stretch float64) time.Duration {
	if stretch <= 1 {
		return max(interval, time.Second)
	}
	return roundUpDuration(time.Duration(float64(interval) * stretch))
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
