package backends

import (
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/internal/query/trap"
)

const yes, no = true, false

// understood says of queries whether whoever writes one is told of a feature flag, and who answers it.
var understood = map[string]struct{ warned, byPlain, byFlagged, byVictoria bool }{
	`sum(rate(up{ {{canary}} }[1m]))`:                                               {no, yes, yes, yes},
	`sum(limitk(1, up{ {{canary}} }))`:                                              {yes, no, yes, yes},
	`sum(limit_ratio(0.5, up{ {{canary}} }))`:                                       {yes, no, yes, no},
	`sum(mad_over_time(up{ {{canary}} }[1m]))`:                                      {yes, no, yes, yes},
	`sum(ts_of_max_over_time(up{ {{canary}} }[1m]))`:                                {yes, no, yes, no},
	`max(histogram_quantiles(rate(x_seconds{ {{canary}} }[1m]), "q", 0.5, 0.9))`:    {yes, no, yes, no},
	`sum(info(up{ {{canary}} }))`:                                                   {yes, no, yes, no},
	`sum(increase(up{ {{canary}} }[1m] anchored))`:                                  {yes, no, yes, no},
	`sum(increase(up{ {{canary}} }[1m] smoothed))`:                                  {yes, no, yes, no},
	`sum(up{ {{canary}} }) + on () fill (0) sum(x{ {{canary}} })`:                   {yes, no, yes, yes},
	`sum(rate(up{ {{canary}} }[step() * 4]))`:                                       {no, no, no, no}, // there is no step, so it is 0
	`sum(rate(up{ {{canary}} }[1m * 4]))`:                                           {no, yes, yes, no},
	`sum(rate(up{ {{canary}} }[min_of(1m, 2m)]))`:                                   {no, yes, yes, no},
	`histogram_count(sum(rate(x_seconds{ {{canary}} }[1m])))`:                       {no, yes, yes, no},
	`max({"queue.length", "k8s.pod.name"="x", {{canary}} })`:                        {no, yes, yes, yes},
	`sum(rate(x[1m]) * on (job, instance) group_left () target_info{ {{canary}} })`: {no, yes, yes, yes},
}

// tooNew are those of them that Thanos (true) and Mimir do not know yet: durations that are computed, and a
// function's new name.
var tooNew = map[bool][]string{
	true:  {`sum(rate(up{ {{canary}} }[1m * 4]))`, `sum(rate(up{ {{canary}} }[min_of(1m, 2m)]))`},
	false: {`sum(rate(up{ {{canary}} }[min_of(1m, 2m)]))`},
}

// TestWhatIsWarnedOfIsWhatServersRefuse: whoever writes a query that a Prometheus takes with a feature flag
// only is told, and nobody else is. What no server takes for an instant query, or another server does not
// know, is found by asking (the condition QueriesAnswered).
func TestWhatIsWarnedOfIsWhatServersRefuse(t *testing.T) {
	t.Parallel()
	nothing := fileOf(t, "{}\n")
	plain := open(t, prometheusServer(t, nothing), "")
	flagged := open(t, prometheusServer(t, nothing, "--enable-feature=promql-experimental-functions,promql-extended-range-selectors,promql-binop-fill-modifiers"), "")
	victoria := open(t, victoriaServer(t, nothing), "")
	for query, tc := range understood {
		var spec v1alpha1.CanaryPlanSpec
		spec.Analysis.Metrics = []v1alpha1.Metric{{Name: "x", Query: query, Range: v1alpha1.Range{Max: new(1.0)}}}
		spec.SetDefaults()
		if said := strings.Join(trap.OfPlan(&spec, time.Second), "\n"); strings.Contains(said, "--enable-feature=") != tc.warned {
			t.Errorf("%s: told is %q", query, said)
		}
		for _, server := range []struct {
			name  string
			of    func(string) string
			takes bool
		}{
			{"Prometheus", answerBy(t, plain), tc.byPlain}, {"one with flags", answerBy(t, flagged), tc.byFlagged},
			{"VictoriaMetrics", answerBy(t, victoria), tc.byVictoria},
		} {
			if said := server.of(strings.ReplaceAll(query, "{{canary}}", `pod="x"`)); (said == "") != server.takes {
				t.Errorf("%s: %s says %q", query, server.name, said)
			}
		}
	}
}

// answerBy says why an endpoint does not answer a query, "" if it does.
func answerBy(t *testing.T, e measure.Endpoint) func(string) string {
	return func(query string) string {
		t.Helper()
		answer, err := e.Query(t.Context(), query, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return answer.Error
	}
}
