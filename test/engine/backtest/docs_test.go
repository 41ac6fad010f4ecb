package backtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	command "holdfast.dev/holdfast/cmd/holdfast/backtest"
)

// shop is a recording of all that the examples in docs/criteria ask for: the
// Deployment web runs 5d8f, then the good 6b7c from 1:00 on and the bad 7f9d from
// 2:00 on. The pods before stay beside new ones, as those of a canary would.
func shop(more string) string {
	var out strings.Builder
	out.WriteString("load 15s\n  kube_node_info 1x960\n")
	for _, set := range []struct {
		name        string
		from, count int
		bad         bool
	}{{"5d8f", 0, 440, false}, {"6b7c", 240, 440, false}, {"7f9d", 480, 400, true}} {
		fmt.Fprintf(&out, "  kube_replicaset_owner{namespace=\"shop\",replicaset=\"web-%s\",owner_kind=\"Deployment\",owner_name=\"web\"} _x%d 1x%d\n", set.name, set.from, set.count)
		for _, pod := range []string{"bcdfg", "hjklm", "npqrs"} {
			labels := fmt.Sprintf("namespace=\"shop\",pod=\"web-%s-%s\"", set.name, pod)
			series := func(name, more string, good, bad string) {
				value := good
				if set.bad {
					value = bad
				}
				if value != "" {
					fmt.Fprintf(&out, "  %s{%s%s} _x%d %sx%d\n", name, labels, more, set.from, value, set.count)
				}
			}
			series("kube_pod_owner", fmt.Sprintf(`,owner_kind="ReplicaSet",owner_name="web-%s"`, set.name), "1", "1")
			series("kube_pod_status_ready", `,condition="true"`, "1", "1")
			requests(series)
			series("container_memory_working_set_bytes", `,container="app"`, "100000000", "600000000+1000000")
			series("container_cpu_usage_seconds_total", "", "0+1", "0+3")
			series("queue_length", "", "5", "200+200")
			series("worker_jobs_total", `,reason="done"`, "0+10", "0+10")
			series("worker_jobs_total", `,reason="oom"`, "", "0+2")
			series("ALERTS", `,alertname="CheckoutFails",alertstate="firing",severity="critical"`, "", "1")
		}
	}
	return out.String() + more
}

// requests are those of a pod in 15 seconds: 100, which are fast, or 70 that
// are slow and 30 that fail.
func requests(series func(name, more, good, bad string)) {
	series("http_requests_total", `,code="200",status="200"`, "0+100", "0+70")
	series("http_requests_total", `,code="500",status="500"`, "0+1", "0+30")
	series("http_request_duration_seconds_count", "", "0+100", "0+100")
	for le, bad := range map[string]string{"0.1": "0+10", "0.25": "0+20", "1": "0+100", "+Inf": "0+100"} {
		series("http_request_duration_seconds_bucket", fmt.Sprintf(",le=%q", le), "0+100", bad)
	}
	const sidecar = `,reporter="destination"`
	series("istio_requests_total", sidecar+`,response_code="200"`, "0+100", "0+70")
	series("istio_requests_total", sidecar+`,response_code="503"`, "", "0+30")
	series("istio_request_duration_milliseconds_count", sidecar, "0+100", "0+100")
	for le, bad := range map[string]string{"100": "0+10", "1000": "0+100", "+Inf": "0+100"} {
		series("istio_request_duration_milliseconds_bucket", sidecar+fmt.Sprintf(",le=%q", le), "0+100", bad)
	}
}

var example = regexp.MustCompile("(?s)```yaml\n(apiVersion: holdfast.dev.*?)```")

// TestTheExamplesInTheDocs: each plan on a page about a criterion, by each of its
// metrics alone, releases the good rollout and reverts the bad one.
func TestTheExamplesInTheDocs(t *testing.T) {
	pages, err := filepath.Glob("../../../docs/criteria/*.md")
	if err != nil {
		t.Fatal(err)
	}
	url := serve(t, shop(""))
	tried := 0
	for _, page := range pages {
		name := filepath.Base(page)
		for _, plan := range plansOn(t, page) {
			for i, metric := range plan.Spec.Analysis.Metrics {
				if metric.Labels != nil { // those of objects are not recorded; TestJudgingByLabels has them
					continue
				}
				tried++
				t.Run(name+"/"+metric.Name, func(t *testing.T) {
					alone := *plan.DeepCopy()
					alone.Spec.Analysis.Metrics = plan.Spec.Analysis.Metrics[i : i+1]
					wantDecisions(t, url, alone, "metric "+metric.Name+": ")
				})
			}
		}
	}
	if tried < 10 {
		t.Errorf("only %d metrics were found; is the test looking in the right place?", tried)
	}
}

// Pods have no query; kube-state-metrics tells how they were.
func TestTheExampleOfPodHealth(t *testing.T) {
	const restarts = "  kube_pod_container_status_restarts_total{namespace=\"shop\",pod=\"web-7f9d-bcdfg\",container=\"app\"} _x480 0x3 1x240\n"
	url := serve(t, shop(restarts))
	for _, page := range []string{"pod-health.md", "manual.md"} {
		for _, plan := range plansOn(t, filepath.Join("../../../docs/criteria", page)) {
			wantDecisions(t, url, plan, "")
		}
	}
}

func plansOn(t *testing.T, page string) []v1alpha1.CanaryPlan {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var out []v1alpha1.CanaryPlan
	for _, match := range example.FindAllStringSubmatch(string(text), -1) {
		var plan v1alpha1.CanaryPlan
		if err := yaml.UnmarshalStrict([]byte(match[1]), &plan); err != nil {
			t.Fatalf("%s: %v", page, err)
		}
		out = append(out, plan)
	}
	if len(out) == 0 && filepath.Base(page) != "README.md" {
		t.Errorf("%s has no example", page)
	}
	return out
}

func wantDecisions(t *testing.T, url string, plan v1alpha1.CanaryPlan, says string) {
	t.Helper()
	text, err := yaml.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := run(t, string(text), url, "-o", "json")
	var got command.Report
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 || len(got.Decisions) != 2 {
		t.Fatalf("exit code %d, %v: %s%s", code, err, stdout, stderr)
	}
	for i, want := range []struct{ set, outcome, says string }{{"web-6b7c", "Released", ""}, {"web-7f9d", "Reverted", says}} {
		if d := got.Decisions[i]; d.ReplicaSet != want.set || string(d.Outcome) != want.outcome || !strings.Contains(d.Message, want.says) {
			t.Errorf("%s: %s: %s; want %s", d.ReplicaSet, d.Outcome, d.Message, want.outcome)
		}
	}
}
