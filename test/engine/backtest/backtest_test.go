package backtest

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	command "holdfast.dev/holdfast/cmd/holdfast/backtest"
	"holdfast.dev/holdfast/cmd/holdfast/cli"
)

const planText = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: careful, namespace: shop}
spec:
  analysis:
    initialDelay: 1m
    interval: 30s
    period: 5m
    failureLimit: 1
    noDataLimit: 2
    metrics:
    - name: error-rate
      query: |
        sum(rate(requests_total{ {{canary}}, code="500" }[1m])) / sum(rate(requests_total{ {{canary}} }[1m]))
      range: {min: 0, max: 0.05}
`

// The Deployment web: 5d8f is stable, the good 6b7c replaces it after an hour,
// the bad 7f9d that after two, and 8c8d, whose requests nobody counts, after three.
func recordings(more string) string {
	var out strings.Builder
	out.WriteString("load 15s\n")
	for _, pod := range []string{"bcdfg", "hjklm", "npqrs"} {
		requests := func(set string, from, count int, good, bad string) {
			for code, each := range map[string]string{"200": good, "500": bad} {
				fmt.Fprintf(&out, "  requests_total{namespace=\"shop\",pod=\"web-%s-%s\",code=%q} _x%d 0+%sx%d\n", set, pod, code, from, each, count)
			}
		}
		requests("5d8f", 0, 244, "100", "1")
		requests("6b7c", 240, 244, "100", "2")
		requests("7f9d", 480, 244, "70", "30")
		fmt.Fprintf(&out, "  up{namespace=\"shop\",pod=\"web-8c8d-%s\"} _x720 1x240\n", pod)
		fmt.Fprintf(&out, "  up{namespace=\"shop\",pod=\"web-api-%s\"} _x100 1x900\n", pod)
	}
	return out.String() + more
}

var now = time.Unix(4*3600, 0).UTC()

// run runs the command.
func run(t *testing.T, plan, url string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, said bytes.Buffer
	args = append([]string{"--plan", "-", "--deployment", "web", "--prometheus-url", url, "--from", "1970-01-01T00:00:00Z"}, args...)
	c := command.Command(now)
	c.SetIn(strings.NewReader(plan))
	c.SetOut(&out)
	c.SetErr(&said)
	c.SetArgs(args)
	code = cli.Run(t.Context(), c)
	return out.String(), said.String(), code
}

func TestEveryRolloutHasItsDecision(t *testing.T) {
	stdout, stderr, code := run(t, planText, serve(t, recordings("")))
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	compareGolden(t, "rollouts.txt", stdout)
	if !strings.Contains(stderr, "12 pods were recorded by the series of the plan's queries") {
		t.Errorf("progress: %s", stderr)
	}
}

func TestKubeStateMetricsTellsOwnersReadinessAndRestarts(t *testing.T) {
	// With its word 8c8d is no ReplicaSet, 6b7c is Ready after five minutes, and 7f9d restarts.
	var more strings.Builder
	for _, pod := range []string{"bcdfg", "hjklm", "npqrs"} {
		for set, from := range map[string]int{"5d8f": 0, "6b7c": 240, "7f9d": 480} {
			fmt.Fprintf(&more, "  kube_pod_owner{namespace=\"shop\",pod=\"web-%s-%s\",owner_kind=\"ReplicaSet\",owner_name=\"web-%s\"} _x%d 1x244\n", set, pod, set, from)
			ready := from
			if set == "6b7c" {
				ready += 20
			}
			fmt.Fprintf(&more, "  kube_pod_status_ready{namespace=\"shop\",pod=\"web-%s-%s\",condition=\"true\"} _x%d 0x%d 1x224\n", set, pod, from, max(ready-from-1, 0))
		}
		// A canary, whose name does not tell it from a ReplicaSet of the Deployment.
		fmt.Fprintf(&more, "  kube_pod_owner{namespace=\"shop\",pod=\"web-2nqq6mln9s-%s\",owner_kind=\"ReplicaSet\",owner_name=\"web-2nqq6mln9s\"} _x100 1x40\n", pod)
		fmt.Fprintf(&more, "  kube_pod_container_status_restarts_total{namespace=\"shop\",pod=\"web-7f9d-%s\",container=\"app\"} _x480 0x3 1x240\n", pod)
	}
	for _, set := range []string{"5d8f", "6b7c", "7f9d"} {
		fmt.Fprintf(&more, "  kube_replicaset_owner{namespace=\"shop\",replicaset=\"web-%s\",owner_kind=\"Deployment\",owner_name=\"web\"} 1x900\n", set)
	}
	stdout, stderr, code := run(t, planText, serve(t, recordings(more.String())))
	if code != 0 || !strings.Contains(stderr, "9 pods were recorded by kube-state-metrics") {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	compareGolden(t, "kube-state-metrics.txt", stdout)
}

func TestARolloutGivenByHandIsFoundOrSaidToBeMissing(t *testing.T) {
	url := serve(t, recordings(""))
	stdout, _, code := run(t, planText, url, "-o", "json", "--rollout", "1970-01-01T02:03:00Z", "--rollout", "1970-01-01T01:30:00Z")
	var got command.Report
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 || len(got.Decisions) != 2 {
		t.Fatalf("exit code %d, %v: %s", code, err, stdout)
	}
	if d := got.Decisions[0]; d.ReplicaSet != "web-7f9d" || d.Outcome != "Reverted" {
		t.Errorf("%s %s", d.ReplicaSet, d.Outcome)
	}
	if d := got.Decisions[1]; d.Outcome != "Undecided" || !strings.Contains(d.Message, "no ReplicaSet was seen") {
		t.Errorf("%s: %s", d.Outcome, d.Message)
	}
}

func TestPodsOfOtherNamesAreToldByAPattern(t *testing.T) {
	load := `load 15s
  up{namespace="shop",pod="shop.v1-a"} 1x100
  up{namespace="shop",pod="shop.v2-a"} _x60 1x60
`
	plan := strings.Replace(planText, "sum(rate(requests_total{ {{canary}}, code=\"500\" }[1m])) / sum(rate(requests_total{ {{canary}} }[1m]))", "1 - min(up{ {{canary}} })", 1)
	stdout, stderr, code := run(t, plan, serve(t, load), "--pods", "shop[.]v[0-9]-[a-z]+")
	if code != 0 || !strings.Contains(stdout, "00:15:00Z  shop.v2  would have been released at 1970-01-01 00:20:00Z") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
}

func TestTheServiceIsCalledAsTheDeploymentUnlessItIsSaid(t *testing.T) {
	load := recordings("  answered{service=\"web\"} 0x900\n  answered{service=\"shop\"} 1x900\n")
	plan := planText + "    - name: answered\n      query: sum(answered{service=\"{{service}}\"}) + 0 * sum(up{ {{canary}} } or on() vector(0))\n      range: {min: 1}\n"
	for service, want := range map[string]string{"": "Reverted", "shop": "Released"} {
		stdout, stderr, code := run(t, plan, serve(t, load), "-o", "json", "--service", service, "--rollout", "1970-01-01T01:00:00Z")
		if code != 0 || !strings.Contains(stdout, `"outcome": "`+want+`"`) {
			t.Errorf("service %q, exit code %d, want %s: %s%s", service, code, want, stdout, stderr)
		}
	}
}

func TestStableAndBaselineAreTheReplicaSetsBefore(t *testing.T) {
	plan := strings.Replace(planText, "  analysis:", "  baseline: {}\n  analysis:", 1) +
		"    - name: stable\n      query: count(requests_total{ {{stable}} })\n      range: {min: 6, max: 6}\n" +
		"    - name: baseline\n      query: count(requests_total{ {{baseline}} })\n      range: {min: 6, max: 6}\n"
	plan = strings.Replace(plan, "name: baseline", "name: base", 1)
	stdout, stderr, code := run(t, plan, serve(t, recordings("")), "-o", "json", "--rollout", "1970-01-01T01:00:00Z")
	var got command.Report
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 || len(got.Decisions) != 1 {
		t.Fatalf("exit code %d, %v: %s%s", code, err, stdout, stderr)
	}
	d := got.Decisions[0]
	if d.Outcome != "Released" || !strings.Contains(strings.Join(d.Notes, "\n"), "ReplicaSets before") {
		t.Errorf("%s: %s %q", d.Outcome, d.Message, d.Notes)
	}
	for _, m := range d.Metrics {
		if query := m.Measurements[0].Query; (m.Name == "stable" || m.Name == "base") && !strings.Contains(query, `pod=~"web-5d8f-`) {
			t.Errorf("%s asks %s", m.Name, query)
		}
	}
}

func TestAComparisonIsWithThePodsBefore(t *testing.T) {
	metrics, _, _ := strings.Cut(planText, "    metrics:")
	plan := metrics + `    metrics:
    - name: errors
      compare:
        count:
          bad: 'requests_total{ {{pods}}, code="500" }'
          total: 'requests_total{ {{pods}} }'
`
	// The pods of 6b7c stay for another ten minutes beside those of 7f9d.
	load := strings.NewReplacer("_x240 0+100x244", "_x240 0+100x280", "_x240 0+2x244", "_x240 0+2x280").Replace(recordings(""))
	stdout, stderr, code := run(t, plan, serve(t, load))
	if code != 0 || !strings.Contains(stderr, "12 pods were recorded") {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	compareGolden(t, "comparison.txt", stdout)
}

// The pods of 6b7c are good and those of 7f9d are slow, by buckets as Prometheus 3
// stores them; a bound that no histogram has says nothing of either.
func TestAComparisonOfABucket(t *testing.T) {
	metrics, _, _ := strings.Cut(planText, "    metrics:")
	var load strings.Builder
	load.WriteString("load 15s\n")
	for _, set := range []struct {
		name        string
		from, count int
		fast        string
	}{{"5d8f", 0, 280, "95"}, {"6b7c", 240, 280, "95"}, {"7f9d", 480, 280, "40"}} {
		for _, pod := range []string{"bcdfg", "hjklm", "npqrs"} {
			at := fmt.Sprintf(`namespace="shop",pod="web-%s-%s"`, set.name, pod)
			fmt.Fprintf(&load, "  l_bucket{%s,le=\"1.0\"} _x%d 0+%sx%d\n", at, set.from, set.fast, set.count)
			fmt.Fprintf(&load, "  l_bucket{%s,le=\"+Inf\"} _x%d 0+100x%d\n", at, set.from, set.count)
			fmt.Fprintf(&load, "  l_count{%s} _x%d 0+100x%d\n", at, set.from, set.count)
		}
	}
	url := serve(t, load.String())
	for bound, want := range map[string][]string{"1": {"Released", "Reverted"}, "1.0": {"Released", "Reverted"}, "2": {"Inconclusive", "Inconclusive"}} {
		plan := metrics + `    metrics:
    - name: slow
      compare: {count: {good: 'l_bucket{ {{pods}}, le="` + bound + `" }', total: 'l_count{ {{pods}} }'}}
`
		stdout, stderr, code := run(t, plan, url, "-o", "json")
		var got command.Report
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 || len(got.Decisions) != len(want) {
			t.Fatalf("exit code %d, %v: %s%s", code, err, stdout, stderr)
		}
		for i, d := range got.Decisions {
			if string(d.Outcome) != want[i] || want[i] == "Inconclusive" && !strings.Contains(d.Message, "is there one with this bound (le)") {
				t.Errorf("le=%q, %s: %s: %s; want %s", bound, d.ReplicaSet, d.Outcome, d.Message, want[i])
			}
		}
	}
}

// The three pods of 6b7c have 100 requests each 15 s: how many there are in four
// minutes is asked when there were four minutes.
func TestAnAmountIsNotJudgedByLessThanItsWindow(t *testing.T) {
	metrics, _, _ := strings.Cut(planText, "    metrics:")
	metrics = strings.Replace(metrics, "initialDelay: 1m", "initialDelay: 0s", 1)
	url := serve(t, recordings(""))
	for query, floor := range map[string]string{
		`sum(increase(requests_total{ {{canary}}, code="200" }[4m]))`:         "4000",
		`sum(increase(requests_total{ {{canary}}, code="200" }[{{window}}]))`: "2000",
		`sum(max_over_time(requests_total{ {{canary}}, code="200" }[4m]))`:    "4000",
		`sum(changes(requests_total{ {{canary}}, code="200" }[4m]))`:          "40",
	} {
		plan := metrics + "    metrics:\n    - name: busy\n      query: " + query + "\n      range: {min: " + floor + "}\n"
		stdout, stderr, code := run(t, plan, url, "-o", "json", "--rollout", "1970-01-01T01:00:00Z")
		var got command.Report
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 || len(got.Decisions) != 1 {
			t.Fatalf("exit code %d, %v: %s%s", code, err, stdout, stderr)
		}
		d := got.Decisions[0]
		if d.Outcome != "Released" {
			t.Errorf("%s: %s: %s", query, d.Outcome, d.Message)
		}
		for _, m := range d.Metrics {
			if m.Name != "busy" || len(m.Measurements) == 0 {
				continue
			}
			if first := m.Measurements[0].Time.Sub(d.ReadyAt); first < 2*time.Minute {
				t.Errorf("%s: measured first after %s", query, first)
			}
		}
	}
}

// Nine in ten requests to the pods of 6b7c are in the only finite bucket, and four of
// those to the pods of 7f9d. Of both histogram_quantile says at most 1.
func TestAQuantileBeyondItsBucketsIsNotGood(t *testing.T) {
	metrics, _, _ := strings.Cut(planText, "    metrics:")
	var load strings.Builder
	load.WriteString("load 15s\n")
	for _, set := range []struct {
		name        string
		from, count int
		fast        string
	}{{"5d8f", 0, 280, "90"}, {"6b7c", 240, 280, "90"}, {"7f9d", 480, 280, "40"}} {
		at := fmt.Sprintf(`namespace="shop",pod="web-%s-bcdfg"`, set.name)
		fmt.Fprintf(&load, "  l_bucket{%s,le=\"1.0\"} _x%d 0+%sx%d\n", at, set.from, set.fast, set.count)
		fmt.Fprintf(&load, "  l_bucket{%s,le=\"+Inf\"} _x%d 0+100x%d\n", at, set.from, set.count)
	}
	plan := metrics + `    metrics:
    - name: slow
      query: histogram_quantile(0.8, sum by (le) (rate(l_bucket{ {{canary}} }[2m])))
      range: {max: 2}
`
	stdout, stderr, code := run(t, plan, serve(t, load.String()), "-o", "json")
	var got command.Report
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 || len(got.Decisions) != 2 {
		t.Fatalf("exit code %d, %v: %s%s", code, err, stdout, stderr)
	}
	if d := got.Decisions[0]; d.Outcome != "Released" {
		t.Errorf("the good one: %s: %s", d.Outcome, d.Message)
	}
	if d := got.Decisions[1]; d.Outcome != "Inconclusive" || !strings.Contains(d.Message, "1 is the end of the last finite bucket") {
		t.Errorf("the slow one: %s: %s", d.Outcome, d.Message)
	}
}

func TestWithoutARolloutTheExitCodeSaysSo(t *testing.T) {
	stdout, _, code := run(t, planText, serve(t, recordings("")), "--from", "1970-01-01T01:10:00Z", "--to", "1970-01-01T01:50:00Z")
	if code != 3 || !strings.Contains(stdout, "no rollout was found") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
}

func TestAPrometheusThatDoesNotAnswerIsAnError(t *testing.T) {
	_, stderr, code := run(t, planText, "http://127.0.0.1:1")
	if code != 1 || !strings.Contains(stderr, "could not be asked") || !strings.Contains(stderr, "dial tcp 127.0.0.1:1") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// TestThePlotIsWholeAndEscaped: it is one well-formed page that loads nothing,
// and what stands in labels is text.
func TestThePlotIsWholeAndEscaped(t *testing.T) {
	const evil = `</title><script>alert(1)</script>`
	var more strings.Builder
	for route, value := range map[string]int{evil: 2, "/": 1} {
		fmt.Fprintf(&more, "  failing{namespace=\"shop\",pod=\"web-6b7c-bcdfg\",route=%q} _x240 %dx240\n", route, value)
	}
	plan := planText + "    - name: failing\n      query: failing{ {{canary}} }\n      range: {max: 0.5}\n"
	name := filepath.Join(t.TempDir(), "plot.html")
	stdout, stderr, code := run(t, plan, serve(t, recordings(more.String())), "--out", name)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	page, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(stdout, evil) {
		t.Errorf("the label is not told, so nothing is proved:\n%s", stdout)
	}
	if bytes.Contains(page, []byte("<script")) || !bytes.Contains(page, []byte("&lt;script&gt;")) {
		t.Error("a label is not escaped")
	}
	if found := regexp.MustCompile(`(?i:(src|href)\s*=|url\(|@import)|NaN|ZgotmplZ`).Find(page); found != nil {
		t.Errorf("the page has %q", found)
	}
	for _, svg := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAll(page, -1) {
		if err := wellFormed(svg); err != nil {
			t.Errorf("%v in %s", err, svg)
		}
	}
	if got, want := bytes.Count(page, []byte("<svg")), 9; got != want { // 3 rollouts, each with pods and two metrics
		t.Errorf("%d charts, want %d", got, want)
	}
	for _, want := range []string{`class="band"`, `class="line"`, `circle class="failed"`, `circle class="nodata"`, "Reverted at 1970-01-01 02:"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the page has no %s", want)
		}
	}
	if keep := os.Getenv("KEEP_PLOT"); keep != "" {
		if err := os.WriteFile(keep, page, 0o600); err != nil {
			t.Error(err)
		}
	}
}

func wellFormed(text []byte) error {
	d := xml.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// compareGolden compares with a file of testdata; UPDATE=1 writes it anew.
func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

// Pods of long names do not carry the names of their ReplicaSets, and those of two Deployments may begin
// alike: their owners tell whose they are. The good ones of another take nothing from what 7f9d fails.
func TestPodsOfLongNamesAreToldByTheirOwners(t *testing.T) {
	const blue, teal = "order-settlement-reconciliation-worker-for-emea-warehouses-blue", "order-settlement-reconciliation-worker-for-emea-warehouses-teal"
	var requests, owners strings.Builder
	for i, set := range []struct {
		name        string
		from, count int
		good, bad   string
	}{{blue + "-5d8f", 0, 484, "100", "0"}, {blue + "-7f9d", 480, 244, "70", "30"}, {teal + "-6b7c", 0, 900, "5000", "0"}} {
		pod := fmt.Sprintf("%sbcdf%c", blue[:58], "ghj"[i])
		for code, each := range map[string]string{"200": set.good, "500": set.bad} {
			fmt.Fprintf(&requests, "  requests_total{namespace=\"shop\",pod=%q,code=%q} _x%d 0+%sx%d\n", pod, code, set.from, each, set.count)
		}
		fmt.Fprintf(&owners, "  kube_pod_owner{namespace=\"shop\",pod=%q,owner_kind=\"ReplicaSet\",owner_name=%q} _x%d 1x%d\n", pod, set.name, set.from, set.count)
	}
	stdout, stderr, code := run(t, planText, serve(t, "load 15s\n"+requests.String()+owners.String()), "--deployment", blue, "-o", "json")
	var got command.Report
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 || len(got.Decisions) != 1 {
		t.Fatalf("exit code %d, %v: %s%s", code, err, stdout, stderr)
	}
	if d := got.Decisions[0]; d.ReplicaSet != blue+"-7f9d" || d.Outcome != "Reverted" || !strings.Contains(d.Message, "error-rate: 0.3 is above max 0.05") {
		t.Errorf("%s: %s: %s", d.ReplicaSet, d.Outcome, d.Message)
	}
	if _, stderr, code = run(t, planText, serve(t, "load 15s\n"+requests.String()), "--deployment", blue); code != cli.Failed || !strings.Contains(stderr, "kube_pod_owner of kube-state-metrics alone") {
		t.Errorf("nobody tells the owners: exit code %d: %s", code, stderr)
	}
}
