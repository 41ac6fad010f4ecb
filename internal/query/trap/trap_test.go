package trap

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

var given = Given{Scrape: 15 * time.Second, Interval: 30 * time.Second, Period: 15 * time.Minute}

func TestTraps(t *testing.T) {
	for name, tc := range map[string]struct {
		query string
		want  []string // <name>@<what stands there>
	}{
		"a good one":                       {`sum(rate(errors_total{ {{canary}} }[1m])) / (sum(rate(requests_total{ {{canary}} }[1m])) > 0)`, nil},
		"a good quantile":                  {`histogram_quantile(0.99, sum by (le) (rate(latency_bucket{ {{canary}} }[5m])))`, nil},
		"a good gauge":                     {`max(memory_bytes{ {{canary}} })`, nil},
		"a good comparison with stable":    {`sum(rate(e_total{ {{canary}} }[1m])) - sum(rate(e_total{ {{stable}} }[1m]))`, nil},
		"no canary":                        {`sum(rate(errors_total{namespace="{{namespace}}"}[1m]))`, []string{"NoCanary@sum"}},
		"pods by the Deployment's name":    {`sum(rate(e_total{ {{canary}} }[1m])) - sum(rate(e_total{pod=~"{{deployment}}-.+"}[1m]))`, []string{"OthersPods@e_total{pod"}},
		"jobs by the Deployment's name":    {`sum(rate(e_total{ {{canary}}, job=~"{{deployment}}.*" }[1m]))`, nil},
		"a constant has none either":       {`1`, []string{"NoCanary@1"}},
		"or vector":                        {`sum(rate(e_total{ {{canary}} }[1m])) or vector(0)`, []string{"MissingHidden@vector(0)"}},
		"or on vector, in parentheses":     {`(sum(rate(e_total{ {{canary}} }[1m])) or on() (vector(0)))`, []string{"MissingHidden@(vector(0))"}},
		"a function behind a flag":         {`sum(mad_over_time(queue{ {{canary}} }[5m]))`, []string{"FeatureFlag@mad_over_time"}},
		"an aggregation behind a flag":     {`sum(limitk(1, queue{ {{canary}} }))`, []string{"FeatureFlag@limitk"}},
		"a range selector behind a flag":   {`sum(increase(e_total{ {{canary}} }[5m] anchored))`, []string{"FeatureFlag@e_total"}},
		"a fill modifier":                  {`sum(queue{ {{canary}} }) + on() fill(0) sum(waiting{ {{canary}} })`, []string{"MissingHidden@sum(waiting", "FeatureFlag@sum(queue"}},
		"absent":                           {`absent(up{ {{canary}} })`, []string{"Absent@absent"}},
		"absent over time":                 {`absent_over_time(up{ {{canary}} }[5m])`, []string{"Absent@absent_over"}},
		"a filter":                         {`sum(rate(e_total{ {{canary}} }[1m])) > 5`, []string{"Filter@sum"}},
		"a filter within":                  {`count(up{ {{canary}} } == 0)`, []string{"Filter@up"}},
		"bool is no filter":                {`sum(rate(e_total{ {{canary}} }[1m])) > bool 5`, nil},
		"a guard is no trap":               {`sum(a{ {{canary}} }) and on() sum(rate(r_total{ {{canary}} }[1m])) > 0`, nil},
		"a share of no requests":           {`sum(rate(e_total{ {{canary}} }[1m])) / sum(rate(r_total{ {{canary}} }[1m]))`, []string{"NaN@sum(rate(r"}},
		"a share with a guard behind":      {`sum(rate(e_total{ {{canary}} }[1m])) / sum(rate(r_total{ {{canary}} }[1m])) and on() sum(rate(r_total{ {{canary}} }[1m])) > 0`, nil},
		"a division by what is never zero": {`sum(memory{ {{canary}} }) / sum(limit{ {{canary}} })`, nil},
		"no aggregation":                   {`up{ {{canary}} }`, []string{"Series@up"}},
		"by a label":                       {`sum by (code) (up{ {{canary}} })`, []string{"Series@sum"}},
		"a quantile by a label":            {`histogram_quantile(0.9, sum by (le, code) (rate(l_bucket{ {{canary}} }[5m])))`, []string{"Series@histogram"}},
		"a sum over a window":              {`avg_over_time(sum(up{ {{canary}} })[5m:])`, nil},
		"one side alone is enough":         {`sum(up{ {{canary}} }) / on() up{ {{canary}} }`, nil},
		"many to one":                      {`sum(x{ {{canary}} }) * on() group_right() up{ {{canary}} }`, []string{"Series@sum"}},
		"topk 1":                           {`topk(1, up{ {{canary}} })`, nil},
		"topk 3":                           {`topk(3, up{ {{canary}} })`, []string{"Series@topk"}},
		"a short window":                   {`sum(rate(e_total{ {{canary}} }[30s]))`, []string{"ShortWindow@e_total"}},
		"a short window by the interval":   {`sum(rate(e_total{ {{canary}} }[{{interval}}]))`, []string{"ShortWindow@e_total"}},
		"a short window of a gauge":        {`avg(avg_over_time(e{ {{canary}} }[30s]))`, nil},
		"a window that is cut":             {`sum(rate(e_total{ {{canary}} }[1h]))`, nil},
		"one that cannot be cut":           {`max_over_time(sum(rate(e_total{ {{canary}} }[1m]))[30m:])`, []string{"LongWindow@e_total"}},
		"an amount":                        {`sum(increase(e_total{ {{canary}} }[1h]))`, []string{"LongWindow@e_total"}},
		"a share of amounts":               {`sum(increase(e_total{ {{canary}} }[1h])) / (sum(increase(r_total{ {{canary}} }[1h])) > 0)`, nil},
		"the past of the canary":           {`sum(x{ {{canary}} } offset 1h)`, []string{"LongWindow@x{"}},
		"the past of stable":               {`sum(x{ {{canary}} }) - sum(x{ {{stable}} } offset 1h)`, nil},
		"rate of a gauge":                  {`sum(rate(memory_bytes{ {{canary}} }[5m]))`, []string{"RateOfGauge@memory_bytes"}},
		"rate of a count":                  {`sum(rate(latency_seconds_count{ {{canary}} }[5m]))`, nil},
		"a raw counter":                    {`sum(e_total{ {{canary}} })`, []string{"RawCounter@e_total"}},
		"how many there are of a counter":  {`count(e_total{ {{canary}} })`, nil},
		"which counters are new":           {`sum(((e_total{ {{canary}} }) unless (e_total{ {{canary}} } offset 2m)) and on (job, instance) (r_total{ {{canary}} } offset 2m) or increase(e_total{ {{canary}} }[2m]))`, nil},
		"a share of raw counters":          {`sum(e_total{ {{canary}} }) / sum(r_total{ {{canary}} })`, nil},
		"a series by itself":               {`rate(r_total{ {{canary}}, code="200" }[1m]) / (rate(r_total{ {{canary}} }[1m]) > 0)`, []string{"Itself@rate", "Series@rate"}},
		"the same by the label it is told": {`sum by (pod, code) (rate(r_total{ {{canary}}, code="200" }[1m])) / (sum by (pod, code) (rate(r_total{ {{canary}} }[1m])) > 0)`, []string{"Itself@sum", "Series@sum"}},
		"matched on that label":            {`rate(r_total{ {{canary}}, code="200" }[1m]) / on (pod, code) (rate(r_total{ {{canary}} }[1m]) > 0)`, []string{"Itself@rate", "Series@rate"}},
		"the same without the label":       {`sum without (code) (rate(r_total{ {{canary}}, code="200" }[1m])) / (sum without (code) (rate(r_total{ {{canary}} }[1m])) > 0)`, []string{"Series@sum"}},
		"each code in all of its pod":      {`rate(r_total{ {{canary}}, code="200" }[1m]) / on (pod) group_left () (sum by (pod) (rate(r_total{ {{canary}} }[1m])) > 0)`, []string{"Series@rate"}},
		"a native histogram in seconds":    {`histogram_quantile(0.99, sum(rate(l_seconds{ {{canary}} }[5m])))`, nil},
		"its average":                      {`histogram_avg(sum(rate(l_seconds{ {{canary}} }[5m])))`, nil},
		"or nothing of the requests":       {`sum(rate(e_total{ {{canary}} }[1m])) or sum(0 * rate(r_total{ {{canary}} }[1m]))`, []string{"MissingHidden@sum(0"}},
		"or times zero":                    {`sum(rate(e_total{ {{canary}} }[1m])) or sum(rate(r_total[1m])) * 0`, []string{"MissingHidden@sum(rate(r"}},
		"or a difference of nothing":       {`sum(rate(e_total{ {{canary}} }[1m])) or sum(up) - sum(up)`, []string{"MissingHidden@sum(up)"}},
		"or a label on nothing":            {`sum(rate(e_total{ {{canary}} }[1m])) or label_replace(vector(0), "a", "b", "", "")`, []string{"MissingHidden@label_replace"}},
		"or clamped to nothing":            {`sum(rate(e_total{ {{canary}} }[1m])) or clamp(sum(up), 0, 0)`, []string{"MissingHidden@clamp"}},
		"or absent":                        {`sum(rate(e_total{ {{canary}} }[1m])) or absent(e_total) * 0`, []string{"MissingHidden@absent", "Absent@absent"}},
		"or infinite, which fails":         {`sum(rate(e_total{ {{canary}} }[1m])) or sum(rate(r_total{ {{canary}} }[1m])) * 0 + Inf`, nil},
		"or another measurement":           {`sum(rate(e_total{ {{canary}} }[1m])) or sum(rate(f_total{ {{canary}} }[1m]))`, nil},
		"the most of it and nothing":       {`max(rate(e_total{ {{canary}} }[1m]) or vector(0))`, []string{"MissingHidden@vector"}},

		"or what stable does":              {`(sum(rate(r_total{ {{canary}}, code=~"5.." }[1m])) / (sum(rate(r_total{ {{canary}} }[1m])) > 0)) or (sum(rate(r_total{ {{stable}}, code=~"5.." }[1m])) / (sum(rate(r_total{ {{stable}} }[1m])) > 0))`, []string{"MissingHidden@(sum(rate(r"}},
		"or what all do":                   {`sum(e{ {{canary}} }) or sum(e{namespace="{{namespace}}"})`, []string{"MissingHidden@sum(e{namespace"}},
		"or the baseline, for each pod":    {`max by (pod) (e{ {{canary}} }) or on () max(e{ {{baseline}} })`, []string{"MissingHidden@max(e{ {{baseline", "Series@max"}},
		"or stable, in percent":            {`100 * (sum(rate(r_total{ {{canary}}, code=~"5.." }[1m])) / (sum(rate(r_total{ {{canary}} }[1m])) > 0) or sum(rate(r_total{ {{stable}}, code=~"5.." }[1m])) / (sum(rate(r_total{ {{stable}} }[1m])) > 0))`, []string{"MissingHidden@sum"}},
		"what either does":                 {`max(e{ {{canary}} } or e{ {{stable}} })`, nil},
		"or the canary's otherwise":        {`histogram_quantile(0.9, sum(rate(l_seconds{ {{canary}} }[5m]))) or histogram_quantile(0.9, sum by (le) (rate(l_seconds_bucket{ {{canary}} }[5m])))`, nil},
		"by its limit, or that of all":     {`sum(memory{ {{canary}} }) / (sum(limit{ {{canary}} }) or sum(limit{namespace="{{namespace}}"}))`, nil},
		"if there is traffic, of whomever": {`sum(e{ {{canary}} }) and on () (sum(r{ {{canary}} }) or sum(r{ {{stable}} }))`, nil},

		"times the share of stable":     {`(sum(rate(r_total{ {{canary}}, code=~"5.." }[1m])) / (sum(rate(r_total{ {{canary}} }[1m])) > 0)) * (sum(rate(r_total{ {{stable}}, code=~"5.." }[1m])) / (sum(rate(r_total{ {{stable}} }[1m])) > 0))`, []string{"OtherFactor@(sum(rate(r"}},
		"times the share of all":        {`100 * pod:e_errors:ratio{namespace="{{namespace}}"} * on () max(pod:e_errors:ratio{ {{canary}} })`, []string{"OtherFactor@100"}},
		"times another of its own":      {`(sum(rate(r_total{ {{canary}}, code=~"5.." }[1m])) / (sum(rate(r_total{ {{canary}} }[1m])) > 0)) * (sum(rate(r_total{ {{canary}}, code=~"4.." }[1m])) / (sum(rate(r_total{ {{canary}} }[1m])) > 0))`, nil},
		"times how much it has of all":  {`(sum(rate(r_total{ {{canary}}, code=~"5.." }[1m])) / (sum(rate(r_total{ {{canary}} }[1m])) > 0)) * (sum(rate(r_total{ {{canary}} }[1m])) / (sum(rate(r_total{ {{stable}} }[1m])) > 0))`, nil},
		"times the successes of stable": {`(sum(rate(r_total{ {{canary}}, code=~"5.." }[1m])) / (sum(rate(r_total{ {{canary}} }[1m])) > 0)) * (sum(rate(r_total{ {{stable}}, code=~"2.." }[1m])) / (sum(rate(r_total{ {{stable}} }[1m])) > 0))`, nil},
		"joined by times with its pods": {`max((sum by (pod) (rate(r_total{ {{canary}}, code=~"5.." }[1m])) / (sum by (pod) (rate(r_total{ {{canary}} }[1m])) > 0)) * on (pod) group_left () kube_pod_info{ {{canary}} })`, nil},

		"a scalar of a share":    {`scalar(sum(rate(e_total{ {{canary}} }[1m])) / (sum(rate(r_total{ {{canary}} }[1m])) > 0))`, []string{"Scalar@scalar"}},
		"a scalar within":        {`sum(x{ {{canary}} }) / scalar(sum(y{ {{canary}} }))`, []string{"Scalar@scalar"}},
		"a scalar of a constant": {`sum(x{ {{canary}} }) / scalar(vector(60))`, nil},

		"a share of what all do":             {`sum(rate(e_total{ {{canary}} }[1m])) / (sum(rate(r_total{namespace="{{namespace}}"}[1m])) > 0)`, []string{"OtherDenominator@(sum(rate(r"}},
		"of the same, by amounts that stand": {`sum(x{ {{canary}} }) / sum(x{namespace="{{namespace}}"})`, []string{"OtherDenominator@sum(x{namespace"}},
		"a share of what stable does":        {`sum(rate(r_total{ {{canary}} }[1m])) / (sum(rate(r_total{ {{stable}} }[1m])) > 0)`, nil},
		"a share of a limit that is set":     {`sum(memory{ {{canary}} }) / sum(limit{namespace="{{namespace}}"})`, nil},
		"for each pod that is wanted":        {`sum(rate(r_total{ {{canary}} }[1m])) / sum(kube_deployment_spec_replicas{deployment="{{deployment}}"})`, nil},

		"the canary behind or":               {`sum(rate(e_total{namespace="{{namespace}}"}[1m])) or sum(rate(e_total{ {{canary}} }[1m]))`, []string{"NoCanary@sum"}},
		"the canary behind unless":           {`sum(rate(e_total{namespace="{{namespace}}"}[1m])) unless sum(up{ {{canary}} })`, []string{"NoCanary@sum"}},
		"the canary behind and":              {`sum(rate(e_total{namespace="{{namespace}}"}[1m])) and on () up{ {{canary}} }`, []string{"NoCanary@sum"}},
		"the canary times zero":              {`sum(rate(e_total{namespace="{{namespace}}"}[1m])) + 0 * sum(up{ {{canary}} })`, []string{"NoCanary@sum"}},
		"the canary as a parameter":          {`topk(1, sum(x) / sum(y)) and on () sum(up{ {{canary}} })`, []string{"NoCanary@topk"}},
		"nothing but zero":                   {`0 * sum(up{ {{canary}} })`, []string{"NoCanary@0"}},
		"joined with the canary's pods":      {`sum(rate(e_total[1m]) and on (pod) kube_pod_info{ {{canary}} })`, nil},
		"multiplied with the canary's pods":  {`sum(rate(e_total[1m]) * on (pod) group_left () kube_pod_info{ {{canary}} })`, nil},
		"the canary on the right of a minus": {`sum(x{ {{stable}} }) - sum(x{ {{canary}} })`, nil},
		"each of several, and the canary":    {`max(x{app="a"} or x{ {{canary}} })`, nil},
		"whether it is there":                {`group(up{ {{canary}} })`, nil},

		"at one moment":                   {`sum(rate(e_total{ {{canary}} }[1m] @ 1700000000))`, []string{"NoCanary@e_total"}},
		"within a subquery of one moment": {`max_over_time(sum(up{ {{canary}} })[5m:1m] @ 0)`, []string{"NoCanary@sum"}},
		"at the end of what is asked for": {`sum(rate(e_total{ {{canary}} }[1m] @ end()))`, nil},

		"and the same, where it is bad":      {`sum(rate(e_total{ {{canary}} }[1m])) and sum(rate(e_total{ {{canary}} }[1m])) > 5`, []string{"Filter@sum"}},
		"unless the same, where it is good":  {`sum(rate(e_total{ {{canary}} }[1m])) unless sum(rate(e_total{ {{canary}} }[1m])) < 5`, []string{"Filter@sum"}},
		"a pattern of bounds":                {`sum(rate(l_bucket{ {{canary}}, le=~"0[.].*|1" }[1m]))`, []string{"Bounds@l_bucket"}},
		"a list of bounds, and of any bound": {`sum(rate(l_bucket{ {{canary}}, le=~"0.5|1", le=~".+" }[1m]))`, nil},
		"several":                            {"up +\n  (absent(x) or vector(0))", []string{"NoCanary@up", "MissingHidden@vector", "Absent@absent"}},
	} {
		t.Run(name, func(t *testing.T) {
			template, err := query.Parse(tc.query)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, trap := range Find(template, given) {
				got = append(got, trap.Name+"@"+tc.query[trap.Offset:])
			}
			for i := range got {
				if i < len(tc.want) && strings.HasPrefix(got[i], tc.want[i]) {
					got[i] = tc.want[i]
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// What cannot be out of its range is told from the range.
func TestTrapsOfRanges(t *testing.T) {
	limit := func(v float64) *float64 { return &v }
	for name, tc := range map[string]struct {
		query    string
		min, max *float64
		want     string
	}{
		"clamped to its limit":           {`clamp_max(sum(x{ {{canary}} }), 5)`, nil, limit(5), "NeverOutside"},
		"clamped above its limit":        {`clamp_max(sum(x{ {{canary}} }), 6)`, nil, limit(5), ""},
		"clamped from below to its min":  {`clamp_min(sum(x{ {{canary}} }), 1)`, limit(1), nil, "NeverOutside"},
		"clamped from below, with a max": {`clamp_min(sum(x{ {{canary}} }), 0)`, limit(0), limit(5), ""},
		"a truth that may be both":       {`sum(x{ {{canary}} }) > bool 5`, nil, limit(1), "NeverOutside"},
		"a truth that must be one":       {`sum(x{ {{canary}} }) > bool 5`, nil, limit(0), ""},
		"a sign":                         {`sgn(sum(x{ {{canary}} }))`, limit(-1), limit(1), "NeverOutside"},
		"a maximum of truths":            {`max(x{ {{canary}} } == bool 1)`, limit(0), nil, "NeverOutside"},
		"a quantile of default buckets":  {`histogram_quantile(0.99, sum by (le) (rate(l_seconds_bucket{ {{canary}} }[5m])))`, nil, limit(10), "BeyondBuckets"},
		"converted, within":              {`1000 * histogram_quantile(0.99, sum by (le) (rate(l_seconds_bucket{ {{canary}} }[5m])))`, nil, limit(500), ""},
		"converted, and beyond":          {`1000 * histogram_quantile(0.99, sum by (le) (rate(l_seconds_bucket{ {{canary}} }[5m])))`, nil, limit(20000), "BeyondBuckets"},
		"how many times stable's":        {`histogram_quantile(0.9, sum by (le) (rate(l_seconds_bucket{ {{canary}} }[5m]))) / (histogram_quantile(0.9, sum by (le) (rate(l_seconds_bucket{ {{stable}} }[5m]))) > 0)`, nil, limit(10), ""},
		"one of a usual limit":           {`histogram_quantile(0.99, sum by (le) (rate(l_seconds_bucket{ {{canary}} }[5m])))`, nil, limit(2.5), ""},
		"one in milliseconds":            {`histogram_quantile(0.99, sum by (le) (rate(l_milliseconds_bucket{ {{canary}} }[5m])))`, nil, limit(300), ""},
	} {
		spec := v1alpha1.CanaryPlanSpec{Steps: []v1alpha1.Step{{Metrics: []v1alpha1.Metric{
			{Name: "m", Query: tc.query, Range: v1alpha1.Range{Min: tc.min, Max: tc.max}}}}}}
		spec.SetDefaults()
		template, err := query.Parse(tc.query)
		if err != nil {
			t.Fatal(err)
		}
		within := given
		within.Range = spec.Steps[0].Metrics[0].Range
		got := Find(template, within)
		if len(got) != len(OfPlan(&spec, 15*time.Second)) {
			t.Errorf("%s: told otherwise in a step", name)
		}
		if tc.want == "" && len(got) > 0 || tc.want != "" && (len(got) != 1 || got[0].Name != tc.want) {
			t.Errorf("%s: got %v, want %s", name, got, tc.want)
		}
	}
}

func TestTrapsOfAPlan(t *testing.T) {
	spec := v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{Metrics: []v1alpha1.Metric{
		{Name: "errors", Query: "sum(\n  rate(e_total{ {{canary}} }[30s]))"}, {Name: "wrong", Query: "sum("}, {Name: "none"},
	}}}
	spec.SetDefaults()
	want := []string{"metric errors, line 2, column 8: the window [30s] is shorter than four scrape intervals (4 × 15s): a late scrape leaves rate(…) without data; make it [1m] or longer"}
	if diff := cmp.Diff(want, OfPlan(&spec, 15*time.Second)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := OfPlan(&spec, 0); got != nil {
		t.Errorf("where the scrape interval is not known: %q", got)
	}
}

// What is a trap of a fixed limit need be none of a comparison.
func TestTrapsOfComparisons(t *testing.T) {
	compare := func(query string) v1alpha1.Metric {
		return v1alpha1.Metric{Name: "m", Query: query, Compare: &v1alpha1.Comparison{}}
	}
	short := compare("sum(rate(e_total{ {{pods}} }[{{window}}]))")
	short.Window = lasting(30 * time.Second)
	for name, tc := range map[string]struct {
		metric v1alpha1.Metric
		want   string
	}{
		"a share, which is NaN without traffic": {compare("sum(rate(e_total{ {{pods}} }[{{window}}])) / sum(rate(r_total{ {{pods}} }[{{window}}]))"), ""},
		"a counter":                             {compare("sum(r_total{ {{pods}} })"), "r_total is a counter"},
		"a short window":                        {short, "the window [30s] is shorter than four scrape intervals"},
		"counters by their samples":             {v1alpha1.Metric{Name: "m", Compare: &v1alpha1.Comparison{Count: &v1alpha1.Counted{Bad: "b_total{ {{pods}} }", Total: "r_total{ {{pods}} }"}}}, ""},
		"a gauge that is counted":               {v1alpha1.Metric{Name: "m", Compare: &v1alpha1.Comparison{Count: &v1alpha1.Counted{Bad: "b_total{ {{pods}} }", Total: "r_bytes{ {{pods}} }"}}}, "metric m, r_bytes looks like a gauge, and count is for counters"},
	} {
		spec := v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{Metrics: []v1alpha1.Metric{tc.metric}}}
		spec.SetDefaults()
		got := OfPlan(&spec, 15*time.Second)
		if (len(got) == 0) != (tc.want == "") || len(got) > 1 || len(got) == 1 && !strings.Contains(got[0], tc.want) {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}

// Every trap is explained, in the order in which they are told.
func TestTrapsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/reference/traps.md")
	if err != nil {
		t.Fatal(err)
	}
	var headings, names []string
	for line := range strings.SplitSeq(string(page), "\n") {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			headings = append(headings, heading)
		}
	}
	for _, kind := range traps {
		names = append(names, kind.name)
	}
	names = append(names, doubtKinds...)
	if !slices.Equal(headings, names) {
		t.Errorf("headings %q, traps %q", headings, names)
	}
}
