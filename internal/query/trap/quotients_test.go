package trap

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// Quotients whose value is wrong, with the names of their traps and words of the first.
// Beside each are those that people mean.
func TestTrapsOfQuotients(t *testing.T) {
	for name, tc := range map[string]struct {
		query string
		want  string // names
		says  string
	}{
		"a rate by an increase":           {`sum(rate(r_total{ {{canary}}, code=~"5.." }[2m])) / (sum(increase(r_total{ {{canary}} }[2m])) > 0)`, "UnlikeAmounts", "a rate, of one second, and what it is divided by an amount over 2m: the value is 120 times too small; take the same function"},
		"an increase by a rate":           {`sum(increase(r_total{ {{canary}}, code=~"2.." }[2m])) / (sum(rate(r_total{ {{canary}} }[2m])) > 0)`, "UnlikeAmounts", "120 times too great"},
		"of other names":                  {`1 - sum(irate(e_errors_total{ {{canary}} }[2m])) / (sum(increase(r_total{ {{canary}} }[2m])) > 0)`, "UnlikeAmounts", "120 times too small"},
		"of anything":                     {`sum(rate(sent_bytes_total{ {{canary}} }[2m])) / (sum(increase(r_total{ {{canary}} }[2m])) > 0)`, "UnlikeAmounts", ""},
		"over different windows":          {`sum(increase(r_total{ {{canary}}, code=~"5.." }[1m])) / (sum(increase(r_total{ {{canary}} }[10m])) > 0)`, "UnlikeAmounts", "10 times too small"},
		"times a number that is another":  {`60 * sum(rate(r_total{ {{canary}}, code=~"5.." }[2m])) / (sum(increase(r_total{ {{canary}} }[2m])) > 0)`, "UnlikeAmounts", ""},
		"a rate by what there is":         {`sum(rate(r_total{ {{canary}}, code=~"5.." }[2m])) / (sum(r_total{ {{canary}} }) > 0)`, "UnlikeAmounts", "the count since the start"},
		"as they are recorded":            {`sum(pod:r:rate5m{ {{canary}}, code=~"5.." }) / (sum(pod:r:increase5m{ {{canary}} }) > 0)`, "UnlikeAmounts", "300 times too small"},
		"with a 0 for what is missing":    {`(sum(rate(r_total{ {{canary}}, code=~"5.." }[2m])) or 0 * sum(rate(r_total{ {{canary}} }[2m]))) / (sum(increase(r_total{ {{canary}} }[2m])) > 0)`, "UnlikeAmounts MissingHidden", ""},
		"each by a label":                 {`max(sum without (code) (rate(r_total{ {{canary}}, code=~"5.." }[2m])) / (sum without (code) (increase(r_total{ {{canary}} }[2m])) > 0))`, "UnlikeAmounts", ""},
		"in a sum":                        {`(sum(rate(r_total{ {{canary}}, code=~"5.." }[2m])) + sum(increase(r_total{ {{canary}}, code="429" }[2m]))) / (sum(rate(r_total{ {{canary}} }[2m])) > 0)`, "UnlikeAmounts", "120 times too great"},
		"over a subquery":                 {`sum(rate(r_total{ {{canary}}, code=~"5.." }[2m:15s])) / (sum(increase(r_total{ {{canary}} }[2m:15s])) > 0)`, "UnlikeAmounts", ""},
		"in a scalar":                     {`sum(rate(r_total{ {{canary}}, code=~"5.." }[2m])) / scalar(sum(increase(r_total{ {{canary}} }[2m])) > 0)`, "UnlikeAmounts Scalar", ""},
		"an average by a sum":             {`avg(rate(r_total{ {{canary}}, code=~"5.." }[2m])) / (sum(rate(r_total{ {{canary}} }[2m])) > 0)`, "UnlikeAmounts", "one side is avg(…) and the other sum(…)"},
		"with a number lest it is zero":   {`sum(rate(r_total{ {{canary}}, code=~"5.." }[2m])) / (1 + (sum(increase(r_total{ {{canary}} }[2m])) > 0))`, "UnlikeAmounts", ""},
		"if there is traffic":             {`topk(1, sum(rate(r_total{ {{canary}}, code=~"5.." }[2m]))) / (sum(increase(r_total{ {{canary}} }[2m])) and on () sum(rate(r_total{ {{canary}} }[2m])) > 0)`, "UnlikeAmounts", ""},
		"a rate by a sum of counts":       {`sum(rate(r_total{ {{canary}}, code=~"5.." }[2m])) / (sum(sum_over_time(r_total{ {{canary}} }[2m])) > 0)`, "UnlikeAmounts", "sum_over_time(…) of the count since the start"},
		"averages over time":              {`sum(avg_over_time(queue{ {{canary}}, kind="slow" }[5m])) / sum(avg_over_time(queue{ {{canary}} }[5m]))`, "", ""},
		"rates":                           {`sum(rate(r_total{ {{canary}}, code=~"5.." }[2m])) / (sum(irate(r_total{ {{canary}} }[2m])) > 0)`, "", ""},
		"rates over different windows":    {`sum(rate(r_total{ {{canary}}, code=~"5.." }[1m])) / (sum(rate(r_total{ {{canary}} }[10m])) > 0)`, "", ""},
		"a rate made of an increase":      {`sum(increase(r_total{ {{canary}}, code=~"5.." }[2m])) / 120 / (sum(rate(r_total{ {{canary}} }[2m])) > 0)`, "", ""},
		"an increase made of a rate":      {`120 * sum(rate(r_total{ {{canary}}, code=~"5.." }[2m])) / (sum(increase(r_total{ {{canary}} }[2m])) > 0)`, "", ""},
		"the last minute of ten":          {`sum(increase(r_total{ {{canary}} }[1m])) / (sum(increase(r_total{ {{canary}} }[10m])) > 0)`, "", ""},
		"of what is set":                  {`sum(rate(cpu_seconds_total{ {{canary}} }[2m])) / sum(cpu_limit{ {{canary}} })`, "", ""},
		"averages":                        {`avg(rate(r_total{ {{canary}}, code=~"5.." }[2m])) / (avg(rate(r_total{ {{canary}} }[2m])) > 0)`, "", ""},
		"the worst pod to the average":    {`max(rate(cpu_seconds_total{ {{canary}} }[2m])) / (avg(rate(cpu_seconds_total{ {{canary}} }[2m])) > 0)`, "", ""},
		"of pods that are counted":        {`count(up{ {{canary}} } == 1) / count(up{ {{canary}} })`, "Filter", ""},
		"all by itself":                   {`sum(rate(r_total{ {{canary}} }[2m])) / (sum(rate(r_total{ {{canary}} }[2m])) > 0)`, "Itself", "both sides count the same"},
		"whatever the status":             {`sum(rate(r_total{ {{canary}}, code=~".+" }[2m])) / (sum(rate(r_total{ {{canary}} }[2m])) > 0)`, "Itself", ""},
		"if there is a status":            {`1 - sum(rate(r_total{ {{canary}}, code!="" }[2m])) / (sum(rate(r_total{ {{canary}} }[2m])) > 0)`, "Itself", ""},
		"the last bucket":                 {`sum(rate(d_bucket{ {{canary}}, le="+Inf" }[2m])) / (sum(rate(d_count{ {{canary}} }[2m])) > 0)`, "Itself", ""},
		"the last bucket in percent":      {`100 * (sum(rate(d_bucket{ {{canary}}, le=~"[+]Inf" }[2m])) / (sum(rate(d_count{ {{canary}} }[2m])) > 0))`, "Itself", ""},
		"all by the last bucket":          {`sum(rate(d_count{ {{canary}} }[2m])) / (sum(rate(d_bucket{ {{canary}}, le="+Inf" }[2m])) > 0)`, "Itself", ""},
		"an hour before":                  {`sum(rate(r_total{ {{canary}} }[2m])) / (sum(rate(r_total{ {{canary}} }[2m] offset 5m)) > 0)`, "", ""},
		"before its rate falls":           {`sum(rate(r_total{ {{canary}} }[2m])) / (sum(rate(r_total{ {{canary}} }[2m:15s] offset 5m)) > 0)`, "", ""},
		"each pod's part":                 {`sum by (pod) (rate(r_total{ {{canary}} }[2m])) / on () group_left () (sum(rate(r_total{ {{canary}} }[2m])) > 0)`, "Series", ""},
		"all buckets":                     {`sum(rate(d_bucket{ {{canary}} }[2m])) / (sum(rate(d_count{ {{canary}} }[2m])) > 0)`, "Buckets", `d_bucket is added up over several buckets, each of which has in it what those before it have, so a request counts several times; name one bound, as in le="0.5", or take d_count for all`},
		"all buckets of a path":           {`avg(increase(d_bucket{ {{canary}}, path="/" }[2m])) / (avg(increase(d_count{ {{canary}}, path="/" }[2m])) > 0)`, "Buckets", ""},
		"a bucket by all of them":         {`sum(rate(d_bucket{ {{canary}}, le="0.5" }[2m])) / (sum(rate(d_bucket{ {{canary}} }[2m])) > 0)`, "Buckets", ""},
		"all but the last":                {`sum(rate(d_bucket{ {{canary}}, le!="+Inf" }[2m])) / (sum(rate(d_count{ {{canary}} }[2m])) > 0)`, "Buckets", ""},
		"several bounds":                  {`sum(rate(d_bucket{ {{canary}}, le=~"0.5|1" }[2m])) / (sum(rate(d_count{ {{canary}} }[2m])) > 0)`, "Buckets", ""},
		"one bound as two texts":          {`sum(rate(d_bucket{ {{canary}}, le=~"1|1.0" }[2m])) / (sum(rate(d_count{ {{canary}} }[2m])) > 0)`, "", ""},
		"a bucket of the last":            {`sum(rate(d_bucket{ {{canary}}, le="0.5" }[2m])) / (sum(rate(d_bucket{ {{canary}}, le="+Inf" }[2m])) > 0)`, "", ""},
		"each bucket":                     {`min(sum by (le) (rate(d_bucket{ {{canary}} }[2m])) / on () group_left () (sum(rate(d_count{ {{canary}} }[2m])) > 0))`, "", ""},
		"a sum by a bucket":               {`sum(rate(d_seconds_sum{ {{canary}} }[2m])) / (sum(rate(d_seconds_bucket{ {{canary}}, le="1" }[2m])) > 0)`, "Buckets", "divide d_seconds_sum by d_seconds_count"},
		"a bucket by a sum":               {`sum(rate(d_seconds_bucket{ {{canary}}, le="1" }[2m])) / (sum(rate(d_seconds_sum{ {{canary}} }[2m])) > 0)`, "Buckets", "no average"},
		"a sum by the last bucket":        {`sum(rate(d_seconds_sum{ {{canary}} }[2m])) / (sum(rate(d_seconds_bucket{ {{canary}}, le="+Inf" }[2m])) > 0)`, "", ""},
		"stable's failures":               {`sum(rate(r_total{ {{stable}}, code=~"5.." }[2m])) / (sum(rate(r_total{ {{canary}} }[2m])) > 0)`, "OtherDenominator", "what is divided is of the stable pods, and what it is divided by of the canary"},
		"of stable's requests":            {`sum(rate(r_total{ {{canary}}, code=~"5.." }[2m])) / (sum(rate(r_total{ {{stable}} }[2m])) > 0)`, "OtherDenominator", "what is divided is of the canary, and what it is divided by of the stable pods"},
		"of the baseline's":               {`1 - sum(rate(e_errors_total{ {{canary}} }[2m])) / (sum(rate(r_total{ {{baseline}} }[2m])) > 0)`, "OtherDenominator", "of the baseline"},
		"of both":                         {`sum(rate(r_total{ {{canary}}, code=~"5.." }[2m])) / ((sum(rate(r_total{ {{canary}} }[2m])) + sum(rate(r_total{ {{stable}} }[2m]))) > 0)`, "OtherDenominator", "of the canary and the stable pods"},
		"what is left without stable's":   {`(sum(rate(r_total{ {{canary}} }[2m])) - sum(rate(r_total{ {{stable}}, code=~"5.." }[2m]))) / (sum(rate(r_total{ {{canary}} }[2m])) > 0)`, "OtherDenominator", ""},
		"everybody's failures":            {`sum(rate(r_total{namespace="{{namespace}}", code=~"5.."}[2m])) / (sum(rate(r_total{ {{canary}} }[2m])) > 0)`, "OtherDenominator", "of all pods"},
		"a mean by stable's count":        {`sum(rate(d_seconds_sum{ {{canary}} }[2m])) / (sum(rate(d_seconds_count{ {{stable}} }[2m])) > 0)`, "OtherDenominator", ""},
		"fast ones of stable's":           {`sum(rate(d_bucket{ {{canary}}, le="0.5" }[2m])) / (sum(rate(d_count{ {{stable}} }[2m])) > 0)`, "OtherDenominator", ""},
		"how many times stable's":         {`sum(rate(r_total{ {{canary}}, code=~"5.." }[2m])) / (sum(rate(r_total{ {{stable}}, code=~"5.." }[2m])) > 0)`, "", ""},
		"how many times stable's share":   {`(sum(rate(r_total{ {{canary}}, code="200" }[2m])) / (sum(rate(r_total{ {{canary}} }[2m])) > 0)) / (sum(rate(r_total{ {{stable}}, code="200" }[2m])) / (sum(rate(r_total{ {{stable}} }[2m])) > 0))`, "", ""},
		"its part of the traffic":         {`sum(rate(r_total{ {{canary}} }[2m])) / ((sum(rate(r_total{ {{canary}} }[2m])) + sum(rate(r_total{ {{stable}} }[2m]))) > 0)`, "", ""},
		"failures of both in all of both": {`(sum(rate(r_total{ {{canary}}, code=~"5.." }[2m])) + sum(rate(r_total{ {{stable}}, code=~"5.." }[2m]))) / ((sum(rate(r_total{ {{canary}} }[2m])) + sum(rate(r_total{ {{stable}} }[2m]))) > 0)`, "OtherDenominator", "of the canary and the stable pods together"},
		"joined with the canary's pods":   {`sum(rate(r_total{code=~"5.."}[2m]) * on (pod) group_left () kube_pod_info{ {{canary}} }) / (sum(rate(r_total{ {{canary}} }[2m])) > 0)`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			template, err := query.Parse(tc.query)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			says := ""
			for _, trap := range Find(template, given) {
				names = append(names, trap.Name)
				says = cmp.Or(says, trap.Message)
			}
			if got := strings.Join(names, " "); got != tc.want || !strings.Contains(says, tc.says) {
				t.Errorf("got %q (%s), want %q (%s)", got, says, tc.want, tc.says)
			}
		})
	}
}

// A query that is twice as long takes eight times the work at most, and most take less, however it is put
// together: it does not double with each part.
func TestLongQuotientsAreLookedAtInTime(t *testing.T) {
	times := strings.Repeat
	for name, text := range map[string]func(n int) string{
		"products":         func(n int) string { return "a_total" + times(" * 1", 2*n) + " / b_total" },
		"quotients":        func(n int) string { return "a_total" + times(" / b_total", 2*n) },
		"quotients by one": func(n int) string { return "a_total" + times(" / 1", 2*n) },
		"sums": func(n int) string {
			return "(a_total" + times(" + a_total", n) + ") / (b_total" + times(" + b_total", n) + ")"
		},
		"sums and products": func(n int) string { return "a_total" + times(" * 1 + a_total / b_total", n) },
		"either":            func(n int) string { return "sum(a_total" + times(" or a_total", 2*n) + ") / b_total" },
		"signs":             func(n int) string { return times("-", 2*n) + "a_total / b_total" },
		"parentheses":       func(n int) string { return times("(1 * ", n/2) + "a_total" + times(" / b_total)", n/2) },
		"functions":         func(n int) string { return times("floor(", n/2) + "a_total" + times(")", n/2) },
		"aggregations":      func(n int) string { return times("sum(0.5 * ", n/2) + "a_total" + times(")", n/2) + " / b_total" },
	} {
		work := func(n int) float64 {
			template, err := query.Parse(text(n))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return testing.AllocsPerRun(1, func() {
				Find(template, given)
				doubts(someRange(text(n)), given)
			})
		}
		short, long := work(40), work(80)
		t.Logf("%s: %.0f allocations, %.0f when twice as long", name, short, long)
		if long > 8*short {
			t.Errorf("%s: %.0f allocations, %.0f when twice as long", name, short, long)
		}
	}
}

// Whatever a query is, its traps are found without a panic, and each is a known one.
func FuzzTraps(f *testing.F) {
	for _, tc := range judgedCases() {
		f.Add(tc.query)
	}
	for _, tc := range doubtCases() {
		f.Add(tc.m.Query)
	}
	f.Fuzz(func(t *testing.T, text string) {
		template, err := query.Parse(text)
		if err != nil {
			return
		}
		for _, trap := range Find(template, given) {
			if !slices.ContainsFunc(traps, func(kind struct {
				name string
				look func(looked) []caught
			}) bool {
				return kind.name == trap.Name
			}) {
				t.Errorf("%s: %s", text, trap.Name)
			}
		}
		doubts(someRange(text), given)
	})
}

func someRange(query string) v1alpha1.Metric {
	low, high := 0.5, 5.0
	return v1alpha1.Metric{Query: query, Range: v1alpha1.Range{Min: &low, Max: &high}}
}
