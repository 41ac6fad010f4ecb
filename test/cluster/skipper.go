package cluster

import (
	"context"
	"io"
)

// skipperYAML runs Skipper in a pod as the data plane of the Gateway skipper/web, port 8000, which takes
// routes of all namespaces. Skipper knows nothing of the Gateway API: what it is to do a program of these
// tests tells it, beside it.
const skipperYAML = `
apiVersion: v1
kind: Namespace
metadata: {name: skipper}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: skipper, namespace: skipper}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: skipper}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
- {kind: ServiceAccount, name: skipper, namespace: skipper}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: skipper}
spec: {controllerName: holdfast.test/skipper}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, namespace: skipper}
spec:
  gatewayClassName: skipper
  listeners:
  - {name: web, protocol: HTTP, port: 8000, allowedRoutes: {namespaces: {from: All}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: skipper, namespace: skipper}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector: {matchLabels: {app: skipper}}
  template:
    metadata: {labels: {app: skipper}}
    spec:
      serviceAccountName: skipper
      containers:
      - name: skipper
        image: holdfast.test/skipper:dev
        args: [-address=:8000, -support-listener=:9911, -routes-file=/routes/routes.eskip, -source-poll-timeout=100,
          -access-log-disabled, -wait-for-healthcheck-interval=0, -suppress-route-update-logs]
        ports: [{name: web, containerPort: 8000}]
        readinessProbe: {httpGet: {path: /gateway-serves, port: 8000}, periodSeconds: 1}
        volumeMounts: [{name: routes, mountPath: /routes}]
      - name: eskip
        image: holdfast.test/eskip:dev
        volumeMounts: [{name: routes, mountPath: /routes}]
      volumes: [{name: routes, emptyDir: {}}]
---
apiVersion: v1
kind: Service
metadata: {name: skipper, namespace: skipper}
spec:
  selector: {app: skipper}
  ports: [{name: web, port: 80, targetPort: web}]
`

// Skipper installs the Gateway API and Skipper as a data plane of it that copies requests, and returns when
// it runs. It builds it if that has never been done, which is told on progress. It goes with the cluster.
func (c *Cluster) Skipper(ctx context.Context, progress io.Writer) error {
	return c.dataPlane(ctx, "skipper", skipperYAML, progress)
}
