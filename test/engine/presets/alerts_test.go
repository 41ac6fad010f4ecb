package presets

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/promqltest"
	"sigs.k8s.io/yaml"
)

// rule is an alert as Prometheus reads it.
type rule struct {
	Alert, Expr string
	For         string
	Labels      map[string]string
	Annotations map[string]string
}

func alerts(t *testing.T) map[string]rule {
	t.Helper()
	text, err := os.ReadFile("../../../manifests/components/monitoring/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var object struct {
		Spec struct{ Groups []struct{ Rules []rule } }
	}
	if err := yaml.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	out := map[string]rule{}
	for _, group := range object.Spec.Groups {
		for _, r := range group.Rules {
			out[r.Alert] = r
		}
	}
	return out
}

// TestAlertsFireWhenTheyMust and not before: two replicas, scraped every minute, and what they say
// after half an hour.
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
		{"HoldfastUpdatesTooFast", "runs end with a verdict", both("holdfast_overtaken_deployments", "", "0x30"), false},
		{"HoldfastUpdatesTooFast", "a run got through", both("holdfast_overtaken_deployments", "", "1x20 0x10"), false},
		{"HoldfastUpdatesTooFast", "none does", both("holdfast_overtaken_deployments", "", "0x10 1x20"), true},
		{"HoldfastRoundsLate", "nothing is measured", both("holdfast_round_lag_seconds_bucket", `le="30"`, "0x30") + both("holdfast_round_lag_seconds_bucket", `le="60"`, "0x30") + both("holdfast_round_lag_seconds_bucket", `le="+Inf"`, "0x30"), false},
		{"HoldfastRoundsLate", "one in a thousand is late", replica("a", "holdfast_round_lag_seconds_bucket", `le="30"`, "0+999x30") + replica("a", "holdfast_round_lag_seconds_bucket", `le="60"`, "0+1000x30") + replica("a", "holdfast_round_lag_seconds_bucket", `le="+Inf"`, "0+1000x30"), false},
		{"HoldfastRoundsLate", "every tenth is", replica("a", "holdfast_round_lag_seconds_bucket", `le="30"`, "0+90x30") + replica("a", "holdfast_round_lag_seconds_bucket", `le="60"`, "0+100x30") + replica("a", "holdfast_round_lag_seconds_bucket", `le="+Inf"`, "0+100x30"), true},
		{"HoldfastDecisionNeeded", "runs go on", both("holdfast_runs", `phase="Running"`, "4x30") + both("holdfast_runs", `phase="Paused"`, "0x30"), false},
		{"HoldfastDecisionNeeded", "one is frozen", both("holdfast_runs", `phase="Paused"`, "0x30") + replica("a", "holdfast_runs", `phase="Frozen"`, "1x30"), true},
	} {
		t.Run(tc.alert+"/"+tc.when, func(t *testing.T) {
			seen[tc.alert] = true
			storage := promqltest.LoadedStorage(t, "load 1m\n"+tc.series)
			query, err := promqltest.NewTestEngine(t, false, 5*time.Minute, 1e6).
				NewInstantQuery(t.Context(), storage, nil, all[tc.alert].Expr, time.Unix(0, 0).Add(30*time.Minute))
			if err != nil {
				t.Fatalf("alert %q: %v", tc.alert, err)
			}
			defer query.Close()
			vector, err := query.Exec(t.Context()).Vector()
			if err != nil {
				t.Fatal(err)
			}
			if fires := len(vector) == 1; fires != tc.fires || len(vector) > 1 {
				t.Errorf("%s gives %v, want fires: %t", all[tc.alert].Expr, vector, tc.fires)
			}
		})
	}
	for name := range all {
		if !seen[name] {
			t.Errorf("alert %s has no case", name)
		}
	}
}

// TestEveryAlertHasARunbook, and asks for metrics that there are.
func TestEveryAlertHasARunbook(t *testing.T) {
	runbooks, err := os.ReadFile("../../../docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	reference, err := os.ReadFile("../../../docs/reference/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range alerts(t) {
		if !strings.Contains(string(runbooks), "\n## "+name+"\n") || r.Annotations["runbook_url"] != "docs/runbooks.md#"+strings.ToLower(name) {
			t.Errorf("alert %s has no runbook, or names another: %s", name, r.Annotations["runbook_url"])
		}
		if r.Annotations["summary"] == "" || r.Labels["severity"] == "" {
			t.Errorf("alert %s has no summary or no severity", name)
		}
		for _, metric := range regexp.MustCompile(`holdfast_[a-z_]+`).FindAllString(r.Expr, -1) {
			if !strings.Contains(string(reference), "`"+strings.TrimSuffix(metric, "_bucket")+"`") {
				t.Errorf("alert %s asks for %s, which Holdfast does not have", name, metric)
			}
		}
	}
}
