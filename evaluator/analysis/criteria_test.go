package analysis

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// series is one of an instant query; labels are pairs of name and value.
func series(value float64, labels ...string) Series {
	s := Series{Value: value, Metric: map[string]string{}}
	var text []string
	for i := 0; i < len(labels); i += 2 {
		s.Metric[labels[i]] = labels[i+1]
		text = append(text, fmt.Sprintf("%s=%q", labels[i], labels[i+1]))
	}
	s.Labels = "{" + strings.Join(text, ", ") + "}"
	return s
}

const step = 15 * time.Second

// over gives a series samples, the last of them at noon, steps before that.
func over(s Series, values ...float64) Series { return endedBefore(s, 0, values...) }

// endedBefore does so for a series whose last sample is some steps before noon.
func endedBefore(s Series, steps int, values ...float64) Series {
	for i, v := range values {
		s.Samples = append(s.Samples, Sample{Time: noon.Add(-time.Duration(steps+len(values)-1-i) * step), Value: v})
		s.Value = v
	}
	return s
}

// defaulted is a metric as a run has it.
func defaulted(m v1alpha1.Metric) v1alpha1.Metric {
	spec := v1alpha1.CanaryPlanSpec{}
	spec.Analysis.Metrics = []v1alpha1.Metric{m}
	spec.SetDefaults()
	return spec.Analysis.Metrics[0]
}

func fiveMinutes() *v1alpha1.Over {
	return &v1alpha1.Over{Duration: metav1.Duration{Duration: 5 * time.Minute}}
}

func pods(names ...string) []Pod {
	var out []Pod
	for _, name := range names {
		out = append(out, Pod{Name: name, Labels: map[string]string{"app": "web"}})
	}
	return out
}

// judged is a case of a table: what is observed of a metric, and what that is worth.
type judged struct {
	metric          v1alpha1.Metric
	before          v1alpha1.MetricStatus
	o               Observation
	outcome, reason string
	value, rule     string
	says            string
}

func check(t *testing.T, cases map[string]judged) {
	t.Helper()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Judge(defaulted(tc.metric), tc.before, noon, tc.o)
			if string(got.Outcome) != tc.outcome || got.Reason != tc.reason || got.Value != tc.value {
				t.Errorf("got %s %s %q, want %s %s %q: %s", got.Outcome, got.Reason, got.Value, tc.outcome, tc.reason, tc.value, got.Message)
			}
			if tc.rule != "" && got.Range != tc.rule {
				t.Errorf("rule %q, want %q", got.Range, tc.rule)
			}
			if !strings.Contains(got.Message, tc.says) {
				t.Errorf("message %q, want %q in it", got.Message, tc.says)
			}
			reversed := tc.o
			reversed.Series, reversed.Pods = nil, nil
			for i := range tc.o.Series {
				reversed.Series = append(reversed.Series, tc.o.Series[len(tc.o.Series)-1-i])
			}
			for i := range tc.o.Pods {
				reversed.Pods = append(reversed.Pods, tc.o.Pods[len(tc.o.Pods)-1-i])
			}
			if diff := cmp.Diff(got, Judge(defaulted(tc.metric), tc.before, noon, reversed)); diff != "" {
				t.Errorf("in another order it is judged otherwise:\n%s", diff)
			}
		})
	}
}

func TestSamplesOfARangeQuery(t *testing.T) {
	r := between(0, 1)
	all := v1alpha1.Metric{Range: r, Over: fiveMinutes()}
	last := v1alpha1.Metric{Range: r, Over: fiveMinutes(), Samples: "Last"}
	most := v1alpha1.Metric{Range: r, Over: fiveMinutes(), Samples: "75%"}
	of := func(s ...Series) Observation { return Observation{Series: s} }
	a, b := series(0, "pod", "a"), series(0, "pod", "b")
	check(t, map[string]judged{
		"every sample good":        {metric: all, o: of(over(a, 0, 1, 0.5)), outcome: "Passed", reason: "InRange", value: "1", rule: "[0, 1], all samples of 5m", says: "3 of 3 samples good"},
		"one sample bad fails":     {metric: all, o: of(over(a, 0, 2, 0)), outcome: "Failed", reason: "AboveMax", value: "2", says: "2 of 3 samples good; the worst: 2 is above max 1"},
		"one sample NaN fails":     {metric: all, o: of(over(a, 0, math.NaN(), 0)), outcome: "Failed", reason: "NaN", value: "NaN"},
		"one series bad fails":     {metric: all, o: of(over(a, 0, 0), over(b, 0, 2)), outcome: "Failed", reason: "AboveMax", value: "2", says: `1 of 2 series out of range; the worst, {pod="b"}`},
		"the last alone counts":    {metric: last, o: of(over(a, 9, 9, 1)), outcome: "Passed", reason: "InRange", value: "1", rule: "[0, 1], the last sample of 5m"},
		"the last bad fails":       {metric: last, o: of(over(a, 0, 0, 9)), outcome: "Failed", reason: "AboveMax", value: "9"},
		"just enough good":         {metric: most, o: of(over(a, 0, 0, 9, 0)), outcome: "Passed", reason: "InRange", value: "9", rule: "[0, 1], 75% of the samples of 5m", says: "75% must be: 3 of 4 samples good"},
		"too few good":             {metric: most, o: of(over(a, 0, 9, 9, 0)), outcome: "Failed", reason: "FewGoodSamples", value: "9", says: "75% must be: 2 of 4 samples good; the worst: 9 is above max 1"},
		"a share of each series":   {metric: most, o: of(over(a, 0, 0, 0, 0), over(b, 9, 9, 0, 0)), outcome: "Failed", reason: "FewGoodSamples", value: "9"},
		"all ended is no data":     {metric: all, o: of(endedBefore(a, 2, 0, 0)), outcome: "NoData", reason: "NoData", value: "", says: "still there"},
		"ended bad still fails":    {metric: all, o: of(endedBefore(a, 2, 9), over(b, 0)), outcome: "Failed", reason: "AboveMax", value: "9"},
		"an ended one has no last": {metric: last, o: of(endedBefore(a, 2, 9), over(b, 0)), outcome: "Passed", reason: "InRange", value: "0"},
		"one sample after Ready":   {metric: all, o: of(over(a, 0.5)), outcome: "Passed", reason: "InRange", value: "0.5", says: "0.5 is in [0, 1]"},
		"no series":                {metric: all, o: of(), outcome: "NoData", reason: "NoData", rule: "[0, 1], all samples of 5m"},
	})
}

func TestPerPod(t *testing.T) {
	metric := v1alpha1.Metric{Range: between(0, 1), Per: "Pod"}
	other := v1alpha1.Metric{Range: between(0, 1), Per: "Pod", PodLabel: "instance"}
	ranged := v1alpha1.Metric{Range: between(0, 1), Per: "Pod", Over: fiveMinutes()}
	list := v1alpha1.Metric{List: &v1alpha1.List{Label: "code", Good: []string{"200"}, Tolerance: "10%"}, Per: "Pod"}
	of := func(wanted int32, p []Pod, s ...Series) Observation {
		return Observation{Series: s, Pods: p, Wanted: wanted}
	}
	a, b := series(0, "pod", "a"), series(0, "pod", "b")
	bad := series(7, "pod", "b")
	check(t, map[string]judged{
		"all pods good":                     {metric: metric, o: of(2, pods("a", "b"), a, b), outcome: "Passed", reason: "InRange", value: "0"},
		"one bad pod fails":                 {metric: metric, o: of(2, pods("a", "b"), a, bad), outcome: "Failed", reason: "AboveMax", value: "7", says: `the worst, {pod="b"}`},
		"a pod without a series is no data": {metric: metric, o: of(2, pods("a", "b"), a), outcome: "NoData", reason: "PodMissing", value: "0", says: "1 of 2 canary pods have no series with their name in label pod: b"},
		"a bad pod fails beside a missing":  {metric: metric, o: of(2, pods("a", "b"), bad), outcome: "Failed", reason: "AboveMax", value: "7"},
		"a pod that is gone does not count": {metric: metric, o: of(1, pods("a"), a, bad), outcome: "Passed", reason: "InRange", value: "0"},
		"only others have series":           {metric: metric, o: of(1, pods("c"), a, bad), outcome: "NoData", reason: "PodMissing", value: ""},
		"fewer pods than wanted":            {metric: metric, o: of(2, pods("a"), a), outcome: "NoData", reason: "PodMissing", value: "0", says: "there are 1 of 2 canary pods"},
		"no pods at all":                    {metric: metric, o: of(0, nil, a), outcome: "NoData", reason: "PodMissing", value: "", says: "there are 0 of 1 canary pods"},
		"a series of no pod is an error":    {metric: metric, o: of(1, pods("a"), a, series(0, "job", "x")), outcome: "Error", reason: "NoPodLabel", value: "", says: "as in sum by (pod) (…)"},
		"a label of another name":           {metric: other, o: of(1, pods("a"), series(2, "instance", "a")), outcome: "Failed", reason: "AboveMax", value: "2"},
		"the label that a flag names":       {metric: metric, o: Observation{PodLabel: "instance", Pods: pods("a"), Series: []Series{series(2, "instance", "a")}}, outcome: "Failed", reason: "AboveMax", value: "2"},
		"several series of a pod":           {metric: metric, o: of(1, pods("a"), series(0, "pod", "a", "x", "1"), series(3, "pod", "a", "x", "2")), outcome: "Failed", reason: "AboveMax", value: "3"},
		"a pod whose series has ended":      {metric: ranged, o: of(2, pods("a", "b"), over(a, 0, 0), endedBefore(b, 3, 0)), outcome: "NoData", reason: "PodMissing", value: "0"},
		"a list of each pod": {metric: list, o: of(2, pods("a", "b"), series(99, "pod", "a", "code", "200"), series(99, "pod", "a", "code", "500"),
			series(100, "pod", "b", "code", "200")), outcome: "Failed", reason: "OutOfList", value: "0.5", says: `{pod="a"}: 50% are of a bad code (500: 50%)`},
		"a list without traffic on a pod": {metric: list, o: of(2, pods("a", "b"), series(9, "pod", "a", "code", "200"), series(0, "pod", "b", "code", "200")), outcome: "NoData", reason: "PodMissing", value: "0"},
	})
}

func TestDeviationFromOne(t *testing.T) {
	by := func(amount string, d v1alpha1.Direction) v1alpha1.Metric {
		return v1alpha1.Metric{Deviation: &v1alpha1.Deviation{From: "One", By: amount, Direction: d}}
	}
	check(t, map[string]judged{
		"exactly one":             {metric: by("10%", ""), o: one(1), outcome: "Passed", reason: "InRange", value: "1", rule: "[0.9, 1.1] (1, at most 10% up or down)"},
		"the upper end":           {metric: by("10%", ""), o: one(1.1), outcome: "Passed", reason: "InRange", value: "1.1"},
		"the lower end":           {metric: by("10%", ""), o: one(0.9), outcome: "Passed", reason: "InRange", value: "0.9"},
		"above":                   {metric: by("10%", ""), o: one(1.11), outcome: "Failed", reason: "AboveMax", value: "1.11", says: "1.11 is above max 1.1"},
		"below":                   {metric: by("0.1", ""), o: one(0.89), outcome: "Failed", reason: "BelowMin", value: "0.89"},
		"up only bears less":      {metric: by("10%", "Up"), o: one(-5), outcome: "Passed", reason: "InRange", value: "-5", rule: "[-inf, 1.1] (1, at most 10% up)"},
		"down only bears more":    {metric: by("10%", "Down"), o: one(5), outcome: "Passed", reason: "InRange", value: "5"},
		"NaN lies nowhere":        {metric: by("10%", ""), o: one(math.NaN()), outcome: "Failed", reason: "NaN", value: "NaN"},
		"infinity lies nowhere":   {metric: by("10%", "Down"), o: one(math.Inf(1)), outcome: "Failed", reason: "Infinite", value: "+Inf"},
		"by nothing means itself": {metric: by("0", ""), o: one(1.0000001), outcome: "Failed", reason: "AboveMax", value: "1.0000001"},
	})
}

func TestDeviationFromWhatWasMeasured(t *testing.T) {
	by := func(from v1alpha1.DeviationFrom, amount string, d v1alpha1.Direction) v1alpha1.Metric {
		return defaulted(v1alpha1.Metric{Deviation: &v1alpha1.Deviation{From: from, By: amount, Direction: d}})
	}
	for name, tc := range map[string]struct {
		metric v1alpha1.Metric
		values []float64
		want   string // a letter for each: Passed, Failed, NoData
	}{
		"the first is compared with nothing":            {by("First", "10", ""), []float64{100}, "N"},
		"absolute units, ends included":                 {by("First", "10", ""), []float64{100, 110, 90, 110.5, 89}, "NPPFF"},
		"a share of the first":                          {by("First", "5%", ""), []float64{200, 210, 190, 211, 189}, "NPPFF"},
		"upward only":                                   {by("First", "10", "Up"), []float64{100, 0, 111}, "NPF"},
		"downward only":                                 {by("First", "10", "Down"), []float64{100, 500, 89}, "NPF"},
		"drift adds up from the first":                  {by("First", "10", ""), []float64{100, 108, 116}, "NPF"},
		"drift is borne from the value before":          {by("Previous", "10", ""), []float64{100, 108, 116, 124}, "NPPP"},
		"a jump fails":                                  {by("Previous", "10", ""), []float64{100, 120}, "NF"},
		"a jump does not become good by staying":        {by("Previous", "10", ""), []float64{100, 120, 120, 120}, "NFFF"},
		"back again is good":                            {by("Previous", "10", ""), []float64{100, 120, 105, 110}, "NFPP"},
		"a share of a negative value has two sides too": {by("First", "10%", ""), []float64{-100, -110, -111, -90, -89}, "NPFPF"},
		"a share of zero is nothing":                    {by("First", "10%", ""), []float64{0, 0, 0.1}, "NPF"},
		"NaN is bad at once and no reference":           {by("First", "10", ""), []float64{math.NaN(), 100, 300, 100}, "FNFP"},
		"NaN later is bad and changes nothing":          {by("Previous", "10", ""), []float64{100, math.NaN(), 105}, "NFP"},
		"infinity is no reference":                      {by("Previous", "10", ""), []float64{math.Inf(1), math.Inf(1)}, "FF"},
	} {
		t.Run(name, func(t *testing.T) {
			var s v1alpha1.MetricStatus
			var got strings.Builder
			for _, v := range tc.values {
				s = Take(tc.metric, *s.DeepCopy(), noon, one(v))
				got.WriteByte(string(s.Last[len(s.Last)-1].Outcome)[0])
			}
			if got.String() != tc.want {
				t.Errorf("got %s, want %s; newest: %+v", &got, tc.want, s.Last[len(s.Last)-1])
			}
		})
	}
}

func TestDeviationIsOfEachSeriesByItself(t *testing.T) {
	metric := defaulted(v1alpha1.Metric{Deviation: &v1alpha1.Deviation{From: "First", By: "10"}})
	of := func(s ...Series) Observation { return Observation{Series: s} }
	s := Take(metric, v1alpha1.MetricStatus{}, noon, of(series(100, "pod", "a"), series(5, "pod", "b")))
	for _, tc := range []struct {
		o    Observation
		want v1alpha1.Outcome
		says string
	}{
		{of(series(104, "pod", "a"), series(9, "pod", "b")), "Passed", "0 of 2 series"},
		{of(series(104, "pod", "a"), series(50, "pod", "b")), "Failed", `the worst, {pod="b"}: 50 is above max 15`},
		{of(series(104, "pod", "a")), "Passed", ""},
		{of(series(104, "pod", "a"), series(50, "pod", "b")), "Failed", "is above max 15"}, // not there for a while, and not forgotten
		{of(series(104, "pod", "a"), series(7777, "pod", "c")), "Passed", ""},
		{of(series(104, "pod", "a"), series(1, "pod", "c")), "Failed", "1 is below min 7767"},
		{Observation{Error: "down"}, "Error", "down"},
		{of(), "NoData", "no series"},
	} {
		s = Take(metric, s, noon, tc.o)
		m, _ := Newest(s)
		if m.Outcome != tc.want || !strings.Contains(m.Message, tc.says) {
			t.Errorf("%+v: got %+v", tc.o.Series, m)
		}
	}
	var many []Series
	for i := range maxReferences + 1 {
		many = append(many, series(1, "pod", fmt.Sprint(i)))
	}
	before := len(s.First)
	s = Take(metric, s, noon, of(many...))
	if m, _ := Newest(s); m.Reason != v1alpha1.MeasuredTooManySeries || m.Outcome != "Error" || len(s.First) != before {
		t.Errorf("too many series: %+v, %d references", m, len(s.First))
	}
	for i := range 5 {
		s = Take(metric, s, noon, of(many[i*4:i*4+4]...))
	}
	if len(s.First) > maxReferences {
		t.Errorf("%d references are kept", len(s.First))
	}
}

func TestList(t *testing.T) {
	good := v1alpha1.Metric{List: &v1alpha1.List{Label: "code", Good: []string{"2..", "404"}, Tolerance: "5%"}}
	bad := v1alpha1.Metric{List: &v1alpha1.List{Label: "code", Bad: []string{"5.."}}}
	both := v1alpha1.Metric{List: &v1alpha1.List{Label: "code", Good: []string{"2.."}, Bad: []string{"299"}}}
	ranged := v1alpha1.Metric{List: good.List, Over: fiveMinutes(), Samples: "50%"}
	code := func(value float64, code string) Series { return series(value, "code", code) }
	of := func(s ...Series) Observation { return Observation{Series: s} }
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
		"samples are shares at a time":      {metric: ranged, o: of(over(code(0, "200"), 10, 10), over(code(0, "500"), 0, 10)), outcome: "Passed", reason: "InRange", value: "0.5", says: "1 of 2 samples good"},
		"a time without traffic is no time": {metric: ranged, o: of(over(code(0, "200"), 10, 0), over(code(0, "500"), 0, 0)), outcome: "NoData", reason: "NoData", value: "", says: "still there"},
	})
}

func TestExpectation(t *testing.T) {
	expect := func(text string) v1alpha1.Metric { return v1alpha1.Metric{Expect: text} }
	check(t, map[string]judged{
		"fast enough":            {metric: expect("P99 < 310ms"), o: one(0.1204), outcome: "Passed", reason: "InRange", value: "0.1204", rule: "P99 < 310ms", says: "P99 is 120.4ms"},
		"< leaves the limit out": {metric: expect("P99 < 310ms"), o: one(0.31), outcome: "Failed", reason: "AboveMax", value: "0.31", says: "P99 is 310ms, which is not P99 < 310ms"},
		"<= takes it in":         {metric: expect("P99 <= 310ms"), o: one(0.31), outcome: "Passed", reason: "InRange", value: "0.31"},
		"too slow":               {metric: expect("p99.9 < 1.5s"), o: one(2), outcome: "Failed", reason: "AboveMax", value: "2", rule: "P99.9 < 1.5s", says: "P99.9 is 2s"},
		"quick is in µs":         {metric: expect("P50 < 1ms"), o: one(0.0000005), outcome: "Passed", reason: "InRange", value: "5e-07", says: "P50 is 0.5µs"},
		"enough succeed":         {metric: expect("success >= 99%"), o: one(0.99), outcome: "Passed", reason: "InRange", value: "0.99", rule: "success >= 99%", says: "99% of the requests succeeded"},
		"too few succeed":        {metric: expect("success ≥ 0.95"), o: one(0.9), outcome: "Failed", reason: "BelowMin", value: "0.9", rule: "success >= 0.95", says: "90% of the requests succeeded, which is not success >= 0.95"},
		"> leaves the limit out": {metric: expect("success > 95%"), o: one(0.95), outcome: "Failed", reason: "BelowMin", value: "0.95"},
		"NaN":                    {metric: expect("success > 95%"), o: one(math.NaN()), outcome: "Failed", reason: "NaN", value: "NaN"},
		"no requests":            {metric: expect("P99 < 310ms"), o: Observation{}, outcome: "NoData", reason: "NoData", rule: "P99 < 310ms", says: "either there were no requests, or PrometheusClient measures none"},
		"in front of a Service":  {metric: v1alpha1.Metric{Expect: "success > 95%", Source: "NGINXIngress"}, o: one(1), outcome: "Passed", reason: "InRange", value: "1", says: "(measured of all pods behind the Service together, stable ones and canary)"},
		"of each pod":            {metric: v1alpha1.Metric{Expect: "P99 < 310ms", Per: "Pod"}, o: Observation{Pods: pods("a", "b"), Series: []Series{series(0.1, "pod", "a"), series(0.4, "pod", "b")}}, outcome: "Failed", reason: "AboveMax", value: "0.4", says: `{pod="b"}: P99 is 400ms`},
	})
}

func TestLabels(t *testing.T) {
	sick := metav1.LabelSelector{MatchLabels: map[string]string{"sick": "true"}}
	onPods := v1alpha1.Metric{Labels: &v1alpha1.LabelWatch{Selector: sick}}
	onDeployment := v1alpha1.Metric{Labels: &v1alpha1.LabelWatch{Of: "Deployment", Selector: sick}}
	marked := append(pods("a"), Pod{Name: "b", Labels: map[string]string{"sick": "true"}})
	check(t, map[string]judged{
		"no pod has it":             {metric: onPods, o: Observation{Pods: pods("a", "b")}, outcome: "Passed", reason: "NoLabel", rule: "no canary pod matches sick=true"},
		"one pod has it":            {metric: onPods, o: Observation{Pods: marked}, outcome: "Failed", reason: "LabelFound", says: "pod b matches sick=true"},
		"no pods":                   {metric: onPods, o: Observation{}, outcome: "NoData", reason: "NoData", says: "no canary pods"},
		"the Deployment's is not":   {metric: onPods, o: Observation{Pods: pods("a"), Deployment: map[string]string{"sick": "true"}}, outcome: "Passed", reason: "NoLabel"},
		"the Deployment has it":     {metric: onDeployment, o: Observation{Deployment: map[string]string{"sick": "true"}}, outcome: "Failed", reason: "LabelFound", says: "the Deployment matches sick=true"},
		"the Deployment has it not": {metric: onDeployment, o: Observation{Pods: marked}, outcome: "Passed", reason: "NoLabel", rule: "no Deployment matches sick=true"},
		"what cannot be looked at":  {metric: onPods, o: Observation{Error: "it was not measured"}, outcome: "Error", reason: "Error"},
	})
}

func TestAlerts(t *testing.T) {
	metric := v1alpha1.Metric{Alerts: &v1alpha1.AlertWatch{}}
	firing := func(name string) Series {
		s := series(1, "alertname", name, "pod", "a")
		s.Labels = "ALERTS" + s.Labels
		return s
	}
	check(t, map[string]judged{
		"none fires":   {metric: metric, o: Observation{}, outcome: "Passed", reason: "NoAlert", value: "0", rule: "no alert fires"},
		"one fires":    {metric: metric, o: Observation{Series: []Series{firing("High")}}, outcome: "Failed", reason: "AlertFiring", value: "1", says: `1 alert fires: High {alertname="High", pod="a"}`},
		"two fire":     {metric: metric, o: Observation{Series: []Series{firing("Low"), firing("High")}}, outcome: "Failed", reason: "AlertFiring", value: "2", says: "2 alerts fire: High "},
		"not answered": {metric: metric, o: Observation{Error: "down"}, outcome: "Error", reason: "Error", says: "down"},
	})
}

// TestAWorseValueIsNeverBetter: what makes one sample of one series worse never
// turns a measurement that did not pass into one that does.
func TestAWorseValueIsNeverBetter(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	zero := 0.0
	metrics := []v1alpha1.Metric{
		{Range: v1alpha1.Range{Max: &zero}},
		{Range: v1alpha1.Range{Max: &zero}, Over: fiveMinutes()},
		{Range: v1alpha1.Range{Max: &zero}, Over: fiveMinutes(), Samples: "60%"},
		{Range: v1alpha1.Range{Max: &zero}, Over: fiveMinutes(), Samples: "Last", Per: "Pod"},
		{Range: v1alpha1.Range{Max: &zero}, Per: "Pod"},
		{Deviation: &v1alpha1.Deviation{From: "One", By: "10%", Direction: "Up"}, Over: fiveMinutes()},
	}
	for range 2000 {
		metric := defaulted(metrics[random.IntN(len(metrics))])
		build := func(values [][]float64) Observation {
			o := Observation{Pods: pods("0", "1"), Wanted: 2}
			for i, v := range values {
				s := series(v[len(v)-1], "pod", fmt.Sprint(i))
				if metric.Over != nil {
					s = over(s, v...)
				}
				o.Series = append(o.Series, s)
			}
			return o
		}
		values := make([][]float64, 1+random.IntN(3))
		for i := range values {
			for range 1 + random.IntN(4) {
				values[i] = append(values[i], random.NormFloat64())
			}
		}
		before := Judge(metric, v1alpha1.MetricStatus{}, noon, build(values))
		i := random.IntN(len(values))
		j := random.IntN(len(values[i]))
		values[i][j] += random.ExpFloat64()
		if random.IntN(10) == 0 {
			values[i][j] = math.NaN()
		}
		after := Judge(metric, v1alpha1.MetricStatus{}, noon, build(values))
		if before.Outcome != v1alpha1.OutcomePassed && after.Outcome == v1alpha1.OutcomePassed {
			t.Fatalf("%+v\nbefore %+v\nafter %+v\n%v", metric, before, after, values)
		}
	}
}

// FuzzTake: whatever is observed of whichever criterion, it ends in one outcome
// with a reason, in texts of bounded length, and errors are no failures.
func FuzzTake(f *testing.F) {
	f.Add(uint8(0), 1.0, 2.0, "200", "a", "", int8(3))
	f.Add(uint8(5), math.NaN(), math.Inf(1), "\xff", "", "down", int8(0))
	f.Fuzz(func(t *testing.T, kind uint8, v, w float64, code, pod, failure string, samples int8) {
		one := 1.0
		metrics := []v1alpha1.Metric{
			{Range: v1alpha1.Range{Max: &one}}, {Range: v1alpha1.Range{Max: &one}, Over: fiveMinutes(), Samples: "40%", Per: "Pod"},
			{Deviation: &v1alpha1.Deviation{From: "First", By: "10%"}}, {Deviation: &v1alpha1.Deviation{From: "Previous", By: "1"}, Per: "Pod"},
			{List: &v1alpha1.List{Label: "code", Good: []string{"2.."}, Tolerance: "10%"}}, {List: &v1alpha1.List{Label: "code", Bad: []string{"5.."}}, Per: "Pod", Over: fiveMinutes()},
			{Expect: "P99 < 1s"}, {Alerts: &v1alpha1.AlertWatch{}}, {Labels: &v1alpha1.LabelWatch{Selector: metav1.LabelSelector{MatchLabels: map[string]string{"a": pod}}}},
		}
		metric := defaulted(metrics[int(kind)%len(metrics)])
		a, b := series(v, "code", code, "pod", pod), series(w, "code", "200", "pod", "a")
		if samples > 0 {
			a, b = endedBefore(a, int(samples%4), v, w, v), over(b, w, v)
		}
		var s v1alpha1.MetricStatus
		for range 3 {
			s = Take(metric, s, noon, Observation{Series: []Series{a, b}, Pods: pods("a", pod), Error: failure})
			m, _ := Newest(s)
			if m.Outcome == "" || m.Reason == "" || len(m.Message) > maxMessage+3 || len(m.Range) > maxRange+3 {
				t.Fatalf("%+v", m)
			}
			if failure != "" && m.Outcome != v1alpha1.OutcomeError {
				t.Fatalf("%+v", m)
			}
			for _, r := range append(s.First, s.Previous...) {
				if !finite(r.Value) {
					t.Fatalf("%v is a reference", r)
				}
			}
		}
	})
}
