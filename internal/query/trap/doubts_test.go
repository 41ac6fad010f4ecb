package trap

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func lasting(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }

const (
	failures   = `sum(rate(r_total{ {{canary}}, code=~"5.." }[2m])) / (sum(rate(r_total{ {{canary}} }[2m])) > 0)`
	successful = `sum(rate(r_total{ {{canary}}, code=~"[1-4].." }[2m])) / (sum(rate(r_total{ {{canary}} }[2m])) > 0)`
	notFailed  = `sum(rate(r_total{ {{canary}}, code!~"5.." }[2m])) / (sum(rate(r_total{ {{canary}} }[2m])) > 0)`
	byName     = `sum(rate(request_errors_total{ {{canary}} }[2m])) / (sum(rate(requests_total{ {{canary}} }[2m])) > 0)`
	p99        = `histogram_quantile(0.99, sum by (le) (rate(d_seconds_bucket{ {{canary}} }[2m])))`
	p99Stable  = `histogram_quantile(0.99, sum by (le) (rate(d_seconds_bucket{ {{stable}} }[2m])))`
	fast       = `sum(rate(d_seconds_bucket{ {{canary}}, le="0.5" }[2m])) / (sum(rate(d_seconds_count{ {{canary}} }[2m])) > 0)`
	p99Millis  = `histogram_quantile(0.99, sum by (le) (rate(d_milliseconds_bucket{ {{canary}} }[2m])))`
	mean       = `sum(rate(d_seconds_sum{ {{canary}} }[2m])) / (sum(rate(d_seconds_count{ {{canary}} }[2m])) > 0)`
)

// doubtCases are amounts, each with the kind of the doubt about it and words of what
// is said; those that people mean have none.
func doubtCases() map[string]struct {
	m    v1alpha1.Metric
	kind string
	says string
} {
	type metric = v1alpha1.Metric
	expect := func(text string) metric { return metric{Expect: text} }
	within := func(query string, ends ...float64) metric { // min, max
		m := metric{Query: query}
		if len(ends) > 0 {
			m.Range.Min = &ends[0]
		}
		if len(ends) > 1 {
			m.Range.Max = &ends[1]
		}
		return m
	}
	atMost := func(query string, end float64) metric { return metric{Query: query, Range: v1alpha1.Range{Max: &end}} }
	list := func(l v1alpha1.List) metric { return metric{Query: "sum by (code) (up)", List: &l} }
	deviation := func(query string, d v1alpha1.Deviation) metric { return metric{Query: query, Deviation: &d} }
	slack := func(query, slack string) metric {
		return metric{Query: strings.ReplaceAll(query, "canary", "pods"), Compare: &v1alpha1.Comparison{Slack: slack}}
	}
	count := func(bad, good, total string) metric {
		return metric{Compare: &v1alpha1.Comparison{Count: &v1alpha1.Counted{Bad: bad, Good: good, Total: total}}}
	}
	listOf := func(matcher string) metric {
		return metric{Query: "sum by (code) (increase(r_total{ {{canary}}, " + matcher + " }[2m]))", List: &v1alpha1.List{Label: "code", Bad: []string{"5.."}}}
	}
	over := func(samples string, d time.Duration) metric {
		return metric{Query: "queue", Range: v1alpha1.Range{Max: new(float64)}, Samples: samples, Over: &v1alpha1.Over{Duration: metav1.Duration{Duration: d}}}
	}
	windowed := func(m metric, d time.Duration) metric {
		m.Window = lasting(d)
		return m
	}
	return map[string]struct {
		m    v1alpha1.Metric
		kind string
		says string
	}{
		"nearly all succeed":         {expect("success >= 99%"), "", ""},
		"half succeed":               {expect("success >= 0.5"), "", ""},
		"few need to succeed":        {expect("success >= 5%"), doubtLax, "lets 95% of the requests fail; it is the share that must succeed, such as 95%"},
		"one success is enough":      {expect("success > 0"), doubtLax, "all fail but one"},
		"a high quantile":            {expect("P99 < 310ms"), "", ""},
		"the median":                 {expect("P50 < 1ms"), "", ""},
		"a low quantile":             {expect("P10 < 310ms"), doubtLax, "lets 90% of the requests take any time"},
		"seconds for milliseconds":   {expect("P99 < 310s"), doubtUnits, "lets requests take 5m10s"},
		"milliseconds for seconds":   {expect("P99 < 0.3ms"), doubtUnits, "less than 300µs"},
		"a window of two scrapes":    {windowed(expect("P99 < 310ms"), 30*time.Second), "ShortWindow", "make it 1m or longer"},
		"a window beyond the period": {windowed(expect("P99 < 310ms"), time.Hour), doubtTime, "1h is longer than period (15m)"},
		"a window of the period":     {windowed(expect("P99 < 310ms"), 15*time.Minute), "", ""},

		"a share of failures":                  {within(failures, 0, 0.05), "", ""},
		"with max alone":                       {atMost(failures, 0.05), "", ""},
		"in percent, as a share":               {within(failures, 0, 5), doubtEvery, "every canary keeps [0, 5], however bad it is: the value is a share, from 0 to 1; 5% is max 0.05"},
		"all of it":                            {atMost(failures, 1), doubtEvery, "every canary keeps [-Inf, 1]"},
		"without an upper end":                 {within(failures, 0), doubtEvery, "every canary keeps [0, +Inf]"},
		"the wrong end":                        {within(failures, 0.01), doubtWrongEnd, "no upper end"},
		"nearly all may fail":                  {within(failures, 0, 0.95), doubtLax, "0.95 lets so many requests fail"},
		"a share of successes":                 {within(successful, 0.95), "", ""},
		"to the top":                           {within(successful, 0.95, 1), "", ""},
		"a percentage of a share of successes": {within(successful, 95), doubtNone, "no canary keeps [95, +Inf], however good it is: the value is a share, from 0 to 1; 95% is min 0.95"},
		"a share, and percent at its end":      {within(successful, 0.95, 100), doubtUnits, "max 100 is more than all"},
		"successes without a lower end":        {atMost(successful, 0.95), doubtWrongEnd, "no lower end"},
		"few of them":                          {within(successful, 0.05), doubtLax, "0.05 lets all others fail"},
		"what is left of failures":             {within("1 - "+failures, 0.95), "", ""},
		"what is left, without a lower end":    {atMost("1 - "+failures, 0.95), doubtWrongEnd, "no lower end"},
		"percent":                              {within("100 * "+failures, 0, 5), "", ""},
		"percent by division":                  {within(failures+" / 0.01", 0, 0.05), doubtUnits, "max 0.05 is 0.05%, because the query gives percent; for 5% write 5"},
		"percent, and a share":                 {within("100 * ("+failures+")", 0, 0.05), doubtUnits, "for 5% write 5"},
		"percent of successes, and a share":    {within("100 * ("+successful+")", 0.95), doubtUnits, "min 0.95 is 0.95%"},
		"all percents":                         {within("100 * ("+failures+")", 0, 100), doubtEvery, "in percent, from 0 to 100"},
		"more percents than there are":         {within("100 * ("+successful+")", 950), doubtNone, "min 100 is all"},
		"a share by its names":                 {within(byName, 0, 5), doubtUnits, "max 5 is more than all"},
		"a good one by its names":              {within(byName, 0, 0.05), "", ""},
		"errors among the good ones":           {within(strings.Replace(successful, "[1-4]", "[1-5]", 1), 0.95), doubtStatus, "takes requests that failed"},
		"what lacks the label counts as good":  {within(notFailed, 0.95), doubtNoLabel, `code!~"5.." selects series without a label code too`},
		"with a 0 for what is missing":         {within(strings.Replace(failures, " / ", " or 0 * sum(rate(r_total{ {{canary}} }[2m])) / ", 1), 0, 5), "", ""}, // divides the 0 alone
		"the 0 in parentheses":                 {within("("+strings.Replace(failures, " / ", " or 0 * sum(rate(r_total{ {{canary}} }[2m]))) / ", 1), 0, 5), doubtEvery, "every canary"},
		"another window":                       {within(strings.Replace(failures, "[2m]", "[5m]", 1), 0, 5), doubtUnits, "max 5 is more than all"},
		"the canary to stable":                 {within(`sum(rate(r_total{ {{canary}} }[2m])) / sum(rate(r_total{ {{stable}} }[2m]))`, 0, 5), "", ""},
		"bytes to requests":                    {within(`sum(rate(sent_bytes_total{ {{canary}} }[2m])) / sum(rate(r_total{ {{canary}} }[2m]))`, 0, 5000), "", ""},
		"a rate":                               {within(`sum(rate(r_total{ {{canary}} }[2m]))`, 0), doubtEvery, "the value is never negative"},
		"a rate with an end":                   {within(`sum(rate(r_total{ {{canary}} }[2m]))`, 0, 10), "", ""},
		"a count":                              {within(`count(up{ {{canary}} })`, 1), doubtEvery, "never less than 1"},
		"how many there are":                   {within(`count(up{ {{canary}} })`, 3), "", ""},
		"up":                                   {within(`min(up{ {{canary}} })`, 1, 1), "", ""},
		"up or not":                            {within(`min(up{ {{canary}} })`, 0, 1), doubtEvery, "from 0 to 1"},
		"bool":                                 {within(`sum(queue{ {{canary}} }) > bool 5`, 0, 1), doubtEvery, "from 0 to 1"},
		"a gauge":                              {within(`max(queue{ {{canary}} })`, 0), "", ""},
		"a difference":                         {within(`sum(rate(r_total{ {{canary}} }[2m])) - sum(rate(r_total{ {{stable}} }[2m]))`, 0), "", ""},

		"seconds":                       {within(p99, 0, 0.3), "", ""},
		"milliseconds of seconds":       {within(p99, 0, 300), doubtUnits, "max 300 is 300 seconds, by the name of the metric; 300 milliseconds are 0.3"},
		"converted":                     {within("1000 * "+p99, 0, 300), "", ""},
		"seconds of milliseconds":       {within(p99Millis, 0, 0.3), doubtUnits, "max 0.3 is 0.3 milliseconds, by the name of the metric; 0.3 seconds are 300"},
		"milliseconds":                  {within(p99Millis, 0, 300), "", ""},
		"a mean in seconds":             {within(mean, 0, 300), doubtUnits, "300 seconds"},
		"a duration without an end":     {within(p99, 0), doubtEvery, "the value is seconds"},
		"a duration with the wrong end": {within(p99, 0.1), doubtWrongEnd, "no upper end"},

		"what is left of those without":   {atMost("1 - "+notFailed, 0.05), doubtNoLabel, "without a label code too"},
		"failures by what they are not":   {atMost(strings.Replace(notFailed, `!~"5.."`, `!="200"`, 1), 0.05), "", ""},
		"another label that excludes":     {within(strings.Replace(notFailed, `code!~"5.."`, `outcome!="server_error"`, 1), 0.95), doubtNoLabel, `outcome!="server_error" selects series without a label outcome too`},
		"an empty label":                  {within(strings.Replace(notFailed, `code!~"5.."`, `error=""`, 1), 0.95), doubtNoLabel, "or what is bad is written otherwise; write what is good"},
		"a quoted name, and label":        {within(`sum(rate({"http.requests", {{canary}}, "http.status_code"!~"5.."}[2m])) / (sum(rate({"http.requests", {{canary}} }[2m])) > 0)`, 0.95), doubtNoLabel, "without a label http.status_code too"},
		"an excluded path, and a status":  {within(strings.Replace(notFailed, `code!~"5.."`, `path!="/health",code=~"2.."`, 1), 0.95), "", ""},
		"a share of fast ones":            {within(fast, 0.95), "", ""},
		"fast ones in percent":            {within(fast, 95), doubtNone, "95% is min 0.95"},
		"fast ones, and the wrong end":    {atMost(fast, 0.95), doubtWrongEnd, "no lower end"},
		"slow ones":                       {atMost("1 - "+fast, 0.05), "", ""},
		"a native share of fast ones":     {within(`histogram_fraction(0, 0.5, sum(rate(d_seconds{ {{canary}} }[2m])))`, 0.95), "", ""},
		"a native one in percent":         {within(`histogram_fraction(0, 0.5, sum(rate(d_seconds{ {{canary}} }[2m])))`, 95), doubtNone, "95% is min 0.95"},
		"a native one, and the wrong end": {atMost(`histogram_fraction(0, 0.5, sum(rate(d_seconds{ {{canary}} }[2m])))`, 0.95), doubtWrongEnd, "no lower end"},
		"a native share of slow ones":     {atMost(`histogram_fraction(0.5, +Inf, sum(rate(d_seconds{ {{canary}} }[2m])))`, 0.05), "", ""},
		"a quantile of 99":                {atMost(strings.Replace(p99, "0.99", "99", 1), 0.3), doubtNone, "a quantile is from 0 to 1"},
		"a recorded ratio in percent":     {atMost(`max(pod:http_errors:ratio_rate5m{ {{canary}} })`, 5), doubtUnits, "5% is max 0.05"},
		"a recorded ratio":                {atMost(`max(pod:http_errors:ratio_rate5m{ {{canary}} })`, 0.05), "", ""},
		"a recorded rate":                 {atMost(`max(pod:http_errors:rate5m{ {{canary}} })`, 5), "", ""},
		"a recorded quantile":             {atMost(`max(pod:http_latency_seconds:p99_5m{ {{canary}} })`, 300), doubtUnits, "300 seconds"},
		"a summary's quantile":            {atMost(`max(rpc_duration_seconds{ {{canary}}, quantile="0.99" })`, 500), doubtUnits, "500 seconds"},
		"a summary's quantile in seconds": {atMost(`max(rpc_duration_seconds{ {{canary}}, quantile="0.99" })`, 0.5), "", ""},
		"the longest request":             {atMost(`max(http_server_requests_seconds_max{ {{canary}} })`, 500), doubtUnits, "500 seconds"},
		"the age of something":            {atMost(`max(cache_age_seconds{ {{canary}} })`, 3600), "", ""},

		"times of stable, upwards":         {deviation(p99+" / "+p99Stable, v1alpha1.Deviation{From: "One", By: "20%", Direction: "Up"}), "", ""},
		"times of stable, downwards":       {deviation(p99+" / "+p99Stable, v1alpha1.Deviation{From: "One", By: "20%", Direction: "Down"}), doubtWrongEnd, "Down fails the canaries that are better"},
		"successes, compared":              {v1alpha1.Metric{Query: strings.ReplaceAll(successful, "canary", "pods"), Compare: &v1alpha1.Comparison{Worse: "Lower"}}, "", ""},
		"successes, the wrong way":         {v1alpha1.Metric{Query: strings.ReplaceAll(successful, "canary", "pods"), Compare: &v1alpha1.Comparison{}}, doubtWrongEnd, "write worse: Lower"},
		"durations, the wrong way":         {v1alpha1.Metric{Query: strings.ReplaceAll(p99, "canary", "pods"), Compare: &v1alpha1.Comparison{Worse: "Lower"}}, doubtWrongEnd, "write worse: Higher"},
		"counted by what is not bad":       {count("", `r_total{ {{pods}}, code!~"5.." }`, `r_total{ {{pods}} }`), doubtNoLabel, "compare.count.good: "},
		"counted by what is good":          {count("", `r_total{ {{pods}}, code=~"2.." }`, `r_total{ {{pods}} }`), "", ""},
		"counted by what is not good":      {count(`r_total{ {{pods}}, code!="200" }`, "", `r_total{ {{pods}} }`), "", ""},
		"fast ones counted as bad":         {count(`d_seconds_bucket{ {{pods}}, le="0.5" }`, "", `d_seconds_count{ {{pods}} }`), doubtWrongEnd, "compare.count.bad: a bucket"},
		"fast ones counted as good":        {count("", `d_seconds_bucket{ {{pods}}, le="0.5" }`, `d_seconds_count{ {{pods}} }`), "", ""},
		"a list of bad ones alone":         {listOf(`code=~"5.."`), doubtListEntry, "selects no good values"},
		"a list of all but bad ones":       {listOf(`code!~"5.."`), doubtListEntry, "selects no bad values"},
		"a list of good ones by name":      {listOf(`code=~"200|201"`), doubtListEntry, "selects no bad values"},
		"a list without what is not found": {listOf(`code!="404"`), "", ""},
		"a list of what has the label":     {listOf(`code!=""`), "", ""},

		"a tolerance":              {list(v1alpha1.List{Label: "code", Bad: []string{"5.."}, Tolerance: "5%"}), "", ""},
		"a tolerance of most":      {list(v1alpha1.List{Label: "code", Bad: []string{"5.."}, Tolerance: "95%"}), doubtLax, "95% lets so many be bad"},
		"classes as people write":  {list(v1alpha1.List{Label: "code", Bad: []string{"5.."}, Good: []string{"[23]..", "4xx"}}), doubtListEntry, `list.good[1]: "4xx" is a regular expression for the whole value and does not match 403; 4.. does`},
		"a digit":                  {list(v1alpha1.List{Label: "http_status", Bad: []string{"5"}}), doubtListEntry, "5.. does"},
		"from one to another":      {list(v1alpha1.List{Label: "http_status", Bad: []string{"500-599"}}), doubtListEntry, "matches no status that there is"},
		"a slash around it":        {list(v1alpha1.List{Label: "http_status", Bad: []string{"/5../"}}), doubtListEntry, "matches no status"},
		"a digit too many":         {list(v1alpha1.List{Label: "http_status", Bad: []string{"5..."}}), doubtListEntry, "matches no status"},
		"a wildcard":               {list(v1alpha1.List{Label: "http_status", Bad: []string{"5*"}}), doubtListEntry, "5.. does"},
		"the same of another kind": {list(v1alpha1.List{Label: "shard", Bad: []string{"5"}}), "", ""},
		"every status is good":     {list(v1alpha1.List{Label: "code", Good: []string{"[1-5].."}}), doubtEvery, `list.good[0]: with it every value is good, so no canary fails, however bad it is; write what is good, such as "[1-4].."`},
		"every number is good":     {list(v1alpha1.List{Label: "code", Good: []string{"200", "[0-9]+"}}), doubtEvery, "list.good[1]: "},
		"everything is good":       {list(v1alpha1.List{Label: "code", Good: []string{".*"}}), doubtEvery, "list.good[0]: "},
		"any word is good":         {list(v1alpha1.List{Label: "outcome", Good: []string{".+"}}), doubtEvery, "however bad it is; write what is good"},
		"all of all classes":       {list(v1alpha1.List{Label: "code", Good: []string{"[1-4]..", "5.."}}), doubtEvery, "list.good[1]: "},
		"all but bad ones is good": {list(v1alpha1.List{Label: "code", Bad: []string{"5.."}, Good: []string{".*"}}), "", ""},
		"good ones are named":      {list(v1alpha1.List{Label: "code", Good: []string{"2..", "3..", "404"}}), "", ""},
		"a word is good":           {list(v1alpha1.List{Label: "outcome", Good: []string{"SUCCESS", "REDIRECTION"}}), "", ""},
		"an exit code is good":     {list(v1alpha1.List{Label: "exit_code", Good: []string{"0"}}), "", ""},
		"other exit codes are bad": {list(v1alpha1.List{Label: "exit_code", Bad: []string{"1", "137"}}), "", ""},
		"numbers of gRPC are bad":  {list(v1alpha1.List{Label: "grpc_status_code", Bad: []string{"2", "4", "14"}}), "", ""},
		"no failure but a gateway": {list(v1alpha1.List{Label: "code", Bad: []string{"502", "503", "504"}}), doubtStatus, "list.bad: no request is a bad one that failed with 500, and no other metric takes it for one; write \"5..\""},
		"clients' faults as bad":   {list(v1alpha1.List{Label: "code", Bad: []string{"4.."}}), doubtStatus, "list.bad: "},
		"an error that is good":    {list(v1alpha1.List{Label: "code", Good: []string{"[1-4]..", "500"}}), doubtStatus, "list.good: "},
		"many faults":              {list(v1alpha1.List{Label: "code", Bad: []string{"429", "50."}}), "", ""},
		"samples":                  {over("90%", time.Minute), "", ""},
		"few samples":              {over("10%", time.Minute), doubtLax, "10% lets 90% of the samples be bad"},
		"over more than there is":  {over("90%", time.Hour), doubtTime, "over.duration: is longer than period (15m)"},

		"a deviation in percent":           {deviation("queue", v1alpha1.Deviation{From: "One", By: "10%"}), "", ""},
		"a deviation in number":            {deviation("queue", v1alpha1.Deviation{From: "One", By: "0.1"}), "", ""},
		"a share that is to be one":        {deviation(failures, v1alpha1.Deviation{From: "One", By: "5%", Direction: "Up"}), doubtEvery, "none of it is more than 1"},
		"stable by the canary":             {deviation(p99Stable+" / ("+p99+" > 0)", v1alpha1.Deviation{From: "One", By: "20%", Direction: "Up"}), doubtWrongEnd, "Up fails the canaries that are better"},
		"percent without its sign":         {deviation("queue", v1alpha1.Deviation{From: "One", By: "10"}), doubtUnits, `from -9 to 11; a share is written with a percent sign, as in "10%"`},
		"a number of a queue":              {deviation("queue", v1alpha1.Deviation{From: "First", By: "100"}), "", ""},
		"a number that no share differs":   {deviation(failures, v1alpha1.Deviation{From: "First", By: "10"}), doubtEvery, "10 is more than the values can differ by (a share, from 0 to 1)"},
		"a number that few durations do":   {deviation(p99, v1alpha1.Deviation{From: "Previous", By: "100"}), doubtEvery, "more than the values can differ by (seconds"},
		"down by all of it":                {deviation("queue", v1alpha1.Deviation{From: "First", By: "100%", Direction: "Down"}), doubtEvery, "100% down from what it is compared with is 0 or less"},
		"up to the double":                 {deviation("queue", v1alpha1.Deviation{From: "First", By: "100%", Direction: "Up"}), "", ""},
		"slack":                            {slack(p99, "0.005"), "", ""},
		"slack in percent without a sign":  {slack(failures, "20"), doubtEvery, "compare.slack: 20 is more than the values can differ by"},
		"slack of what nothing is said of": {slack("sum(queue{ {{canary}} })", "20"), "", ""},
	}
}

func TestDoubts(t *testing.T) {
	told := map[string]bool{}
	for name, tc := range doubtCases() {
		t.Run(name, func(t *testing.T) {
			got := doubts(tc.m, given)
			if tc.kind == "" && len(got) > 0 {
				t.Fatalf("got %+v, want none", got)
			}
			if tc.kind == "" {
				return
			}
			told[tc.kind] = true
			if len(got) != 1 || got[0].kind != tc.kind || !strings.Contains(got[0].field+": "+got[0].message, tc.says) {
				t.Errorf("got %+v, want %s: %s", got, tc.kind, tc.says)
			}
		})
	}
	for _, kind := range doubtKinds {
		if !told[kind] && kind != doubtFewRounds && kind != doubtAside { // of which other tests tell
			t.Errorf("no case shows %s", kind)
		}
	}
}

func TestDoubtsOfAPlanNameTheirFields(t *testing.T) {
	spec := v1alpha1.CanaryPlanSpec{
		Analysis: v1alpha1.Analysis{
			Interval: lasting(time.Minute), Period: lasting(10 * time.Minute),
			Metrics: []v1alpha1.Metric{{Name: "one", Expect: "success >= 5%"}, {Name: "two", Expect: "P99 < 1s", FailureLimit: new(int32)}},
		},
		Steps: []v1alpha1.Step{{Period: lasting(4 * time.Minute), Metrics: []v1alpha1.Metric{{Name: "three", Expect: "P99 < 310s"}}}, {}},
	}
	spec.SetDefaults()
	*spec.Analysis.FailureLimit = 15 // of 14 minutes
	want := []string{"metric one, expect: ", "metric three, expect: ", "analysis.failureLimit: 15 failures in a row are borne, and there are 15 measurements in all"}
	got := OfPlan(&spec, 15*time.Second)
	if len(got) != len(want) || !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("got %q, want %q", got, want)
	}
	for limit, want := range map[int32]string{14: "a canary that is bad until the last of them passes", 12: "a canary that is bad until the last 3 of them passes", 11: "", 2: ""} {
		*spec.Analysis.FailureLimit = limit
		if got := OfPlan(&spec, 0); want == "" && len(got) != 2 || want != "" && (len(got) != 3 || !strings.Contains(got[2], want)) {
			t.Errorf("failureLimit %d: got %q", limit, got)
		}
	}
	*spec.Analysis.FailureLimit = 11
	*spec.Analysis.Metrics[1].FailureLimit = 20
	if got := OfPlan(&spec, 0); len(got) != 3 || !strings.HasPrefix(got[2], "metric two, failureLimit: 20 failures") {
		t.Errorf("got %q", got)
	}
}

func TestACanaryIsNotHeldAgainstItselfAlone(t *testing.T) {
	first := v1alpha1.Metric{Name: "first", Query: failures, Deviation: &v1alpha1.Deviation{From: v1alpha1.FromFirst, By: "0.05", Direction: v1alpha1.DirectionUp}}
	slow := v1alpha1.Metric{Name: "slow", Expect: "P99 < 1s"}
	for name, tc := range map[string]struct {
		metrics []v1alpha1.Metric
		told    bool
	}{
		"alone":              {[]v1alpha1.Metric{first}, true},
		"beside a range":     {[]v1alpha1.Metric{first, slow}, false},
		"no metric that is.": {nil, false},
	} {
		spec := v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{Metrics: tc.metrics}}
		spec.SetDefaults()
		told := slices.ContainsFunc(OfPlan(&spec, 15*time.Second), func(s string) bool {
			return strings.HasPrefix(s, "metric first, deviation.from: First holds the canary against itself")
		})
		if told != tc.told {
			t.Errorf("%s: told %v", name, told)
		}
	}
}

// Divisions within each other, each in what may stand for another, take time by
// their number; by the power of it, this would take for ever.
func TestDeepQueriesAreLookedAtInTime(t *testing.T) {
	query := "sum(x)"
	for range 90 {
		query = "(sum(x) or 0 * " + query + ") / sum(x)"
	}
	end := 1.0
	began := time.Now()
	doubts(v1alpha1.Metric{Query: query, Range: v1alpha1.Range{Max: &end}}, given)
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("took %s", took)
	}
}

// Whatever a query is, what values it can have is said without a panic, and makes
// sense.
func FuzzPossible(f *testing.F) {
	for _, tc := range doubtCases() {
		f.Add(tc.m.Query)
	}
	for _, seed := range []string{"pi()", "time()", "vector(1)", "-Inf * up", "scalar(up)", "0 * Inf", "1 / 0", "avg_over_time(up[5m])", "info(up)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		expr, ok := sampleOf(v1alpha1.Metric{Query: text})
		if !ok {
			return
		}
		if p := possibleOf(expr); p.low > p.high {
			t.Errorf("%s: from %g to %g", text, p.low, p.high)
		}
		end := 1.0
		doubts(v1alpha1.Metric{Query: text, Range: v1alpha1.Range{Max: &end}}, given)
	})
}
