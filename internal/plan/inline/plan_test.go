package inline

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/api/v1alpha1"
)

const (
	period     = v1alpha1.PeriodAnnotation
	errorsKey  = v1alpha1.MetricAnnotationPrefix + "errors"
	latencyKey = v1alpha1.MetricAnnotationPrefix + "latency"
)

func TestParse(t *testing.T) {
	for name, tc := range map[string]struct {
		annotations map[string]string
		interval    string
		period      string
		metrics     []string // name query range
	}{
		"period alone":               {map[string]string{period: "10m"}, "30s", "10m0s", nil},
		"a short period is measured": {map[string]string{period: "10s"}, "1s", "10s", nil},
		"whole seconds":              {map[string]string{period: "25s"}, "2s", "25s", nil},
		"the shortest":               {map[string]string{period: "1s"}, "1s", "1s", nil},
		"metrics alone, in order of names": {
			map[string]string{latencyKey: "max(x) in [0, 1e-3]", errorsKey: "up in [1, 1]", "other": "x"},
			"30s", "15m0s", []string{"errors up [1 1]", "latency max(x) [0 0.001]"},
		},
		"open ends": {
			map[string]string{errorsKey: "up in [, .5]", latencyKey: "up in [-2.5E2,inf]"},
			"30s", "15m0s", []string{"errors up [_ 0.5]", "latency up [-250 _]"},
		},
		"brackets and the word in belong to PromQL too": {
			map[string]string{errorsKey: `sum by (in) (rate(x{a=" in [1, 2]"}[5m]))in[ +1 , 2 ]` + "\n"},
			"30s", "15m0s", []string{`errors sum by (in) (rate(x{a=" in [1, 2]"}[5m])) [1 2]`},
		},
		"expectations": {
			map[string]string{errorsKey: " success ≥ 99.5%\n", latencyKey: "P99 < 310ms"},
			"30s", "15m0s", []string{"errors success ≥ 99.5% by PrometheusClient", "latency P99 < 310ms by PrometheusClient"},
		},
		"expectations of a source": {
			map[string]string{latencyKey: "p99.9<=1.5s", v1alpha1.SourceAnnotation: "Istio"},
			"30s", "15m0s", []string{"latency p99.9<=1.5s by Istio"},
		},
		"a label that says how requests ended": {
			map[string]string{errorsKey: "success >= 99%", latencyKey: "P99 < 1s", v1alpha1.StatusLabelAnnotation: " status\n"},
			"30s", "15m0s", []string{"errors success >= 99% by PrometheusClient status", "latency P99 < 1s by PrometheusClient"},
		},
		"a series named like an expectation": {
			map[string]string{errorsKey: "success in [0, 1]", latencyKey: "P99 < 310 in [0, 1]"},
			"30s", "15m0s", []string{"errors success [0 1]", "latency P99 < 310 [0 1]"},
		},
		"several lines": {
			map[string]string{errorsKey: "up{ {{canary}} }\n  in [0, -0]\n"},
			"30s", "15m0s", []string{"errors up{ {{canary}} } [0 -0]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			spec, errs := Parse(tc.annotations)
			if len(errs) > 0 {
				t.Fatal(errs.ToAggregate())
			}
			var metrics []string
			for _, m := range spec.Analysis.Metrics {
				if m.Expect != "" {
					metrics = append(metrics, strings.TrimSpace(m.Name+" "+m.Expect+" by "+string(m.Source)+" "+m.StatusLabel))
					continue
				}
				metrics = append(metrics, m.Name+" "+m.Query+" ["+end(m.Range.Min)+" "+end(m.Range.Max)+"]")
			}
			got := append([]string{spec.Analysis.Interval.Duration.String(), spec.Analysis.Period.Duration.String()}, metrics...)
			want := append([]string{tc.interval, tc.period}, tc.metrics...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if spec.OnFailure != v1alpha1.FailureRevert || *spec.Analysis.FailureLimit != 2 {
				t.Errorf("defaults are not set: %+v", spec)
			}
		})
	}
}

func end(f *float64) string {
	if f == nil {
		return "_"
	}
	return strconv.FormatFloat(*f, 'g', -1, 64)
}

func TestParseNothing(t *testing.T) {
	for _, annotations := range []map[string]string{nil, {"a": "b", v1alpha1.PlanAnnotation: "x"}} {
		if spec, errs := Parse(annotations); spec != nil || len(errs) > 0 {
			t.Errorf("Parse(%v) = %v, %v, want nothing", annotations, spec, errs)
		}
	}
}

func TestParsePlacesMistakes(t *testing.T) {
	for name, tc := range map[string]struct {
		key, value string
		want       string
	}{
		"period without a unit":    {period, "10", `metadata.annotations[holdfast.dev/period]: Invalid value: "10": line 1, column 1: expected a number and a unit`},
		"period with an odd unit":  {period, "1h2d", "line 1, column 3: expected a number and a unit (ms, s, m or h), as in “10m”"},
		"empty period":             {period, "", "line 1, column 1"},
		"period too short":         {period, "10ms", "at least 1s"},
		"period too long":          {period, "99999999999999h", "too long"},
		"empty metric":             {errorsKey, " ", `metadata.annotations[metric.holdfast.dev/errors]: Invalid value: " ": line 1, column 1: the metric is empty; write it as`},
		"no range":                 {errorsKey, "up ", "line 1, column 3: expected a range such as “in [0, 0.05]” at the end"},
		"no word in":               {errorsKey, "rate(up[5m]) [0, 1]", "line 1, column 14: expected the word “in”"},
		"a word that ends in in":   {errorsKey, "min [0, 1]", "line 1, column 5: expected the word “in”"},
		"no query":                 {errorsKey, "in [0, 1]", "line 1, column 1: expected a query"},
		"bracket not opened":       {errorsKey, "up 1]", "line 1, column 5: ] closes"},
		"no comma":                 {errorsKey, "up in [0 1]", "line 1, column 11: expected a comma"},
		"no number":                {errorsKey, "up in [0, 5%]", `line 1, column 11: expected a number such as 0.05, 1e-3 or inf, got "5%"`},
		"NaN":                      {errorsKey, "up in [NaN, 1]", "line 1, column 8: expected a number"},
		"hexadecimal":              {errorsKey, "up in [0x1p3, 1]", "line 1, column 8: expected a number"},
		"too large":                {errorsKey, "up in [0, 1e999]", "line 1, column 11: 1e999 is too large"},
		"upside down":              {errorsKey, "up in [1, 0]", "line 1, column 8: min 1 is greater than max 0"},
		"no end at all":            {errorsKey, "up in [-inf, inf]", "line 1, column 8: the range needs min, max or both"},
		"min is inf":               {errorsKey, "up in [inf, ]", "line 1, column 8: min cannot be inf"},
		"max is -inf":              {errorsKey, "up in [, -inf]", "line 1, column 10: max cannot be -inf"},
		"PromQL, on a second line": {errorsKey, "up{ {{canary}} }\n + nope(1) in [0, 1]", "line 2, column 4: unknown function"},
		"placeholder":              {errorsKey, "  up{ {{pod}} } in [0, 1]", "line 1, column 7: unknown placeholder {{pod}}"},
		"expectation without unit": {latencyKey, " P99 < 310", "line 1, column 8: 310 has no unit"},
		"expectation upside down":  {latencyKey, "success < 0.99", "line 1, column 9: a share of successes has a lower end"},
		"unfinished expectation":   {latencyKey, "success >", "line 1, column 10: expected a share"},
		"name of a metric":         {v1alpha1.MetricAnnotationPrefix + "Errors_5xx", "up in [0, 1]", "lower-case letters"},
		"reserved name":            {v1alpha1.MetricAnnotationPrefix + "pods", "up in [0, 1]", "choose another name"},
	} {
		t.Run(name, func(t *testing.T) {
			spec, errs := Parse(map[string]string{tc.key: tc.value})
			if spec != nil || len(errs) != 1 {
				t.Fatalf("Parse = %v, %v, want one mistake", spec, errs)
			}
			if !strings.Contains(errs[0].Error(), tc.want) {
				t.Errorf("got  %s\nwant %s in it", errs[0], tc.want)
			}
		})
	}
}

func TestParseRefusesAnUnknownSource(t *testing.T) {
	_, errs := Parse(map[string]string{latencyKey: "P99 < 310ms", v1alpha1.SourceAnnotation: "istio"})
	want := `metadata.annotations[holdfast.dev/source]: Unsupported value: "istio": supported values: "EnvoyGateway", "Istio", "Linkerd"`
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), want) {
		t.Errorf("got %v, want %s", errs, want)
	}
}

func TestParseRefusesAStatusLabelThatCannotBeMeant(t *testing.T) {
	const at = "metadata.annotations[holdfast.dev/status-label]: "
	for name, tc := range map[string]struct {
		metric, label, source, want string
	}{
		"no label":               {"success >= 99%", " ", "", at + "Required value: names no label"},
		"no name of a label":     {"success >= 99%", "http status", "", at + `Invalid value: "http status": is no name of a Prometheus label`},
		"a label of a proxy":     {"success >= 99%", "code", "Istio", at + "Forbidden: is for source PrometheusClient; Istio has labels of its own"},
		"nothing that has to it": {"P99 < 1s", "code", "", at + "Forbidden: is for an expectation such as “success >= 99%”"},
	} {
		annotations := map[string]string{latencyKey: tc.metric, v1alpha1.StatusLabelAnnotation: tc.label}
		if tc.source != "" {
			annotations[v1alpha1.SourceAnnotation] = tc.source
		}
		if _, errs := Parse(annotations); len(errs) != 1 || !strings.Contains(errs[0].Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", name, errs, tc.want)
		}
	}
}

func TestParseFindsEveryMistake(t *testing.T) {
	_, errs := Parse(map[string]string{period: "x", errorsKey: "up", latencyKey: "up"})
	var fields []string
	for _, err := range errs {
		fields = append(fields, err.Field)
	}
	want := []string{"metadata.annotations[" + period + "]", "metadata.annotations[" + errorsKey + "]", "metadata.annotations[" + latencyKey + "]"}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// FuzzParse: nothing panics; there is a plan or a mistake and never both; a plan
// is a right one, also by the schema of runs.
func FuzzParse(f *testing.F) {
	for _, seed := range [][2]string{
		{"10m", "up in [0, 1]"}, {"", "in [,]"}, {"1h2m3.5s", "x[5m] in [0,1] in [ -1e-3 , ]"}, {"1d", "]["}, {"1s", "upin[0,1]"},
		{"9223372036854775807h", "{{canary}} in [0, 1]"}, {"1.s", "up{ {{canary}} } in\n[-inf, +INF]"}, {"5m", "é in [0, 1]"},
		{"5m", "P99.9 <= 1m2.5s"}, {"5m", "success ≥ .5%"}, {"5m", "success>"},
	} {
		f.Add(seed[0], "errors", seed[1])
	}
	schema := schemaOfPlans(f)
	f.Fuzz(func(t *testing.T, periodText, name, text string) {
		annotations := map[string]string{period: periodText, v1alpha1.MetricAnnotationPrefix + name: text}
		spec, errs := Parse(annotations)
		if (spec == nil) == (len(errs) == 0) {
			t.Fatalf("spec %v, mistakes %v", spec, errs)
		}
		for _, err := range errs {
			_ = err.Error()
		}
		if spec == nil {
			return
		}
		for _, refused := range refusals(t, schema, spec) {
			t.Fatalf("the API server: %s", refused)
		}
		a := spec.Analysis
		if a.Interval.Duration < time.Second || a.Interval.Duration > a.Period.Duration {
			t.Fatalf("interval %s of period %s", a.Interval.Duration, a.Period.Duration)
		}
		if len(a.Metrics) != len(slices.Collect(maps.Keys(annotations)))-1 {
			t.Fatalf("metrics %v of %v", a.Metrics, annotations)
		}
	})
}
