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
	return c.dataPlane(ctx, "traefik", traefikYAML, progress)
}

// dataPlane installs the Gateway API and a program that serves it: the Deployment of the name of the program,
// in a namespace of that name with the Gateway web.
func (c *Cluster) dataPlane(ctx context.Context, program, manifests string, progress io.Writer) error {
	if err := c.toolImage(ctx, program, progress); err != nil {
		return err
	}
	if err := c.GatewayAPI(ctx); err != nil {
		return err
	}
	if _, err := c.mustKubectl(ctx, manifests, "apply", "-f", "-"); err != nil {
		return fmt.Errorf("install %s: %w", program, err)
	}
	if _, err := c.mustKubectl(ctx, "", "rollout", "status", "deployment/"+program, "-n", program, "--timeout="+installLimit.String()); err != nil {
		return fmt.Errorf("start %s: %w\n%s", program, err, c.describe(ctx, program))
	}
	if _, err := c.mustKubectl(ctx, "", "wait", "--for=condition=Programmed", "gateway/web", "-n", program, "--timeout="+installLimit.String()); err != nil {
		return fmt.Errorf("have %s follow its Gateway: %w\n%s", program, err, c.describe(ctx, program))
	}
	return nil
}
