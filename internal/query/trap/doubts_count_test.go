package trap

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// What is compared by counting has fields of its own for the same mistakes.
func TestDoubtsOfCounters(t *testing.T) {
	type counted = v1alpha1.Counted
	r := func(matchers string) string { return `r_total{ {{pods}}, ` + matchers + ` }` }
	const all, durations = `r_total{ {{pods}} }`, `d_seconds_count{ {{pods}} }`
	for name, tc := range map[string]struct {
		c    counted
		kind string
		says string
	}{
		"good ones are all":             {counted{Good: all, Total: all}, doubtEvery, "compare.count.good: counts all that total counts"},
		"bad ones are all":              {counted{Bad: all, Total: all}, doubtEvery, "compare.count.bad: counts all that total counts"},
		"good ones of any status":       {counted{Good: r(`code=~".+"`), Total: all}, doubtEvery, "counts all that total counts"},
		"bad ones that have a status":   {counted{Bad: r(`code!=""`), Total: all}, doubtEvery, "counts all that total counts"},
		"the last bucket":               {counted{Good: `d_seconds_bucket{ {{pods}}, le="+Inf" }`, Total: durations}, doubtEvery, "compare.count.good: counts all"},
		"all in the last bucket":        {counted{Good: durations, Total: `d_seconds_bucket{ {{pods}}, le="+Inf" }`}, doubtEvery, "compare.count.good: counts all"},
		"one of the last":               {counted{Good: `d_seconds_bucket{ {{pods}}, le="0.5" }`, Total: `d_seconds_bucket{ {{pods}}, le="+Inf" }`}, "", ""},
		"all buckets":                   {counted{Good: `d_seconds_bucket{ {{pods}} }`, Total: durations}, trapBuckets, "compare.count.good: d_seconds_bucket is added up over several buckets"},
		"several buckets":               {counted{Good: `d_seconds_bucket{ {{pods}}, le=~"0.5|1" }`, Total: durations}, trapBuckets, "several buckets"},
		"one bucket, written twice":     {counted{Good: `d_seconds_bucket{ {{pods}}, le=~"1|1.0" }`, Total: durations}, "", ""},
		"all of all buckets":            {counted{Bad: r(`code=~"5.."`), Total: `d_seconds_bucket{ {{pods}} }`}, trapBuckets, "compare.count.total: "},
		"how long they took":            {counted{Good: `d_seconds_sum{ {{pods}} }`, Total: durations}, trapBuckets, "count d_seconds_count"},
		"good ones that failed":         {counted{Good: r(`code=~"5.."`), Total: all}, doubtWrongEnd, "write it as bad"},
		"good ones that failed, a name": {counted{Good: `http_errors_total{ {{pods}} }`, Total: `http_requests_total{ {{pods}} }`}, doubtWrongEnd, "write it as bad"},
		"bad ones that succeeded":       {counted{Bad: r(`code=~"2.."`), Total: all}, doubtWrongEnd, "write it as good"},
		"bad ones that did not fail":    {counted{Bad: r(`code!~"5.."`), Total: all}, doubtWrongEnd, "write it as good"},
		"all for a part":                {counted{Bad: all, Total: r(`code=~"5.."`)}, doubtWrongEnd, "compare.count.bad: counts more than total"},
		"all for a part, by names":      {counted{Bad: `http_requests_total{ {{pods}} }`, Total: `http_errors_total{ {{pods}} }`}, doubtWrongEnd, "counts more than total"},
		"all for a bucket":              {counted{Bad: durations, Total: `d_seconds_bucket{ {{pods}}, le="0.5" }`}, doubtWrongEnd, "counts more than total"},
		"fast ones as bad, of the last": {counted{Bad: `d_seconds_bucket{ {{pods}}, le="0.5" }`, Total: `d_seconds_bucket{ {{pods}}, le="+Inf" }`}, doubtWrongEnd, "a bucket counts"},
		"errors among the good":         {counted{Good: r(`code=~"2..|5.."`), Total: all}, doubtStatus, "compare.count.good: "},
		"no clients' faults as good":    {counted{Good: r(`code!~"4.."`), Total: all}, doubtStatus, "takes requests that failed"},
		"clients' faults as bad":        {counted{Bad: r(`code=~"4.."`), Total: all}, doubtStatus, "takes no request for a bad one"},
		"a gateway's failures as bad":   {counted{Bad: r(`code=~"502|503"`), Total: all}, doubtStatus, "such as one with 500"},
		"a class as a text":             {counted{Bad: r(`code="5xx"`), Total: all}, doubtStatus, `compare.count.bad: code="5xx" is of the very text "5xx"`},
		"a pattern as a text":           {counted{Bad: r(`code="5.*"`), Total: all}, doubtStatus, `write code=~"5.*"`},
		"a label of classes":            {counted{Bad: r(`status_class="5xx"`), Total: all}, "", ""},
		"all without failures":          {counted{Good: r(`code=~"2.."`), Total: r(`code!~"5.."`)}, doubtStatus, "compare.count.total: "},
		"failures":                      {counted{Bad: r(`code=~"5.."`), Total: all}, "", ""},
		"failures of what counts":       {counted{Bad: r(`code=~"5.."`), Total: r(`code!~"4.."`)}, "", ""},
		"failures by their name":        {counted{Bad: `http_errors_total{ {{pods}} }`, Total: `http_requests_total{ {{pods}} }`}, "", ""},
		"successes":                     {counted{Good: r(`code=~"[23].."`), Total: all}, "", ""},
		"successes by their name":       {counted{Good: `http_success_total{ {{pods}} }`, Total: `http_requests_total{ {{pods}} }`}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := doubts(v1alpha1.Metric{Compare: &v1alpha1.Comparison{Count: &tc.c}}, given)
			if tc.kind == "" && len(got) > 0 || tc.kind != "" && (len(got) != 1 || got[0].kind != tc.kind || !strings.Contains(got[0].field+": "+got[0].message, tc.says)) {
				t.Errorf("got %+v, want %s: %s", got, tc.kind, tc.says)
			}
		})
	}
}

// How much worse a canary may be has an end where nothing is ever worse.
func TestDoubtsOfHowMuchWorse(t *testing.T) {
	bursts := func(n int32, total ...int64) v1alpha1.Comparison {
		c := v1alpha1.Comparison{Burst: &n}
		if len(total) > 0 {
			c.Minimum.Total = &total[0]
		}
		return c
	}
	for name, tc := range map[string]struct {
		c    v1alpha1.Comparison
		says string
	}{
		"nothing said":             {v1alpha1.Comparison{}, ""},
		"a slack of a thousandth":  {v1alpha1.Comparison{Slack: "0.1%"}, ""},
		"a slack of a tenth":       {v1alpha1.Comparison{Slack: "10%"}, ""},
		"a slack of most":          {v1alpha1.Comparison{Slack: "90%"}, "compare.slack: 90% lets so many of all go wrong"},
		"a slack of half":          {v1alpha1.Comparison{Slack: "50%"}, "compare.slack: 50%"},
		"a few tries":              {bursts(10), ""},
		"many failures of a cause": {bursts(100000), "compare.burst: 100000 failures may have one cause, and 500 requests"},
		"as many as are counted":   {bursts(1000, 1000), "and 1000 requests"},
		"of many that are counted": {bursts(1000, 100000), ""},
		"of none that are counted": {bursts(600, 0), "and 500 requests"},
		"twice as bad":             {v1alpha1.Comparison{Tolerance: "100%"}, ""},
		"eleven times as bad":      {v1alpha1.Comparison{Tolerance: "1000%"}, "compare.tolerance: 1000% lets the canary be 11 times as bad"},
	} {
		tc.c.Count = &v1alpha1.Counted{Bad: `r_total{ {{pods}}, code=~"5.." }`, Total: `r_total{ {{pods}} }`}
		got := doubts(v1alpha1.Metric{Compare: &tc.c}, given)
		if tc.says == "" && len(got) > 0 || tc.says != "" && (len(got) != 1 || got[0].kind != doubtLax || !strings.Contains(got[0].field+": "+got[0].message, tc.says)) {
			t.Errorf("%s: got %+v, want %s", name, got, tc.says)
		}
	}
	share := strings.ReplaceAll(some(`code=~"5.."`)+" / "+guarded, "canary", "pods")
	for name, tc := range map[string]struct {
		m    v1alpha1.Metric
		says string
	}{
		"a slack of a share":        {v1alpha1.Metric{Query: share, Compare: &v1alpha1.Comparison{Slack: "0.01"}}, ""},
		"a slack of most of it":     {v1alpha1.Metric{Query: share, Compare: &v1alpha1.Comparison{Slack: "0.9"}}, "compare.slack: 0.9 lets the canary be worse by half of all"},
		"a slack of most percent":   {v1alpha1.Metric{Query: "100 * " + share, Compare: &v1alpha1.Comparison{Slack: "90"}}, "compare.slack: 90"},
		"a tolerance of values":     {v1alpha1.Metric{Query: share, Compare: &v1alpha1.Comparison{Tolerance: "600%"}}, "compare.tolerance"},
		"a deviation of most of it": {v1alpha1.Metric{Query: failures, Deviation: &v1alpha1.Deviation{From: "First", By: "0.9"}}, "deviation.by: 0.9"},
		"a deviation of some of it": {v1alpha1.Metric{Query: failures, Deviation: &v1alpha1.Deviation{From: "First", By: "0.1"}}, ""},
	} {
		got := doubts(tc.m, given)
		if tc.says == "" && len(got) > 0 || tc.says != "" && (len(got) != 1 || got[0].kind != doubtLax || !strings.Contains(got[0].field+": "+got[0].message, tc.says)) {
			t.Errorf("%s: got %+v, want %s", name, got, tc.says)
		}
	}
}
