// Package monitoring asks Prometheus's own code of the rules, and of the queries of dashboards, whether they
// are right.
package monitoring

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	promlabels "github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"sigs.k8s.io/yaml"
)

// ruleGroups are the rules as Prometheus reads them: what `promtool check rules` says of them is a mistake.
func ruleGroups(t *testing.T) []rulefmt.RuleGroup {
	t.Helper()
	var object struct {
		Spec map[string]any
	}
	decode(t, manifests+"components/monitoring/alerts.yaml", &object)
	text, err := yaml.Marshal(object.Spec) // the file of rules of those who have no operator
	if err != nil {
		t.Fatal(err)
	}
	groups, mistakes := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	if err := errors.Join(mistakes...); err != nil {
		t.Fatal(err)
	}
	return groups.Groups
}

// alerts and recorded are the rules by name.
func alerts(t *testing.T) map[string]rulefmt.Rule {
	t.Helper()
	return byName(t, func(r rulefmt.Rule) string { return r.Alert })
}

func recorded(t *testing.T) map[string]rulefmt.Rule {
	t.Helper()
	return byName(t, func(r rulefmt.Rule) string { return r.Record })
}

func byName(t *testing.T, name func(rulefmt.Rule) string) map[string]rulefmt.Rule {
	t.Helper()
	out := map[string]rulefmt.Rule{}
	for _, group := range ruleGroups(t) {
		for _, r := range group.Rules {
			if name(r) == "" {
				continue
			}
			if _, twice := out[name(r)]; twice {
				t.Errorf("%s is there twice", name(r))
			}
			out[name(r)] = r
		}
	}
	return out
}

// TestAlertsFireWhenTheyMust and not before: two replicas, scraped every minute, and what fires after half an
// hour, of alerts that wait for hours half an hour after those.
func TestAlertsFireWhenTheyMust(t *testing.T) {
	replica := func(name, series, label, values string) string {
		if label != "" {
			label += ","
		}
		return "  " + series + "{" + label + `pod="` + name + `"} ` + values + "\n"
	}
	both := func(series, label, values string) string {
		return replica("a", series, label, values) + replica("b", series, label, values)
	}
	leads := func(a, b string) string {
		return replica("a", "leader_election_master_status", `name="holdfast"`, a) + replica("b", "leader_election_master_status", `name="holdfast"`, b)
	}
	all := alerts(t)
	seen := map[string]bool{}
	for _, tc := range []struct {
		alert, when string
		series      string
		fires       bool
	}{
		{"HoldfastDown", "both are there", leads("1x30", "0x30"), false},
		{"HoldfastDown", "none is there any more", leads("1x10", "0x10"), true},
		{"HoldfastNobodyEvaluates", "one leads", leads("1x30", "0x30"), false},
		{"HoldfastNobodyEvaluates", "none leads", leads("1x10 0x20", "0x30"), true},
		{"HoldfastUngatedUpdate", "long ago", both("holdfast_ungated_updates_total", "", "0x5 1x25"), false},
		{"HoldfastUngatedUpdate", "a moment ago", replica("a", "holdfast_ungated_updates_total", "", "0x27 1x3"), true},
		{"HoldfastAdmissionErrors", "none", both("holdfast_admission_decisions_total", `effect="Hold",reason="NewTemplate"`, "0+1x30") + both("holdfast_admission_decisions_total", `effect="Error",reason="Internal"`, "3x30"), false},
		{"HoldfastAdmissionErrors", "one", replica("a", "holdfast_admission_decisions_total", `effect="Error",reason="Internal"`, "3x25 4x5"), true},
		{"HoldfastAdmissionSlow", "milliseconds", both("holdfast_admission_duration_seconds_bucket", `le="0.1"`, "0+10x30") + both("holdfast_admission_duration_seconds_bucket", `le="5"`, "0+10x30") + both("holdfast_admission_duration_seconds_bucket", `le="+Inf"`, "0+10x30"), false},
		{"HoldfastAdmissionSlow", "every fifth takes seconds", both("holdfast_admission_duration_seconds_bucket", `le="0.1"`, "0+8x30") + both("holdfast_admission_duration_seconds_bucket", `le="5"`, "0+10x30") + both("holdfast_admission_duration_seconds_bucket", `le="+Inf"`, "0+10x30"), true},
		{"HoldfastCertificateExpires", "in a month", both("holdfast_certificate_expiry_timestamp_seconds", "", "2592000x30"), false},
		{"HoldfastCertificateExpires", "tomorrow, at one of them", replica("a", "holdfast_certificate_expiry_timestamp_seconds", "", "2592000x30") + replica("b", "holdfast_certificate_expiry_timestamp_seconds", "", "86400x30"), true},
		{"HoldfastPrometheusUnreachable", "it answers", both("holdfast_query_breaker_open", `endpoint="default"`, "0x30"), false},
		{"HoldfastPrometheusUnreachable", "one of two does not", both("holdfast_query_breaker_open", `endpoint="default"`, "0x30") + replica("a", "holdfast_query_breaker_open", `endpoint="thanos"`, "1x30"), true},
		{"HoldfastSamplesLate", "they come in time, and later for a while", replica("a", "holdfast_query_sample_age_seconds", `endpoint="default"`, "9x10 40x3 9x17") + replica("a", "holdfast_query_sample_age_limit_seconds", `endpoint="default"`, "17x30"), false},
		{"HoldfastSamplesLate", "one of two is late", replica("a", "holdfast_query_sample_age_seconds", `endpoint="default"`, "9x30") + replica("a", "holdfast_query_sample_age_limit_seconds", `endpoint="default"`, "17x30") + replica("a", "holdfast_query_sample_age_seconds", `endpoint="victoria"`, "31x30") + replica("a", "holdfast_query_sample_age_limit_seconds", `endpoint="victoria"`, "17x30"), true},
		{"HoldfastUpdatesTooFast", "runs end with a verdict", both("holdfast_overtaken_deployments", "", "0x30"), false},
		{"HoldfastUpdatesTooFast", "a run got through", both("holdfast_overtaken_deployments", "", "1x20 0x10"), false},
		{"HoldfastUpdatesTooFast", "none does", both("holdfast_overtaken_deployments", "", "0x10 1x20"), true},
		{"HoldfastRoundsLate", "nothing is measured", both("holdfast_round_lag_seconds_bucket", `le="30"`, "0x30") + both("holdfast_round_lag_seconds_bucket", `le="60"`, "0x30") + both("holdfast_round_lag_seconds_bucket", `le="+Inf"`, "0x30"), false},
		{"HoldfastRoundsLate", "one in a thousand is late", replica("a", "holdfast_round_lag_seconds_bucket", `le="30"`, "0+999x30") + replica("a", "holdfast_round_lag_seconds_bucket", `le="60"`, "0+1000x30") + replica("a", "holdfast_round_lag_seconds_bucket", `le="+Inf"`, "0+1000x30"), false},
		{"HoldfastRoundsLate", "every tenth is", replica("a", "holdfast_round_lag_seconds_bucket", `le="30"`, "0+90x30") + replica("a", "holdfast_round_lag_seconds_bucket", `le="60"`, "0+100x30") + replica("a", "holdfast_round_lag_seconds_bucket", `le="+Inf"`, "0+100x30"), true},
		{"HoldfastIntervalsStretched", "they are as plans say", both("holdfast_interval_stretch", "", "1x60"), false},
		{"HoldfastIntervalsStretched", "for some minutes they were not", replica("a", "holdfast_interval_stretch", "", "1x10 2x10 1x40"), false},
		{"HoldfastIntervalsStretched", "they are longer, by who leads", replica("a", "holdfast_interval_stretch", "", "1x10 1.25x50") + replica("b", "holdfast_interval_stretch", "", "1x60"), true},
		{"HoldfastNotificationsWait", "one waits now and then", both("holdfast_notifications_waiting", `notifier="ci"`, "1 0 2 0 0 1 0x30"), false},
		{"HoldfastNotificationsWait", "the receiver of one replica is away", replica("a", "holdfast_notifications_waiting", `notifier="ci"`, "0x5 3x30") + replica("b", "holdfast_notifications_waiting", `notifier="ci"`, "0x35"), true},
		{"HoldfastDecisionNeeded", "runs go on", both("holdfast_runs", `phase="Running"`, "4x300") + both("holdfast_runs", `phase="Paused"`, "0x300"), false},
		{"HoldfastDecisionNeeded", "somebody decided after three hours", both("holdfast_runs", `phase="Paused"`, "1x180 0x10 1x110"), false},
		{"HoldfastDecisionNeeded", "one is frozen", both("holdfast_runs", `phase="Paused"`, "0x300") + replica("a", "holdfast_runs", `phase="Frozen"`, "1x300"), true},
		{"HoldfastRequestsUnanswered", "long ago", both("holdfast_admission_unanswered_total", `requests="large"`, "0x5 1x25"), false},
		{"HoldfastRequestsUnanswered", "one, a moment ago", both("holdfast_admission_unanswered_total", `requests="large"`, "0x30") + replica("a", "holdfast_admission_unanswered_total", `requests="small"`, "0x27 1x3"), true},
		{"HoldfastMeasurementsFail", "one of twenty", both("holdfast_measurements_total", `outcome="Passed"`, "0+19x60") + both("holdfast_measurements_total", `outcome="Error"`, "0+1x60"), false},
		{"HoldfastMeasurementsFail", "nothing is measured", both("holdfast_measurements_total", `outcome="Passed"`, "7x60") + both("holdfast_measurements_total", `outcome="Error"`, "7x60"), false},
		{"HoldfastMeasurementsFail", "one of three", both("holdfast_measurements_total", `outcome="Passed"`, "0+2x60") + both("holdfast_measurements_total", `outcome="Error"`, "0+1x60"), true},
		{"HoldfastStatusNotWritten", "written every ten minutes", both("holdfast_status_age_seconds", "", "600x60"), false},
		{"HoldfastStatusNotWritten", "not for half an hour, by who leads", replica("a", "holdfast_status_age_seconds", "", "0+60x60") + replica("b", "holdfast_status_age_seconds", "", "0x60"), true},
	} {
		t.Run(tc.alert+"/"+tc.when, func(t *testing.T) {
			seen[tc.alert] = true
			fired := fire(t, all[tc.alert], tc.series)
			if fires := len(fired) == 1; fires != tc.fires || len(fired) > 1 {
				t.Errorf("%s gives %v, want fires: %t", all[tc.alert].Expr, fired, tc.fires)
			}
			for _, alert := range fired {
				if summary := alert.Annotations.Get("summary"); summary == "" || strings.Contains(summary, "error expanding") || strings.Contains(summary, "{{") {
					t.Errorf("it says %q", summary)
				}
			}
		})
	}
	for name := range all {
		if !seen[name] {
			t.Errorf("alert %s has no case", name)
		}
	}
}

// fire are the alerts of a rule that fire in the end, for which Prometheus evaluates it every minute.
func fire(t *testing.T, r rulefmt.Rule, series string) []*rules.Alert {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
	if err != nil {
		t.Fatalf("alert %q: %v", r.Alert, err)
	}
	storage := promqltest.LoadedStorage(t, "load 1m\n"+series)
	alerting := rules.NewAlertingRule(r.Alert, expr, time.Duration(r.For), time.Duration(r.KeepFiringFor), promlabels.FromMap(r.Labels),
		promlabels.FromMap(r.Annotations), promlabels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler))
	ask := rules.EngineQueryFunc(promqltest.NewTestEngine(t, false, 5*time.Minute, 1e6), storage)
	begin := time.Unix(0, 0)
	for now := begin; !now.After(begin.Add(30*time.Minute + time.Duration(r.For).Truncate(time.Hour))); now = now.Add(time.Minute) {
		if _, err := alerting.Eval(t.Context(), 0, now, ask, &url.URL{}, 0); err != nil {
			t.Fatal(err)
		}
	}
	return slices.DeleteFunc(alerting.ActiveAlerts(), func(a *rules.Alert) bool { return a.State != rules.StateFiring })
}

// TestRecordedSeries: what is recorded of two replicas after half an hour.
func TestRecordedSeries(t *testing.T) {
	t.Parallel()
	buckets := func(metric, label string) string {
		var out strings.Builder
		for _, pod := range []string{"a", "b"} {
			fmt.Fprintf(&out, "  %[1]s_bucket{%[2]sle=\"1\",pod=\"%[3]s\"} 0+10x30\n  %[1]s_bucket{%[2]sle=\"+Inf\",pod=\"%[3]s\"} 0+10x30\n", metric, label, pod)
		}
		return out.String()
	}
	cases := map[string]struct {
		series string
		want   float64
		labels string
	}{
		"holdfast:admission_duration_seconds:p99_10m": {buckets("holdfast_admission_duration_seconds", `effect="Hold",`), 0.99, `{}`},
		"holdfast:round_lag_seconds:p99_10m":          {buckets("holdfast_round_lag_seconds", ""), 0.99, `{}`},
		"holdfast:query_duration_seconds:p99_10m":     {buckets("holdfast_query_duration_seconds", `endpoint="thanos",`), 0.99, `{endpoint="thanos"}`},
		"holdfast:runs:max":                           {"  holdfast_runs{phase=\"Running\",pod=\"a\"} 3x30\n  holdfast_runs{phase=\"Running\",pod=\"b\"} 3x30\n", 3, `{phase="Running"}`},
		"holdfast:verdicts:increase1h":                {"  holdfast_verdicts_total{verdict=\"Fail\",reason=\"Crashed\",pod=\"a\"} 0x10 2x20\n", 2, `{reason="Crashed", verdict="Fail"}`},
	}
	all := recorded(t)
	for name, r := range all {
		tc, ok := cases[name]
		if !ok {
			t.Errorf("%s has no case", name)
			continue
		}
		query, err := promqltest.NewTestEngine(t, false, 5*time.Minute, 1e6).
			NewInstantQuery(t.Context(), promqltest.LoadedStorage(t, "load 1m\n"+tc.series), nil, r.Expr, time.Unix(0, 0).Add(30*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		vector, err := query.Exec(t.Context()).Vector()
		if err != nil || len(vector) != 1 || math.Abs(vector[0].F-tc.want) > 0.1*tc.want || vector[0].Metric.String() != tc.labels {
			t.Errorf("%s is %v (%v), want %g of %s", name, vector, err, tc.want, tc.labels)
		}
		query.Close()
	}
	if len(all) != len(cases) {
		t.Errorf("there are %d recorded series, and %d cases", len(all), len(cases))
	}
}

// TestRulesAskForWhatThereIs: metrics, and labels of matchers, of groups and of what alerts say.
func TestRulesAskForWhatThereIs(t *testing.T) {
	t.Parallel()
	all := registered(t)
	both := alerts(t)
	maps.Copy(both, recorded(t))
	for name, r := range both {
		found, err := all.result(r.Expr)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, label := range namedLabel.FindAllStringSubmatch(r.Annotations["summary"], -1) {
			if !found[label[1]] {
				t.Errorf("%s: the summary names the label %s, which %s has not", name, label[1], r.Expr)
			}
		}
	}
}

// TestRunbooksAskForWhatThereIs: the queries that they have people ask of Holdfast's metrics.
func TestRunbooksAskForWhatThereIs(t *testing.T) {
	t.Parallel()
	all := registered(t)
	runbooks, err := os.ReadFile("../../../docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	queries := regexp.MustCompile("`([^`\n]*(?:holdfast|rest_client)_[a-z_]+[^`\n]*)`").FindAllStringSubmatch(string(runbooks), -1)
	for _, query := range queries {
		if _, err := all.result(query[1]); err != nil && all[query[1]+"_bucket"] == nil {
			t.Errorf("%s: %v", query[1], err)
		}
	}
	if len(queries) < 6 {
		t.Errorf("runbooks have %d queries", len(queries))
	}
}

var namedLabel = regexp.MustCompile(`\$labels\.(\w+)`)

// TestEveryAlertHasARunbook, and every runbook its alert.
func TestEveryAlertHasARunbook(t *testing.T) {
	t.Parallel()
	runbooks, err := os.ReadFile("../../../docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	all := alerts(t)
	for name, r := range all {
		if !strings.Contains(string(runbooks), "\n## "+name+"\n") || r.Annotations["runbook_url"] != "docs/runbooks.md#"+strings.ToLower(name) {
			t.Errorf("alert %s has no runbook, or names another: %s", name, r.Annotations["runbook_url"])
		}
		if r.Annotations["summary"] == "" || r.Labels["severity"] == "" {
			t.Errorf("alert %s has no summary or no severity", name)
		}
	}
	for _, heading := range regexp.MustCompile(`(?m)^## (\w+)$`).FindAllStringSubmatch(string(runbooks), -1) {
		if _, ok := all[heading[1]]; !ok {
			t.Errorf("there is no alert %s", heading[1])
		}
	}
}
