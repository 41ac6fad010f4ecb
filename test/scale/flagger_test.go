package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestTheIterationsOfACanary: the first measures nothing, and a check that failed is no iteration.
func TestTheIterationsOfACanary(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f := &follower{runs: map[string]*followed{}}
	see := func(after time.Duration, status string) {
		t.Helper()
		seen, err := (&flagger{}).sight([]byte(`{
			"metadata": {"name": "web-0"}, "spec": {"targetRef": {"kind": "Deployment", "name": "web-0"}}, "status": {` + status + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		f.see(seen, noon.Add(after*time.Second))
	}
	underWay := func(want int) {
		t.Helper()
		if n, others, err := f.underWay(); n != want || err != nil {
			t.Errorf("%d run, others %v, want %d: %v", n, others, want, err)
		}
	}
	see(-20, `"phase": "Initialized", "iterations": 0, "failedChecks": 0`)
	see(-10, `"phase": "Progressing", "iterations": 0, "failedChecks": 0`)
	underWay(0)
	see(0, `"phase": "Progressing", "iterations": 1, "failedChecks": 0`)
	underWay(1)
	see(10, `"phase": "Progressing", "iterations": 2, "failedChecks": 0`)
	f.begin()
	see(20, `"phase": "Progressing", "iterations": 3, "failedChecks": 0`)
	see(31, `"phase": "Progressing", "iterations": 3, "failedChecks": 1`)
	gaps, rounds := f.end(noon.Add(32*time.Second), noon.Add(11*time.Second))
	if diff := cmp.Diff([]time.Duration{10 * time.Second, 11 * time.Second}, gaps); diff != "" || rounds != 2 {
		t.Errorf("%g rounds, want 2; -want +got:\n%s", rounds, diff)
	}
	if got, want := percentiles(f.starts(map[string]time.Time{"web-0": noon.Add(-13 * time.Second)})), "13.0 s (13.0 s)"; got != want {
		t.Errorf("starts: %s, want %s", got, want)
	}
	see(40, `"phase": "Failed", "iterations": 0, "failedChecks": 0`)
	underWay(0)
}

// TestRequestsOfFlaggerByMethod: the API server counts others' requests too.
func TestRequestsOfFlaggerByMethod(t *testing.T) {
	metrics, err := parse([]byte(`# TYPE apiserver_flowcontrol_dispatched_requests_total counter
apiserver_flowcontrol_dispatched_requests_total{flow_schema="flagger-get",priority_level="workload-low"} 100
apiserver_flowcontrol_dispatched_requests_total{flow_schema="flagger-put",priority_level="workload-low"} 10
apiserver_flowcontrol_dispatched_requests_total{flow_schema="flagger-post",priority_level="workload-low"} 3
apiserver_flowcontrol_dispatched_requests_total{flow_schema="flagger-patch",priority_level="workload-low"} 2
apiserver_flowcontrol_dispatched_requests_total{flow_schema="service-accounts",priority_level="workload-low"} 1000
`))
	if err != nil {
		t.Fatal(err)
	}
	for method, want := range map[string]float64{"": 115, "GET": 100, "PATCH": 2, "PUT": 10, "POST": 3} {
		if got := (&flagger{}).requests(snapshot{server: metrics}, method); got != want {
			t.Errorf("%q: %g, want %g", method, got, want)
		}
	}
}

// TestEveryMethodIsCounted: what counts requests has a FlowSchema of its own for each method.
func TestEveryMethodIsCounted(t *testing.T) {
	text, err := os.ReadFile("flagger/requests.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"get", "patch", "put", "post", "delete"} {
		if !strings.Contains(string(text), "metadata: {name: flagger-"+method+"}") {
			t.Errorf("there is no FlowSchema for %s", method)
		}
	}
}

// TestFlaggerJudgesByTheSame: but for how the canary's pods are named, and each by a template.
func TestFlaggerJudgesByTheSame(t *testing.T) {
	o := options{interval: 10 * time.Second, metrics: 3}
	plan, err := planOf(o)
	if err != nil {
		t.Fatal(err)
	}
	templates, err := metricTemplates("shop", o)
	if err != nil || len(templates) != 3 {
		t.Fatalf("%v: %d templates, want 3", err, len(templates))
	}
	canary, err := canaryOf("shop", 7, o)
	if err != nil {
		t.Fatal(err)
	}
	metrics, _, err := unstructured.NestedSlice(canary.Object, "spec", "analysis", "metrics")
	if err != nil || len(metrics) != 3 {
		t.Fatalf("%v: %d metrics, want 3", err, len(metrics))
	}
	for i, want := range plan.Spec.Analysis.Metrics {
		query, _, err := unstructured.NestedString(templates[i].Object, "spec", "query")
		if err != nil {
			t.Fatal(err)
		}
		if query = strings.ReplaceAll(query, `namespace="{{ namespace }}", app="{{ target }}"`, "{{canary}}"); query != want.Query {
			t.Errorf("metric %d: %s, want %s", i, query, want.Query)
		}
		ref, _, err := unstructured.NestedString(metrics[i].(map[string]any), "templateRef", "name")
		if err != nil || ref != templates[i].GetName() {
			t.Errorf("metric %d is of the template %q, want %q: %v", i, ref, templates[i].GetName(), err)
		}
		most, _, err := unstructured.NestedFloat64(metrics[i].(map[string]any), "thresholdRange", "max")
		if err != nil || most != *want.Range.Max {
			t.Errorf("metric %d may be %g, want %g: %v", i, most, *want.Range.Max, err)
		}
	}
	if target, _, err := unstructured.NestedString(canary.Object, "spec", "targetRef", "name"); err != nil || target != "web-7" {
		t.Errorf("it is of %q: %v", target, err)
	}
}
