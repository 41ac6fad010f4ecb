package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestTheMeasurementsOfAnAnalysisRun: a round is a measurement of each metric, and each has intervals of
// its own.
func TestTheMeasurementsOfAnAnalysisRun(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f := &follower{runs: map[string]*followed{}}
	see := func(after time.Duration, results string) {
		t.Helper()
		seen, err := (&argoRollouts{}).sight([]byte(`{
			"metadata": {"name": "web-0-5d-2-1", "ownerReferences": [{"kind": "Rollout", "name": "web-0"}]},
			"status": {"phase": "Running", "metricResults": [` + results + `]}}`))
		if err != nil {
			t.Fatal(err)
		}
		f.see(seen, noon.Add(after*time.Second))
	}
	see(0, `{"name": "errors", "count": 1}, {"name": "latency-0", "count": 1}`)
	f.begin()
	see(10, `{"name": "errors", "count": 2}, {"name": "latency-0", "count": 1}`)
	see(11, `{"name": "errors", "count": 2}, {"name": "latency-0", "count": 2}`)
	see(20, `{"name": "errors", "count": 3}, {"name": "latency-0", "count": 3}`)
	gaps, rounds := f.end(noon.Add(21*time.Second), noon.Add(time.Second))
	want := map[time.Duration]int{10 * time.Second: 2, 11 * time.Second: 1, 9 * time.Second: 1}
	got := map[time.Duration]int{}
	for _, gap := range gaps {
		got[gap]++
	}
	if diff := cmp.Diff(want, got); diff != "" || rounds != 2 {
		t.Errorf("%g rounds, want 2; -want +got:\n%s", rounds, diff)
	}
	if n, _, err := f.underWay(); n != 1 || err != nil {
		t.Errorf("%d run, want one: %v", n, err)
	}
	if got, want := percentiles(f.starts(map[string]time.Time{"web-0": noon.Add(-3 * time.Second)})), "3.0 s (3.0 s)"; got != want {
		t.Errorf("starts: %s, want %s", got, want)
	}
}

func TestRequestsOfArgoRolloutsByMethod(t *testing.T) {
	metrics, err := parse([]byte(`# TYPE controller_clientset_k8s_request_total counter
controller_clientset_k8s_request_total{kind="analysisruns",name="a",namespace="shop",status_code="200",verb="Patch"} 5
controller_clientset_k8s_request_total{kind="analysisruns",name="b",namespace="shop",status_code="200",verb="Patch"} 4
controller_clientset_k8s_request_total{kind="analysisruns",name="N/A",namespace="",status_code="200",verb="List"} 1
controller_clientset_k8s_request_total{kind="analysisruns",name="",namespace="",status_code="200",verb="Watch"} 1
controller_clientset_k8s_request_total{kind="leases",name="lock",namespace="argo-rollouts",status_code="200",verb="Get"} 7
controller_clientset_k8s_request_total{kind="leases",name="lock",namespace="argo-rollouts",status_code="200",verb="Update"} 7
controller_clientset_k8s_request_total{kind="events",name="N/A",namespace="shop",status_code="201",verb="Create"} 2
`))
	if err != nil {
		t.Fatal(err)
	}
	for method, want := range map[string]float64{"": 27, "GET": 9, "PATCH": 9, "PUT": 7, "POST": 2} {
		if got := (&argoRollouts{}).requests(snapshot{contender: metrics}, method); got != want {
			t.Errorf("%q: %g, want %g", method, got, want)
		}
	}
}

// TestBothAreJudgedByTheSame: but for how they name the canary's pods.
func TestBothAreJudgedByTheSame(t *testing.T) {
	o := options{interval: 10 * time.Second, metrics: 3}
	plan, err := planOf(o)
	if err != nil {
		t.Fatal(err)
	}
	template, err := analysisTemplate("shop", o)
	if err != nil {
		t.Fatal(err)
	}
	metrics, _, err := unstructured.NestedSlice(template.Object, "spec", "metrics")
	if err != nil || len(metrics) != 3 || len(plan.Spec.Analysis.Metrics) != 3 {
		t.Fatalf("%v: %d and %d metrics, want 3 of each", err, len(metrics), len(plan.Spec.Analysis.Metrics))
	}
	for i, each := range metrics {
		query, _, err := unstructured.NestedString(each.(map[string]any), "provider", "prometheus", "query")
		if err != nil {
			t.Fatal(err)
		}
		query = strings.ReplaceAll(query, `namespace="shop", rollouts_pod_template_hash="{{args.canary}}"`, "{{canary}}")
		if want := plan.Spec.Analysis.Metrics[i].Query; query != want {
			t.Errorf("metric %d: %s, want %s", i, query, want)
		}
	}
}

func TestTheRolloutIsOfTheSamePods(t *testing.T) {
	like := deployment("shop", 3)
	rollout, err := rolloutOf(like)
	if err != nil {
		t.Fatal(err)
	}
	if rollout.GetKind() != "Rollout" || rollout.GetName() != "web-3" || rollout.GetNamespace() != "shop" {
		t.Errorf("it is %s %s/%s", rollout.GetKind(), rollout.GetNamespace(), rollout.GetName())
	}
	containers, _, err := unstructured.NestedSlice(rollout.Object, "spec", "template", "spec", "containers")
	if err != nil || len(containers) != 1 || containers[0].(map[string]any)["image"] != like.Spec.Template.Spec.Containers[0].Image {
		t.Errorf("containers: %v, %v", containers, err)
	}
	steps, _, err := unstructured.NestedSlice(rollout.Object, "spec", "strategy", "canary", "steps")
	if err != nil || len(steps) != 2 {
		t.Errorf("steps: %v, %v", steps, err)
	}
}
