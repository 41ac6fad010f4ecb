package query

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query/preset"
)

func lasting(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }

// TestValidateMetric: right metrics pass, and of every other the message names
// the field and the remedy.
func TestValidateMetric(t *testing.T) {
	one := 1.0
	good := v1alpha1.Range{Max: &one}
	type metric = v1alpha1.Metric
	q := func(with func(*metric)) metric {
		m := metric{Query: "up{ {{canary}} }", Range: good}
		with(&m)
		return m
	}
	deviation := func(d v1alpha1.Deviation) metric { return metric{Query: "up", Deviation: &d} }
	list := func(l v1alpha1.List) metric { return metric{Query: "sum by (code) (up)", List: &l} }
	labels := func(s metav1.LabelSelector) metric { return metric{Labels: &v1alpha1.LabelWatch{Selector: s}} }
	alerts := func(about v1alpha1.AlertsAbout, matchers ...string) metric {
		return metric{Alerts: &v1alpha1.AlertWatch{About: about, Matchers: matchers}}
	}
	over := func(duration, step time.Duration) *v1alpha1.Over {
		return &v1alpha1.Over{Duration: metav1.Duration{Duration: duration}, Step: lasting(step)}
	}
	sick := map[string]string{"sick": "true"}
	for name, tc := range map[string]struct {
		m    metric
		want string // "" for a right one; behind spec.analysis.metrics[0]
	}{
		"range":                {q(func(*metric) {}), ""},
		"range query":          {q(func(m *metric) { m.Over, m.Samples = over(time.Minute, time.Second), "90%" }), ""},
		"range query per pod":  {q(func(m *metric) { m.Over, m.Per, m.PodLabel = over(time.Minute, time.Second), "Pod", "instance" }), ""},
		"window":               {metric{Query: "rate(x[{{window}}])", Range: good, Window: lasting(time.Minute)}, ""},
		"deviation":            {deviation(v1alpha1.Deviation{From: "First", By: "1e-3", Direction: "Up"}), ""},
		"list":                 {list(v1alpha1.List{Label: "code", Good: []string{"2.."}, Tolerance: "0.5%"}), ""},
		"both lists":           {list(v1alpha1.List{Label: "code", Good: []string{"2.."}, Bad: []string{"a|b"}}), ""},
		"expectation":          {metric{Expect: "P99 < 310ms", Source: "Linkerd", Per: "Pod", Window: lasting(time.Minute), Over: over(time.Minute, time.Second)}, ""},
		"in front of Services": {metric{Expect: "success >= 99%", Source: "NGINXIngress"}, ""},
		"status in its label":  {metric{Expect: "success >= 99%", StatusLabel: "status"}, ""},
		"labels":               {labels(metav1.LabelSelector{MatchLabels: sick}), ""},
		"alerts about pods":    {alerts(""), ""},
		"alerts by labels":     {alerts("Any", `severity="critical"`, ` team =~ 'shop|.*{{deployment}}' `, "x!~`a`"), ""},

		"nothing to look at":    {metric{Range: good}, ": Required value: needs one of query, expect, labels, alerts and compare.count"},
		"two things":            {metric{Query: "up", Expect: "P99 < 1s", Range: good}, ": Forbidden: has expect and query, where exactly one of query, expect, labels, alerts and compare.count"},
		"nothing to judge by":   {metric{Query: "up"}, ".range: Required value: query needs range, deviation, list or compare"},
		"two to judge by":       {metric{Query: "up", Range: good, List: &v1alpha1.List{}}, ": Forbidden: has list and range, where exactly one of range, deviation, list and compare"},
		"range of expectation":  {metric{Expect: "P99 < 1s", Range: good}, ".range: Forbidden: judges a query; expect knows by itself what is good"},
		"list of labels":        {metric{Labels: &v1alpha1.LabelWatch{}, List: &v1alpha1.List{}}, ".list: Forbidden: judges a query; labels knows by itself"},
		"source of a query":     {q(func(m *metric) { m.Source = "Istio" }), ".source: Forbidden: is for expect"},
		"unknown source":        {metric{Expect: "P99 < 1s", Source: "istio"}, `.source: Unsupported value: "istio": supported values: "EnvoyGateway", "Istio"`},
		"status of a query":     {q(func(m *metric) { m.StatusLabel = "code" }), ".statusLabel: Forbidden: is for expect"},
		"status of durations":   {metric{Expect: "P99 < 1s", StatusLabel: "code"}, ".statusLabel: Forbidden: is for success; of durations all requests count"},
		"status of a proxy":     {metric{Expect: "success >= 99%", Source: "Linkerd", StatusLabel: "code"}, ".statusLabel: Forbidden: is for source PrometheusClient; Linkerd has labels of its own"},
		"status of no label":    {metric{Expect: "success >= 99%", StatusLabel: "a b"}, ".statusLabel: Invalid value"},
		"labels over time":      {metric{Labels: &v1alpha1.LabelWatch{}, Over: over(time.Minute, time.Second)}, ".over: Forbidden: is for query and expect"},
		"alerts per pod":        {metric{Alerts: &v1alpha1.AlertWatch{}, Per: "Pod"}, ".per: Forbidden: is for query and expect"},
		"window of labels":      {metric{Alerts: &v1alpha1.AlertWatch{}, Window: lasting(time.Minute)}, ".window: Forbidden"},
		"window not used":       {q(func(m *metric) { m.Window = lasting(time.Minute) }), ".window: Forbidden: is what {{window}} in the query stands for, and the query has none"},
		"window too short":      {q(func(m *metric) { m.Window = lasting(time.Millisecond) }), ".window: Invalid value: \"1ms\": must be at least 1s"},
		"samples of one":        {q(func(m *metric) { m.Samples = "Last" }), ".samples: Forbidden: needs over"},
		"samples":               {q(func(m *metric) { m.Samples, m.Over = "0%", over(time.Minute, time.Second) }), `.samples: Invalid value: "0%": must be All, Last or a share`},
		"podLabel alone":        {q(func(m *metric) { m.PodLabel = "pod" }), ".podLabel: Forbidden: needs per: Pod"},
		"podLabel":              {q(func(m *metric) { m.Per, m.PodLabel = "Pod", "a b" }), ".podLabel: Invalid value"},
		"per":                   {q(func(m *metric) { m.Per = "Node" }), `.per: Unsupported value: "Node"`},
		"per pod at a proxy":    {metric{Expect: "P99 < 1s", Source: "Traefik", Per: "Pod"}, ".per: Forbidden: source Traefik measures all pods behind the Service together"},
		"step too long":         {q(func(m *metric) { m.Over = over(time.Second, time.Minute) }), ".over.step: Invalid value: \"1m0s\": must not be longer than duration (1s)"},
		"step too short":        {q(func(m *metric) { m.Over = over(time.Minute, time.Millisecond) }), ".over.step: Invalid value: \"1ms\": must be at least 1s"},
		"no duration":           {q(func(m *metric) { m.Over = over(0, time.Second) }), ".over.duration: Invalid value"},
		"too many samples":      {q(func(m *metric) { m.Over = over(time.Hour, time.Second) }), ".over.step: Invalid value: \"1s\": would give 3600 samples of each series, at most 1000"},
		"deviation over time":   {metric{Query: "up", Deviation: &v1alpha1.Deviation{From: "First", By: "1"}, Over: over(time.Minute, time.Second)}, ".over: Forbidden: deviation from First or Previous"},
		"deviation from":        {deviation(v1alpha1.Deviation{From: "Zero", By: "1"}), `.deviation.from: Unsupported value: "Zero"`},
		"deviation by":          {deviation(v1alpha1.Deviation{From: "One", By: "-1"}), `.deviation.by: Invalid value: "-1": must be a share such as "10%" or a number`},
		"deviation by nothing":  {deviation(v1alpha1.Deviation{From: "One"}), ".deviation.by: Invalid value"},
		"deviation direction":   {deviation(v1alpha1.Deviation{From: "One", By: "1", Direction: "up"}), ".deviation.direction: Unsupported value"},
		"list of nothing":       {list(v1alpha1.List{Label: "code"}), ".list: Required value: needs good, bad or both"},
		"list label":            {list(v1alpha1.List{Label: "a b", Good: []string{"x"}}), ".list.label: Invalid value"},
		"list entry":            {list(v1alpha1.List{Label: "code", Bad: []string{"x", "("}}), `.list.bad[1]: Invalid value: "(": is no regular expression`},
		"an entry ends anchors": {list(v1alpha1.List{Label: "code", Good: []string{"a)|(b"}}), `.list.good[0]: Invalid value: "a)|(b": is no regular expression`},
		"list tolerance":        {list(v1alpha1.List{Label: "code", Good: []string{"x"}, Tolerance: "0.05"}), `.list.tolerance: Invalid value: "0.05": must be a share such as "5%", less than "100%"`},
		"tolerates all":         {list(v1alpha1.List{Label: "code", Good: []string{"x"}, Tolerance: "100%"}), ".list.tolerance: Invalid value"},
		"every label":           {labels(metav1.LabelSelector{}), ".labels.selector: Required value: matches everything"},
		"no label":              {labels(metav1.LabelSelector{MatchLabels: map[string]string{"a b": "c"}}), ".labels.selector: Invalid value"},
		"labels on":             {metric{Labels: &v1alpha1.LabelWatch{Of: "Nodes", Selector: metav1.LabelSelector{MatchLabels: sick}}}, `.labels.of: Unsupported value: "Nodes"`},
		"every alert":           {alerts("Any"), ".alerts: Invalid value: \"Any\": about: Any needs matchers"},
		"alerts about":          {alerts("All", `a="b"`), `.alerts.about: Unsupported value: "All"`},
		"no matcher":            {alerts("", "critical"), `.alerts.matchers[0]: Invalid value: "critical": line 1, column 1: expected one label matcher, as in severity="critical"`},
		"two matchers":          {alerts("", `a="b", c="d"`), ".alerts.matchers[0]: Invalid value"},
		"a way out":             {alerts("", `a="b"} or up{c="d"`), "expected one label matcher"},
		"a comment":             {alerts("", `a="b"} #`), "expected one label matcher"},
		"pending alerts":        {alerts("", `alertstate="pending"`), "only alerts that fire count; leave alertstate out"},
		"expression":            {alerts("", `a=~"("`), ".alerts.matchers[0]: Invalid value"},
		"placeholder":           {alerts("", `a="{{pod}}"`), "unknown placeholder {{pod}}"},
		"negative limit":        {q(func(m *metric) { m.FailureLimit = new(int32); *m.FailureLimit = -1 }), ".failureLimit: Invalid value: -1: must not be negative"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.m.Name = "m"
			spec := &v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{Metrics: []metric{tc.m}}}
			spec.SetDefaults()
			if tc.m.Samples == "" {
				spec.Analysis.Metrics[0].Samples = ""
			}
			err := ValidatePlan(spec, field.NewPath("spec")).ToAggregate()
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "spec.analysis.metrics[0]") && !strings.HasPrefix(err.Error(), "[spec.analysis.metrics[0]")):
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}

func TestADeviationFromWhatWasMeasuredNeedsOneMeasurementWithoutData(t *testing.T) {
	none := int32(0)
	spec := &v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{NoDataLimit: &none, Metrics: []v1alpha1.Metric{
		{Name: "m", Query: "up", Deviation: &v1alpha1.Deviation{From: "Previous", By: "1"}},
	}}}
	spec.SetDefaults()
	err := ValidatePlan(spec, field.NewPath("spec")).ToAggregate()
	if err == nil || !strings.Contains(err.Error(), "deviation.from: Forbidden: the first measurement has nothing to be compared with") {
		t.Errorf("got %v", err)
	}
}

func TestOf(t *testing.T) {
	builtIn, err := preset.Question{Source: v1alpha1.SourcePrometheusClient, Pods: "canary", By: "instance"}.Success()
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		m    v1alpha1.Metric
		want string
	}{
		"query":  {v1alpha1.Metric{Query: "up"}, "up"},
		"labels": {v1alpha1.Metric{Labels: &v1alpha1.LabelWatch{}}, ""},
		"alerts about the canary's pods": {v1alpha1.Metric{Alerts: &v1alpha1.AlertWatch{Matchers: []string{` severity="critical" `}}},
			`ALERTS{ alertstate="firing", {{canary}}, severity="critical" }`},
		"alerts by their labels":  {v1alpha1.Metric{Alerts: &v1alpha1.AlertWatch{About: "Any", Matchers: []string{`a="b"`}}}, `ALERTS{ alertstate="firing", a="b" }`},
		"a pod label that is set": {v1alpha1.Metric{Expect: "success > 9%", Per: "Pod"}, builtIn},
	} {
		got, err := TemplateOf(tc.m, "instance")
		if err != nil || got.String() != tc.want {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, tc.want)
		}
	}
}

func TestShares(t *testing.T) {
	for text, want := range map[string]Amount{"10%": {0.1, true}, "0.05": {0.05, false}, "1e1%": {0.1, true}, "99.9%": {0.999, true}, ".5": {0.5, false}, "0": {}} {
		if got, err := ParseAmount(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "%", "-1", "+1", "1e999", "1 %", "NaN", "inf", "0x1", "1e99999999999999999999"} {
		if got, err := ParseAmount(text); err == nil {
			t.Errorf("%s: got %+v", text, got)
		}
	}
}

func TestEnoughSamplesAreCountedInWholeNumbers(t *testing.T) {
	for percent := 1; percent <= 100; percent++ {
		wanted, err := ParseSamples(fmt.Sprintf("%d%%", percent))
		if err != nil || !wanted.Enough(percent, 100) || wanted.Enough(percent-1, 100) {
			t.Errorf("%d%%: %+v, %v", percent, wanted, err)
		}
	}
	if last, err := ParseSamples("Last"); err != nil || !last.Enough(1, 1) || last.Enough(0, 1) {
		t.Errorf("Last: %+v, %v", last, err)
	}
}
