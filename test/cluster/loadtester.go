package cluster

import (
	"context"
	"fmt"
	"io"
)

// loadTesterYAML runs Flagger's load tester in the network of the cluster itself, where a name is not needed
// to find it.
const loadTesterYAML = `
apiVersion: v1
kind: Namespace
metadata: {name: loadtester}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: loadtester, namespace: loadtester}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector: {matchLabels: {app: loadtester}}
  template:
    metadata: {labels: {app: loadtester}}
    spec:
      hostNetwork: true
      containers:
      - name: loadtester
        image: holdfast.test/loadtester:dev
        args: [-port=9094, -log-level=info, -timeout=1m]
        readinessProbe: {httpGet: {path: /healthz, port: 9094}, periodSeconds: 1}
`

// LoadTester installs Flagger's load tester, which answers at http://10.0.0.1:9094, and returns when it runs.
// It builds it if that has never been done, which is told on progress. It goes with the cluster.
func (c *Cluster) LoadTester(ctx context.Context, progress io.Writer) error {
	if err := c.toolImage(ctx, "loadtester", progress); err != nil {
		return err
	}
	if _, err := c.mustKubectl(ctx, loadTesterYAML, "apply", "-f", "-"); err != nil {
		return fmt.Errorf("install Flagger's load tester: %w", err)
	}
	if _, err := c.mustKubectl(ctx, "", "rollout", "status", "deployment/loadtester", "-n", "loadtester", "--timeout="+installLimit.String()); err != nil {
		return fmt.Errorf("start Flagger's load tester: %w\n%s", err, c.describe(ctx, "loadtester"))
	}
	return nil
}
