package analysis

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestList(t *testing.T) {
	good := v1alpha1.Metric{List: &v1alpha1.List{Label: "code", Good: []string{"2..", "404"}, Tolerance: "5%"}}
	bad := v1alpha1.Metric{List: &v1alpha1.List{Label: "code", Bad: []string{"5.."}}}
	lenient := v1alpha1.Metric{List: &v1alpha1.List{Label: "code", Bad: []string{"5.."}, Tolerance: "5%"}}
	unlabelled := v1alpha1.Metric{List: &v1alpha1.List{Label: "code", Bad: []string{"5..", "|x"}}}
	both := v1alpha1.Metric{List: &v1alpha1.List{Label: "code", Good: []string{"2.."}, Bad: []string{"299"}}}
	ranged := v1alpha1.Metric{List: good.List, Over: fiveMinutes(), Samples: "50%"}
	code := func(value float64, code string) Series { return series(value, "code", code) }
	of := func(s ...Series) Observation { return Observation{Answer: Answer{Series: s}} }
	check(t, map[string]judged{
		"nothing bad":                       {metric: good, o: of(code(90, "200"), code(10, "404")), outcome: "Passed", reason: "InList", value: "0", rule: "[0, 0.05] of code bad", says: "no code is bad"},
		"as much as is borne":               {metric: good, o: of(code(95, "200"), code(5, "500")), outcome: "Passed", reason: "InList", value: "0.05"},
		"more than is borne":                {metric: good, o: of(code(94, "200"), code(4, "500"), code(2, "503")), outcome: "Failed", reason: "OutOfList", value: "0.06", says: "6% are of a bad code (500: 4%, 503: 2%), 5% are borne"},
		"all bad":                           {metric: good, o: of(code(3, "500")), outcome: "Failed", reason: "OutOfList", value: "1"},
		"an entry is for the whole value":   {metric: good, o: of(code(1, "2000")), outcome: "Failed", reason: "OutOfList", value: "1"},
		"on the bad list":                   {metric: bad, o: of(code(99, "200"), code(1, "500")), outcome: "Failed", reason: "OutOfList", value: "0.01"},
		"not on the bad list":               {metric: bad, o: of(code(99, "weird")), outcome: "Passed", reason: "InList", value: "0"},
		"bad outweighs good":                {metric: both, o: of(code(1, "299"), code(3, "200")), outcome: "Failed", reason: "OutOfList", value: "0.25"},
		"without traffic there is no data":  {metric: good, o: of(code(0, "200"), code(0, "500")), outcome: "NoData", reason: "NoData", value: ""},
		"a NaN count fails":                 {metric: good, o: of(code(math.NaN(), "200")), outcome: "Failed", reason: "NaN", value: "NaN"},
		"an infinite count fails":           {metric: good, o: of(code(math.Inf(1), "200"), code(1, "500")), outcome: "Failed", reason: "NaN", value: "NaN"},
		"what is negative is no count":      {metric: good, o: of(code(-1, "200")), outcome: "Error", reason: "NoCount", value: "", says: `-1 of code "200" is no count`},
		"no series has the label":           {metric: good, o: of(series(3)), outcome: "Error", reason: "NoListLabel", value: "", says: "as in sum by (code) (…)"},
		"one series without the label":      {metric: good, o: of(code(1, "200"), series(1, "job", "x")), outcome: "Failed", reason: "OutOfList", value: "0.5", says: `"": 50%`},
		"one of the bad list without it":    {metric: bad, o: of(code(1, "200"), series(1, "job", "x")), outcome: "Error", reason: "NoListLabel", value: "", says: "50% are of series without the label code"},
		"it is borne whatever it is":        {metric: lenient, o: of(code(97, "200"), series(3)), outcome: "Passed", reason: "InList", value: "0.03"},
		"it does not hide bad ones":         {metric: lenient, o: of(code(3, "200"), code(3, "500"), series(3)), outcome: "Failed", reason: "OutOfList", value: "0.3333333333333333", says: "33.3333% are of a bad code (500: 33.3333%), 5%"},
		"a bad list may name what lacks it": {metric: unlabelled, o: of(code(1, "200"), series(1, "job", "x")), outcome: "Failed", reason: "OutOfList", value: "0.5"},
		"samples are shares at a time":      {metric: ranged, o: of(over(code(0, "200"), 10, 10), over(code(0, "500"), 0, 10)), outcome: "Passed", reason: "InRange", value: "0.5", says: "1 of 2 samples good"},
		"a time without traffic is no time": {metric: ranged, o: of(over(code(0, "200"), 10, 0), over(code(0, "500"), 0, 0)), outcome: "NoData", reason: "NoData", value: "", says: "still there"},
	})
}

// What is counted by a label that is different in each request takes time by the
// number of its values. By the square of it, this would take minutes.
func TestManyBadValuesAreTalliedInTime(t *testing.T) {
	began, all := time.Now(), &tally{}
	for i := range 300_000 {
		all.add(strconv.Itoa(i), 1, countsBad)
		all.add("0", 1, countsBad)
	}
	if all.bad != 600_000 || !strings.HasPrefix(all.note([]kind{countsBad}), "0: 50.0002%, 1: ") {
		t.Errorf("%v are bad: %s", all.bad, all.note([]kind{countsBad}))
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("took %s", took)
	}
}
