package cluster

import (
	"context"
	"fmt"
	"io"
)

// traefikYAML runs Traefik in a pod as the data plane of the Gateway traefik/web, port 8000, which takes
// routes of all namespaces. It sends requests to the pods of a Service itself.
const traefikYAML = `
apiVersion: v1
kind: Namespace
metadata: {name: traefik}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: traefik, namespace: traefik}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: traefik}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
- {kind: ServiceAccount, name: traefik, namespace: traefik}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: traefik}
spec: {controllerName: traefik.io/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, namespace: traefik}
spec:
  gatewayClassName: traefik
  listeners:
  - {name: web, protocol: HTTP, port: 8000, allowedRoutes: {namespaces: {from: All}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: traefik, namespace: traefik}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector: {matchLabels: {app: traefik}}
  template:
    metadata: {labels: {app: traefik}}
    spec:
      serviceAccountName: traefik
      containers:
      - name: traefik
        image: holdfast.test/traefik:dev
        args: [--providers.kubernetesgateway=true, --entrypoints.web.address=:8000, --entrypoints.traefik.address=:8081, --ping=true,
          --global.checknewversion=false, --global.sendanonymoususage=false, --log.level=INFO]
        ports: [{name: web, containerPort: 8000}]
        readinessProbe: {httpGet: {path: /ping, port: 8081}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: traefik, namespace: traefik}
spec:
  selector: {app: traefik}
  ports: [{name: web, port: 80, targetPort: web}]
`

// Traefik installs the Gateway API and Traefik as its data plane, and returns when it runs. It builds it
// if that has never been done, which takes minutes and is told on progress. It goes with the cluster.
func (c *Cluster) Traefik(ctx context.Context, progress io.Writer) error {
	if err := c.toolImage(ctx, "traefik", progress); err != nil {
		return err
	}
	if err := c.GatewayAPI(ctx); err != nil {
		return err
	}
	if _, err := c.mustKubectl(ctx, traefikYAML, "apply", "-f", "-"); err != nil {
		return fmt.Errorf("install Traefik: %w", err)
	}
	if _, err := c.mustKubectl(ctx, "", "rollout", "status", "deployment/traefik", "-n", "traefik", "--timeout="+installLimit.String()); err != nil {
		return fmt.Errorf("start Traefik: %w\n%s", err, c.describe(ctx, "traefik"))
	}
	if _, err := c.mustKubectl(ctx, "", "wait", "--for=condition=Programmed", "gateway/web", "-n", "traefik", "--timeout="+installLimit.String()); err != nil {
		return fmt.Errorf("have Traefik follow its Gateway: %w\n%s", err, c.describe(ctx, "traefik"))
	}
	return nil
}
