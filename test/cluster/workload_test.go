package cluster

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// webYAML is a Deployment of the app with a Service.
func webYAML(name string, replicas int, args ...string) string {
	quoted, _ := json.Marshal(args)
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: %[2]d
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata:
      labels: {app: %[1]s}
      annotations: {prometheus.io/scrape: "true", prometheus.io/port: "8080"}
    spec:
      containers:
      - name: app
        image: holdfast.test/app:v1
        args: %[3]s
        ports: [{name: http, containerPort: 8080}]
        readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s}
spec: {selector: {app: %[1]s}, ports: [{port: 80, targetPort: http}]}
`, name, replicas, quoted)
}

const loadYAML = `
apiVersion: v1
kind: Pod
metadata:
  name: load
  annotations: {prometheus.io/scrape: "true", prometheus.io/port: "8080"}
spec:
  containers:
  - {name: load, image: "holdfast.test/load:v1", args: [--service=web, --qps=50]}
`

func testMeasured(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "measured")
	kubectl(t, c, webYAML("web", 2, "--error-rate=0.2"), "apply", "-n", ns, "-f", "-")
	kubectl(t, c, "", "rollout", "status", "-n", ns, "deployment/web", "--timeout="+patience.String())
	kubectl(t, c, loadYAML, "apply", "-n", ns, "-f", "-")
	eventually(t, func() error {
		shares, err := query(c, fmt.Sprintf(`sum by (pod) (rate(http_requests_total{namespace=%[1]q,code="500"}[5s])) / sum by (pod) (rate(http_requests_total{namespace=%[1]q}[5s]))`, ns))
		if err != nil {
			return err
		}
		if len(shares) != 2 {
			return fmt.Errorf("%d pods are measured, want 2: %v", len(shares), shares)
		}
		for pod, share := range shares {
			if !strings.HasPrefix(pod, "web-") || share < 0.15 || share > 0.25 {
				return fmt.Errorf("pod %q has %.2f errors, want 0.2", pod, share)
			}
		}
		return nil
	})
	eventually(t, func() error {
		sent, err := query(c, fmt.Sprintf(`rate(load_requests_total{namespace=%q,result="200"}[5s])`, ns))
		if err == nil && sent["load"] == 0 {
			err = fmt.Errorf("load is not measured: %v", sent)
		}
		return err
	})
}

// query asks Prometheus for a vector, by pod.
func query(c *Cluster, promQL string) (map[string]float64, error) {
	response, err := http.Get(c.PrometheusURL() + "/api/v1/query?query=" + url.QueryEscape(promQL))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	values := map[string]float64{}
	for _, sample := range answer.Data.Result {
		values[sample.Metric["pod"]], _ = strconv.ParseFloat(sample.Value[1].(string), 64)
	}
	return values, nil
}

func testUnknownImage(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "unknown-image")
	kubectl(t, c, "", "run", "odd", "-n", ns, "--image=holdfast.test/nosuch:v1")
	expect(t, c, "ImagePullBackOff", "get", "pod", "odd", "-n", ns, "-o", "jsonpath={.status.containerStatuses[0].state.waiting.reason}")
	expect(t, c, "Pending", "get", "pod", "odd", "-n", ns, "-o", "jsonpath={.status.phase}")
	kubectl(t, c, "", "delete", "pod", "odd", "-n", ns, "--timeout="+patience.String())
}

func testCrashLoop(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "crash-loop")
	kubectl(t, c, webYAML("web", 1, "--crash-after=100ms", "--exit-code=3"), "apply", "-n", ns, "-f", "-")
	expect(t, c, "CrashLoopBackOff 3 Error", "get", "pods", "-n", ns, "-o",
		"jsonpath={.items[0].status.containerStatuses[0].state.waiting.reason} {.items[0].status.containerStatuses[0].lastState.terminated.exitCode} {.items[0].status.containerStatuses[0].lastState.terminated.reason}")
	eventually(t, func() error {
		count := kubectl(t, c, "", "get", "pods", "-n", ns, "-o", "jsonpath={.items[0].status.containerStatuses[0].restartCount}")
		if n, err := strconv.Atoi(count); err != nil || n < 2 {
			return fmt.Errorf("restarted %s times", count)
		}
		return nil
	})
	expectEvent(t, c, ns, "Back-off restarting failed container")
}

func testNeverReady(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "never-ready")
	kubectl(t, c, webYAML("web", 1, "--never-ready"), "apply", "-n", ns, "-f", "-")
	expect(t, c, "Running False ContainersNotReady", "get", "pods", "-n", ns, "-o",
		`jsonpath={.items[0].status.phase} {.items[0].status.conditions[?(@.type=="Ready")].status} {.items[0].status.conditions[?(@.type=="Ready")].reason}`)
	expectEvent(t, c, ns, "Readiness probe failed: HTTP probe failed with statuscode: 503")
	kubectl(t, c, webYAML("late", 1, "--ready-after=2s"), "apply", "-n", ns, "-f", "-")
	kubectl(t, c, "", "rollout", "status", "-n", ns, "deployment/late", "--timeout="+patience.String())
}

func testUnschedulable(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "unschedulable")
	kubectl(t, c, "", "run", "big", "-n", ns, "--image=holdfast.test/app:v1", `--overrides={"spec":{"containers":[{"name":"big","image":"holdfast.test/app:v1","resources":{"requests":{"cpu":"9"}}}]}}`)
	expect(t, c, "Unschedulable", "get", "pod", "big", "-n", ns, "-o", `jsonpath={.status.conditions[?(@.type=="PodScheduled")].reason}`)
}

func testKilled(t *testing.T, c *Cluster) {
	ns := namespace(t, c, "killed")
	kubectl(t, c, "", "run", "victim", "-n", ns, "--image=holdfast.test/app:v1")
	expect(t, c, "true", "get", "pod", "victim", "-n", ns, "-o", "jsonpath={.status.containerStatuses[0].ready}")
	if err := c.SignalPod(t.Context(), ns, "victim", 9); err != nil {
		t.Fatal(err)
	}
	expect(t, c, "true 1 137", "get", "pod", "victim", "-n", ns, "-o",
		"jsonpath={.status.containerStatuses[0].ready} {.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].lastState.terminated.exitCode}")
}
