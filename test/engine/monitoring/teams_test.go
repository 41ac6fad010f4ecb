package monitoring

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/promqltest"
)

// threeRuns are what kube-state-metrics tells of one that is measured, one that failed after ten minutes, and
// one by hand that came to no verdict.
const threeRuns = `load 1m
  kube_canaryrun_created{namespace="shop",deployment="web",canaryrun="web-2"} 1200x30
  kube_canaryrun_status_phase{namespace="shop",deployment="web",canaryrun="web-2",phase="Running"} 1x30
  kube_canaryrun_status_phase{namespace="shop",deployment="web",canaryrun="web-2",phase="Paused"} 0x30
  kube_canaryrun_status_phase{namespace="shop",deployment="web",canaryrun="web-2",phase="Reverted"} 0x30
  kube_canaryrun_status_info{namespace="shop",deployment="web",canaryrun="web-2",hold="b",reason="Measuring"} 1x30
  kube_canaryrun_status_condition_changed{namespace="shop",deployment="web",canaryrun="web-2",type="CanaryReady",status="True"} 1260x30
  kube_canaryrun_status_condition_changed{namespace="shop",deployment="web",canaryrun="web-2",type="Analyzed",status="Unknown"} 1200x30
  kube_canaryrun_created{namespace="shop",deployment="web",canaryrun="web-1"} 300x30
  kube_canaryrun_status_phase{namespace="shop",deployment="web",canaryrun="web-1",phase="Running"} 0x30
  kube_canaryrun_status_phase{namespace="shop",deployment="web",canaryrun="web-1",phase="Paused"} 0x30
  kube_canaryrun_status_phase{namespace="shop",deployment="web",canaryrun="web-1",phase="Reverted"} 1x30
  kube_canaryrun_status_info{namespace="shop",deployment="web",canaryrun="web-1",hold="a",verdict="Fail",reason="Crashed"} 1x30
  kube_canaryrun_status_condition_changed{namespace="shop",deployment="web",canaryrun="web-1",type="Analyzed",status="False"} 900x30
  kube_canaryrun_created{namespace="shop",deployment="cart",canaryrun="mine"} 300x30
  kube_canaryrun_status_phase{namespace="shop",deployment="cart",canaryrun="mine",phase="Running"} 0x30
  kube_canaryrun_status_phase{namespace="shop",deployment="cart",canaryrun="mine",phase="Paused"} 1x30
  kube_canaryrun_status_phase{namespace="shop",deployment="cart",canaryrun="mine",phase="Reverted"} 0x30
  kube_canaryrun_status_info{namespace="shop",deployment="cart",canaryrun="mine",verdict="Inconclusive",reason="NoDataLimit"} 1x30
  kube_canaryrun_status_condition_changed{namespace="shop",deployment="cart",canaryrun="mine",type="Analyzed",status="Unknown"} 300x30
  leader_election_master_status{name="holdfast",pod="a"} 1x30
  leader_election_master_status{name="holdfast",pod="b"} 0x30
`

// TestTeamsSeeTheirRuns: what the panels by namespace and Deployment say of three runs, one line for each
// query.
func TestTeamsSeeTheirRuns(t *testing.T) {
	t.Parallel()
	storage := promqltest.LoadedStorage(t, threeRuns)
	engine := promqltest.NewTestEngine(t, false, 5*time.Minute, 1e6)
	ask := func(expr, deployment string) string {
		expr = strings.NewReplacer("$namespace", "shop", "$deployment", deployment).Replace(asGrafanaWould.Replace(expr))
		query, err := engine.NewInstantQuery(t.Context(), storage, nil, expr, time.Unix(1800, 0))
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		defer query.Close()
		vector, err := query.Exec(t.Context()).Vector()
		if err != nil {
			t.Errorf("%s: %v", expr, err)
		}
		var out []string
		for _, sample := range vector {
			out = append(out, sample.Metric.String()+" "+time.Duration(sample.F*float64(time.Second)).String())
		}
		return strings.Join(out, ", ")
	}
	seen := map[string][]string{}
	for _, p := range boards(t)["holdfast-teams"].Panels {
		for _, target := range p.Targets {
			if strings.Contains(target.Expr, "kube_canaryrun") || strings.Contains(target.Expr, "leader_election") {
				seen[p.Title] = append(seen[p.Title], ask(target.Expr, ".*"), ask(target.Expr, "other"))
			}
		}
	}
	// values are counts, as seconds, or seconds
	want := map[string][]string{
		"Decisions needed":            {"{} 1s", "{} 0s"},
		"Updates held":                {"{} 1s", "{} 0s"}, // not that which was made by hand
		"Runs that are measured":      {"{} 1s", "{} 0s"},
		"Holdfast evaluates":          {"{} 1s", "{} 1s"},
		"Verdicts in an hour":         {"", "", "{} 1s", ""},
		"Runs that failed, by reason": {`{reason="Crashed"} 1s`, ""},
		"Runs without a verdict":      {`{reason="NoDataLimit"} 1s`, ""},
		"From hold to verdict":        {`{deployment="web", namespace="shop"} 10m0s`, "", `{deployment="web", namespace="shop"} 10m0s`, ""},
	}
	for title, lines := range want {
		if got := strings.Join(seen[title], "\n"); got != strings.Join(lines, "\n") {
			t.Errorf("%s says\n%s\nwant\n%s", title, got, strings.Join(lines, "\n"))
		}
	}
	if got := seen["Runs under way by phase"][0]; !strings.Contains(got, `{phase="Running"} 1s`) || !strings.Contains(got, `{phase="Paused"} 1s`) || strings.Contains(got, "Reverted") {
		t.Errorf("by phase: %s", got)
	}
	if got := seen["Runs"][0]; strings.Count(got, "canaryrun=") != 3 {
		t.Errorf("the table has %s", got)
	}
}
