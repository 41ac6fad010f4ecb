package shapes

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// longName has 58 bytes, which is as many as names of pods have of that of their ReplicaSet.
const longName = "order-settlement-reconciliation-worker-for-emea-warehouses"

// againstStable judges what the canary fails more than the stable pods did within a window.
const againstStable = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  readyDeadline: 20s
  analysis:
    initialDelay: 3s
    interval: 1s
    period: 10s
    failureLimit: 2
    errorLimit: 30
    noDataLimit: 30
    metrics:
    - name: errors-more-than-stable
      query: |
        sum(rate(http_requests_total{ {{canary}}, code=~"5.." }[4s])) / (sum(rate(http_requests_total{ {{canary}} }[4s])) > 0)
        - (sum(rate(http_requests_total{ {{stable}}, code=~"5.." }[30s])) / (sum(rate(http_requests_total{ {{stable}} }[30s])) > 0))
      range: {max: 0.1}
`

// servingPods is a pod template of the app with a label, and what sends requests to its pods.
func servingPods(app, version string, qps int, args ...string) (template, load string) {
	template = fmt.Sprintf(`{metadata: {labels: {app: %s}, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "8080"}}, spec: {
    terminationGracePeriodSeconds: 1, RESTART
    containers: [{name: app, image: "holdfast.test/app:%s", args: [%s], ports: [{name: http, containerPort: 8080}],
      readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 1}}]}}`, app, version, strings.Join(args, ", "))
	load = fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {name: %[1]s}
spec: {selector: {app: %[1]s}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: load-%[1]s, annotations: {holdfast.dev/canary: disabled}}
spec:
  selector: {matchLabels: {app: load-%[1]s}}
  template:
    metadata: {labels: {app: load-%[1]s}}
    spec: {containers: [{name: load, image: "holdfast.test/load:v1", args: ["--service=%[1]s", "--qps=%[2]d"]}]}
`, app, qps)
	return template, load
}

// serving is a Deployment of such pods; of a kind of its own where that is said.
func serving(kind, name, annotations, template, spec string) string {
	apiVersion, restart := "apps/v1", ""
	if kind == "Job" {
		apiVersion, restart = "batch/v1", "restartPolicy: Never,"
	}
	return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: %s, annotations: {%s}}\nspec:\n  template: %s\n  %s\n---\n",
		apiVersion, kind, name, annotations, strings.Replace(template, "RESTART", restart, 1), spec)
}

// TestPodsOfOthersAreNotTakenForTheStableOnes: the API server cuts the name of a ReplicaSet before it makes
// names of pods from it, and then those of others begin alike. Their failures are not those of the stable
// side: a bad update is not released for them (rancher/rancher#21965, kubernetes/kubernetes#116447,
// rancher/dashboard#1922). Nor are those of pods that the selector of the Deployment takes in
// (kubernetes/kubernetes#24152 and #124307).
func TestPodsOfOthersAreNotTakenForTheStableOnes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		// name is that of the Deployment; kind, neighbour and spec are those of what stands beside it, which
		// without a name has that of the Deployment's ReplicaSet.
		name, kind, neighbour, spec string
	}{
		"of a Deployment whose name begins alike":           {longName + "-blue", "Deployment", longName + "-teal", "replicas: 2\n  selector: {matchLabels: {app: teal}}"},
		"of a StatefulSet that is called as the ReplicaSet": {"blue", "StatefulSet", "", "replicas: 2\n  serviceName: teal\n  podManagementPolicy: Parallel\n  selector: {matchLabels: {app: teal}}"},
		"of a Deployment whose pods have its labels too":    {"blue", "Deployment", "batch", "replicas: 2\n  selector: {matchLabels: {app: blue, tier: batch}}"},
		"of a Job of the same name":                         {longName[:57], "Job", longName[:57], "parallelism: 2\n  completions: 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: againstStable, Replicas: 1})
			serve(s, tc.name, "", "v1")
			if tc.neighbour == "" {
				var sets appsv1.ReplicaSetList
				shop.AwaitSome(s, "the ReplicaSet", &sets, client.MatchingLabels{"app": "blue"})
				tc.neighbour = sets.Items[0].Name
			}
			sick, load := servingPods("teal", "v1", 90, "--error-rate=0.6")
			if tc.neighbour == "batch" {
				sick = strings.Replace(sick, "labels: {app: teal}", "labels: {app: blue, tier: batch}", 1)
				load = strings.Replace(load, "selector: {app: teal}", "selector: {tier: batch}", 1)
			}
			s.Must("apply", "-f", "-", serving(tc.kind, tc.neighbour, "holdfast.dev/canary: disabled", sick, tc.spec)+load)
			failed := `sum(increase(http_requests_total{namespace="` + s.Namespace + `",code="500"}[30s])) > 200`
			shop.Until(s, "its requests have failed", func() bool { return s.Answer(failed) != "" })
			wantWorse(s, tc.name)
		})
	}
}

// TestPodsOfTheRevisionBeforeAreNotTakenForTheStableOnes: those of a long name do not carry the hash of their
// ReplicaSet. What a bad version did a moment ago, before it was mended past the canary, is not what the
// stable side does (kubernetes/kubernetes#116447, kubernetes/kubernetes#110500).
func TestPodsOfTheRevisionBeforeAreNotTakenForTheStableOnes(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: againstStable, Replicas: 1})
	const name = longName + "-blue"
	serve(s, name, "", "v0", "--error-rate=1")
	failed := `sum(increase(http_requests_total{namespace="` + s.Namespace + `",code="500"}[30s])) > 200`
	shop.Until(s, "its requests have failed", func() bool { return s.Answer(failed) != "" })
	serve(s, name, "holdfast.dev/skip: the cure", "v1")
	wantWorse(s, name)
}

// serve applies a version of a Deployment of two pods that have requests, and waits for it.
func serve(s *shop.Shop, name, annotations, version string, args ...string) {
	s.T.Helper()
	template, load := servingPods("blue", version, 30, args...)
	s.Must("apply", "-f", "-", serving("Deployment", name, annotations, template, "replicas: 2\n  selector: {matchLabels: {app: blue}}")+load)
	shop.Await(s, name+" has rolled out", name, &appsv1.Deployment{}, shop.RolledOut)
}

// wantWorse has an update tried that fails four requests of ten, and wants it reverted for them.
func wantWorse(s *shop.Shop, name string) {
	s.T.Helper()
	template, _ := servingPods("blue", "v2", 30, "--error-rate=0.4")
	run := s.NewestRun(s.Must("apply", "-f", "-", serving("Deployment", name, "", template, "replicas: 2\n  selector: {matchLabels: {app: blue}}")))
	ended := s.WantReverted(run.Name, v1alpha1.ReasonMetricOutOfRange)
	last := shop.MetricOf(s.T, ended, "errors-more-than-stable").Last
	newest := last[len(last)-1]
	if value, err := strconv.ParseFloat(newest.Value, 64); err != nil || value < 0.2 {
		s.T.Errorf("the canary fails 0.4 and the stable pods nothing; measured was %s (%v) by\n%s", newest.Value, err, newest.Query)
	}
}
