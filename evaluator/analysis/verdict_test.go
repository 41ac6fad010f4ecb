package analysis

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// testAnalysis: 10 s period, 1 s interval; limits 2 failures, 3 errors, 4 without data.
func testAnalysis(metrics ...string) v1alpha1.Analysis {
	spec := v1alpha1.CanaryPlanSpec{}
	spec.SetDefaults()
	a := spec.Analysis
	a.Interval.Duration, a.Period.Duration = time.Second, 10*time.Second
	*a.FailureLimit, *a.ErrorLimit, *a.NoDataLimit = 2, 3, 4
	for _, name := range metrics {
		a.Metrics = append(a.Metrics, v1alpha1.Metric{Name: name})
	}
	return a
}

var letters = map[rune]v1alpha1.Outcome{
	'P': v1alpha1.OutcomePassed, 'F': v1alpha1.OutcomeFailed, 'E': v1alpha1.OutcomeError, 'N': v1alpha1.OutcomeNoData,
}

// play measures until there is a verdict: outcomes[name] is one letter for each
// round, one a second from noon on, the metric Pods passing unless it is there.
func play(a v1alpha1.Analysis, outcomes map[string]string, rounds int) (Judgment, int) {
	schedule := NewSchedule(a, noon)
	var metrics []v1alpha1.MetricStatus
	var p Progress
	p.Schedule = schedule
	for i := range rounds {
		at := noon.Add(time.Duration(i) * a.Interval.Duration)
		var next []v1alpha1.MetricStatus
		for _, name := range append([]string{Pods}, names(a)...) {
			outcome := v1alpha1.OutcomePassed
			if letters2, ok := outcomes[name]; ok && i < len(letters2) {
				outcome = letters[rune(letters2[i])]
			}
			next = append(next, Count(Find(metrics, name), v1alpha1.Measurement{Time: metav1.NewTime(at), Outcome: outcome}))
		}
		metrics = next
		p.Last, p.Now = at, at
		p.Rounds++
		if at.After(schedule.End()) {
			p.Overtime++
		}
		if j := Evaluate(a, metrics, p); j.Verdict != "" {
			return j, i + 1
		}
	}
	return Judgment{}, rounds
}

func names(a v1alpha1.Analysis) []string {
	var out []string
	for _, m := range a.Metrics {
		out = append(out, m.Name)
	}
	return out
}

func TestEvaluate(t *testing.T) {
	for name, tc := range map[string]struct {
		pods, errors string
		verdict      v1alpha1.Verdict
		reason       string
		rounds       int
	}{
		"good all the time passes at the end of the period":      {"", "PPPPPPPPPPP", "Pass", "PeriodOver", 11},
		"failures up to the limit are borne":                     {"", "PFFPFFPFFPP", "Pass", "PeriodOver", 11},
		"one more fails":                                         {"", "PFFF", "Fail", "MetricOutOfRange", 4},
		"bad at the end is measured on":                          {"", "PPPPPPPPPPFFP", "Pass", "PeriodOver", 13},
		"bad at the end and after it fails":                      {"", "PPPPPPPPPPFFF", "Fail", "MetricOutOfRange", 13},
		"errors past their limit are inconclusive":               {"", "PEEEE", "Inconclusive", "ErrorLimit", 5},
		"errors at the end never pass":                           {"", "PPPPPPPPPEEEP", "Pass", "PeriodOver", 13},
		"no data past its limit is inconclusive":                 {"", "NNNNN", "Inconclusive", "NoDataLimit", 5},
		"errors between failures neither count nor help":         {"", "PFEFEF", "Fail", "MetricOutOfRange", 6},
		"missing data between failures neither counts nor helps": {"", "FNFNF", "Fail", "MetricOutOfRange", 5},
		"errors and missing data in turn run out":                {"", "ENENENEN", "Inconclusive", "ErrorLimit", 7},
		"a failure shows that the query works":                   {"", "EEEFEEEPPPPPPPP", "Pass", "PeriodOver", 11},
		"pods not Ready fail by themselves":                      {"FFF", "PPP", "Fail", "NotReady", 3},
		"a failure counts more than an error in the same round":  {"PFFF", "EEEE", "Fail", "NotReady", 4},
		"bad by turns is never settled": {
			strings.Repeat("PF", 60), strings.Repeat("FP", 60), "Inconclusive", "Unsettled", 11 + 2 + 3*7 + 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			outcomes := map[string]string{"errors": tc.errors}
			if tc.pods != "" {
				outcomes[Pods] = tc.pods
			}
			got, rounds := play(testAnalysis("errors"), outcomes, 100)
			if got.Verdict != tc.verdict || got.Reason != tc.reason || rounds != tc.rounds {
				t.Errorf("got %+v after %d rounds, want %s/%s after %d", got, rounds, tc.verdict, tc.reason, tc.rounds)
			}
		})
	}
}

func TestEvaluateNeedsEveryMetric(t *testing.T) {
	a := testAnalysis("errors")
	p := Progress{Schedule: NewSchedule(a, noon), Now: noon.Add(time.Hour), Last: noon.Add(time.Hour), Rounds: 100}
	passed := func(name string) v1alpha1.MetricStatus {
		return Count(v1alpha1.MetricStatus{Name: name}, v1alpha1.Measurement{Outcome: v1alpha1.OutcomePassed})
	}
	for name, metrics := range map[string][]v1alpha1.MetricStatus{
		"none":    nil,
		"no pods": {passed("errors")},
		"no plan": {passed(Pods)},
		"another": {passed(Pods), passed("other")},
	} {
		if got := Evaluate(a, metrics, p); got.Verdict != "" {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	if got := Evaluate(a, []v1alpha1.MetricStatus{passed("errors"), passed(Pods)}, p); got.Verdict != v1alpha1.VerdictPass {
		t.Errorf("all: got %+v", got)
	}
}

// Random rows of outcomes: there is always a verdict in bounded time; Pass only
// at the end of the period or later with every metric good; Fail only where a
// metric failed more often than its limit.
func TestEvaluateRandomRows(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		a := testAnalysis("a", "b")
		*a.FailureLimit, *a.ErrorLimit, *a.NoDataLimit = random.Int32N(3), random.Int32N(3), random.Int32N(3)
		outcomes := map[string]string{}
		for _, name := range []string{Pods, "a", "b"} {
			alphabet := []string{"PF", "PFEN", "EN", "P", "PPPPF"}[random.IntN(5)]
			var row strings.Builder
			for range 400 {
				row.WriteByte(alphabet[random.IntN(len(alphabet))])
			}
			outcomes[name] = row.String()
		}
		j, rounds := play(a, outcomes, 400)
		switch j.Verdict {
		case v1alpha1.VerdictPass:
			if rounds < 11 {
				t.Fatalf("passed after %d rounds: %v", rounds, outcomes)
			}
			for name, row := range outcomes {
				if row[rounds-1] != 'P' {
					t.Fatalf("passed with %s %c", name, row[rounds-1])
				}
			}
		case v1alpha1.VerdictFail:
			most := 0
			for _, row := range outcomes {
				most = max(most, strings.Count(row[:rounds], "F"))
			}
			if most <= int(*a.FailureLimit) {
				t.Fatalf("failed with %d failures, limit %d", most, *a.FailureLimit)
			}
		case v1alpha1.VerdictInconclusive:
		default:
			t.Fatalf("no verdict after %d rounds", rounds)
		}
	}
}

func TestCountKeepsTheLatest(t *testing.T) {
	var s v1alpha1.MetricStatus
	for i := range 25 {
		before := s.DeepCopy()
		next := Count(s, v1alpha1.Measurement{Time: metav1.NewTime(noon.Add(time.Duration(i) * time.Second)), Outcome: v1alpha1.OutcomePassed, Query: "q"})
		if len(s.Last) != len(before.Last) || (len(s.Last) > 0 && s.Last[len(s.Last)-1].Query != "q") {
			t.Fatal("Count changed the status it was given")
		}
		s = next
	}
	if len(s.Last) != maxLast || s.Passed != 25 || s.Streak != 25 {
		t.Fatalf("got %+v", s)
	}
	for i, m := range s.Last {
		if (m.Query != "") != (i == maxLast-1) {
			t.Errorf("measurement %d has query %q", i, m.Query)
		}
	}
}

func TestAMetricHasItsOwnFailureLimit(t *testing.T) {
	for name, tc := range map[string]struct {
		limit   int32
		row     string
		verdict v1alpha1.Verdict
		rounds  int
	}{
		"none is borne":                  {0, "PF", "Fail", 2},
		"more than the analysis bears":   {4, "PFFFFPPPPPP", "Pass", 11},
		"and one more":                   {4, "PFFFFF", "Fail", 6},
		"it takes long to settle by it":  {9, "PPPPPPPPPP" + strings.Repeat("F", 9) + "P", "Pass", 20},
		"errors are counted by the plan": {0, "PEEEE", "Inconclusive", 5},
	} {
		t.Run(name, func(t *testing.T) {
			a := testAnalysis("errors", "other")
			a.Metrics[0].FailureLimit = &tc.limit
			got, rounds := play(a, map[string]string{"errors": tc.row}, 100)
			if got.Verdict != tc.verdict || rounds != tc.rounds {
				t.Errorf("got %+v after %d rounds, want %s after %d", got, rounds, tc.verdict, tc.rounds)
			}
			if got.Verdict == v1alpha1.VerdictFail && !strings.Contains(got.Message, "limit "+strconv.Itoa(int(tc.limit))) {
				t.Errorf("the message names another limit: %s", got.Message)
			}
		})
	}
}

// A verdict says what kind of judge it was by, whatever the metric's name is.
func TestEachKindOfFailureHasItsReason(t *testing.T) {
	for measured, want := range map[string]string{
		v1alpha1.MeasuredAboveMax:    v1alpha1.ReasonMetricOutOfRange,
		v1alpha1.MeasuredNaN:         v1alpha1.ReasonMetricOutOfRange,
		v1alpha1.MeasuredOutOfList:   v1alpha1.ReasonMetricOutOfRange,
		v1alpha1.MeasuredFewGood:     v1alpha1.ReasonMetricOutOfRange,
		v1alpha1.MeasuredWorse:       v1alpha1.ReasonWorse,
		v1alpha1.MeasuredLabelFound:  v1alpha1.ReasonLabelFound,
		v1alpha1.MeasuredAlertFiring: v1alpha1.ReasonAlertFiring,
	} {
		a := testAnalysis("m")
		*a.FailureLimit = 0
		s := Count(v1alpha1.MetricStatus{Name: "m"}, v1alpha1.Measurement{Time: metav1.NewTime(noon), Outcome: v1alpha1.OutcomeFailed, Reason: measured})
		j := Evaluate(a, []v1alpha1.MetricStatus{s}, Progress{Schedule: NewSchedule(a, noon), Now: noon, Last: noon})
		if j.Verdict != v1alpha1.VerdictFail || j.Reason != want {
			t.Errorf("%s gives %s, %s, want %s", measured, j.Verdict, j.Reason, want)
		}
	}
}

// While nobody evaluated nothing was seen of the canary: one good round at the
// end is no good period.
func TestAPassNeedsHalfOfTheRounds(t *testing.T) {
	for _, tc := range []struct {
		initialDelay, interval, period time.Duration
		due                            int64
	}{
		{0, 30 * time.Second, 15 * time.Minute, 31},
		{time.Minute, 30 * time.Second, 15 * time.Minute, 29},
		{0, 40 * time.Second, time.Minute, 3}, // 0 s, 40 s and the end
		{0, time.Hour, time.Minute, 2},
		{time.Minute, time.Second, time.Minute, 1},
	} {
		a := testAnalysis()
		a.InitialDelay.Duration, a.Interval.Duration, a.Period.Duration = tc.initialDelay, tc.interval, tc.period
		good := Count(v1alpha1.MetricStatus{Name: Pods}, v1alpha1.Measurement{Outcome: v1alpha1.OutcomePassed})
		end := noon.Add(tc.period)
		p := Progress{Schedule: NewSchedule(a, noon), Now: end, Last: end}
		if got := p.Schedule.Rounds(); got != tc.due {
			t.Errorf("%+v: %d rounds are due", tc, got)
		}
		for n := range int32(tc.due) + 1 {
			p.Rounds = n
			passes := Evaluate(a, []v1alpha1.MetricStatus{good}, p).Verdict == v1alpha1.VerdictPass
			if want := int64(2*n) >= tc.due; passes != want {
				t.Errorf("%+v: after %d rounds it passes: %v", tc, n, passes)
			}
		}
	}
}
