package trap

import (
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestPlansThatHideABadCanaryAreTold: each looks sensible and is kept by a canary that is bad, or by none.
// What people write who mean it is in testdata/sensible.yaml.
func TestPlansThatHideABadCanaryAreTold(t *testing.T) {
	share := some(`code=~"5.."`) + " / " + guarded
	bucket := func(le string) string { return `sum(rate(d_seconds_bucket{ {{canary}}, le="` + le + `" }[2m]))` }
	count := `(sum(rate(d_seconds_count{ {{canary}} }[2m])) > 0)`
	quantile := `histogram_quantile(0.99, sum by (le) (rate(d_seconds_bucket{ {{canary}} }[2m])))`
	memory := `max(container_memory_working_set_bytes{ {{canary}} })`
	most := func(v float64) v1alpha1.Range { return v1alpha1.Range{Max: &v} }
	least := func(v float64) v1alpha1.Range { return v1alpha1.Range{Min: &v} }
	for name, tc := range map[string]struct {
		query string
		limit v1alpha1.Range
		says  string
	}{
		"only where there is traffic":      {"(" + share + ") * on() (" + requests + " > bool 50)", most(0.05), "this is 1 or 0, and where it is 0 so is the value, which is kept by max 0.05"},
		"the truth first":                  {"(" + requests + " > bool 50) * on() (" + share + ")", most(0.05), "this is 1 or 0"},
		"one of two good things":           {"(" + share + " < bool 0.05) + on() (" + quantile + " < bool 0.3)", least(1), "kept by min 1 where one of them does not hold; write min 2"},
		"one of three good things":         {"(" + share + " < bool 0.05) + on() (" + quantile + " < bool 0.3) + on() (" + requests + " > bool 1)", least(2), "write min 3"},
		"one bad thing":                    {"(" + share + " > bool 0.05) + on() (" + quantile + " > bool 0.3)", most(1), "write max 0"},
		"both bad things":                  {"(" + share + " > bool 0.05) * on() (" + quantile + " > bool 0.3)", most(0), "where one alone does, max 0 is kept"},
		"what lies between two bounds":     {"(" + bucket("1") + " - " + bucket("0.25") + ") / " + count, most(0.05), "take the lower bucket from d_seconds_count"},
		"how many lie there":               {bucket("1") + " - " + bucket("0.25"), most(1), "take the lower bucket"},
		"… of a native histogram":          {`histogram_fraction(0.3, 1, sum(rate(d_seconds{ {{canary}} }[2m])))`, most(0.05), "write +Inf"},
		"Apdex without its half":           {"(" + bucket("0.3") + " + " + bucket("1.2") + ") / " + count, least(0.9), "the value is up to 2; an Apdex is"},
		"Apdex with half of one":           {"(" + bucket("0.3") + " + " + bucket("1.2") + " / 2) / " + count, least(0.9), "the value is up to 1.5"},
		"Apdex without parentheses":        {bucket("0.3") + " + " + bucket("1.2") + " / 2 / " + count, least(0.9), "one side is a rate, of one second, and the other is a share"},
		"all less a share":                 {requests + " - " + share, least(0.95), "put the sum or difference in parentheses"},
		"a share and all":                  {share + " + " + requests, most(0.05), "the other is a share"},
		"seconds taken for milliseconds":   {quantile + " / 1000", most(0.3), "max 0.3 is 300 seconds: the value is seconds times 0.001"},
		"their mean":                       {"sum(rate(d_seconds_sum{ {{canary}} }[2m])) / " + count + " / 1000", most(0.3), "max 0.3 is 300 seconds"},
		"milliseconds for microseconds":    {strings.Replace(quantile, "seconds", "milliseconds", 1), most(300000), "max 300000 is 300 seconds: the value is milliseconds"},
		"GiB for MiB":                      {memory + " / 1024 / 1024 / 1024", most(500), "max 500 is 5.369e+11 bytes"},
		"MiB for bytes":                    {memory + " / 1024 / 1024", most(524288000), "bytes times 9.537e-07, by the name of the metric"},
		"bytes for MiB":                    {memory, most(500), "max 500 is 500 bytes: the value is bytes, by the name"},
		"GB for bytes, added up":           {"sum(container_fs_usage_bytes{ {{canary}} }) / 1e9", most(1e9), "max 1e+09 is 1e+18 bytes"},
		"a share of memory for percent":    {memory + " / max(container_spec_memory_limit_bytes{ {{canary}} })", most(90), "90% is 0.9"},
		"CPUs for millicores":              {`sum(rate(container_cpu_usage_seconds_total{ {{canary}} }[2m]))`, most(500), "max 500 is 500 CPUs: the value is CPUs, by the name of the metric; 500 millicores are 0.5"},
		"per minute, the wrong way":        {some(`code=~"5.."`) + " / 60", most(1), "per minute it is the rate times 60"},
		"per hour, the wrong way":          {"sum(rate(http_errors_total{ {{canary}} }[2m])) / 3600", most(1), "per hour it is the rate times 3600"},
		"restarts in a second":             {`sum(rate(kube_pod_container_status_restarts_total{ {{canary}} }[2m]))`, most(1), "max 1 bears 60 of these a minute; take increase(…)"},
		"how long ago, turned round":       {`max(last_success_timestamp_seconds{ {{canary}} }) - time()`, most(300), "turn it round"},
		"how long ago, of milliseconds":    {`time() - max(last_success_timestamp_ms{ {{canary}} })`, most(300), "write … / 1000"},
		"a quantile that has lost buckets": {`histogram_quantile(0.99, sum(rate(d_seconds_bucket{ {{canary}} }[2m])))`, most(0.3), "write sum by (le) (…)"},
		"… or that has only the pods":      {`max(histogram_quantile(0.99, sum by (pod) (rate(d_seconds_bucket{ {{canary}} }[2m]))))`, most(0.3), "write sum by (le) (…)"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{Metrics: []v1alpha1.Metric{{Name: "m", Query: tc.query, Range: tc.limit}}}}
			spec.SetDefaults()
			told := strings.Join(OfPlan(&spec, 15*time.Second), "\n")
			if !strings.Contains(told, tc.says) {
				t.Errorf("told:\n%s\nwant: %s", told, tc.says)
			}
		})
	}
}
