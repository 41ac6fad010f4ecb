package cluster

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"holdfast.dev/holdfast/test/cluster/build"
)

// certManagerYAML runs cert-manager in a pod. It may do everything: what is tested is what others may do.
const certManagerYAML = `
apiVersion: v1
kind: Namespace
metadata: {name: cert-manager}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: cert-manager, namespace: cert-manager}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: cert-manager}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
- {kind: ServiceAccount, name: cert-manager, namespace: cert-manager}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cert-manager, namespace: cert-manager}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector: {matchLabels: {app: cert-manager}}
  template:
    metadata: {labels: {app: cert-manager}}
    spec:
      serviceAccountName: cert-manager
      containers:
      - name: cert-manager
        image: holdfast.test/certmanager:dev
        readinessProbe: {httpGet: {path: /readyz, port: 8081}, periodSeconds: 1}
`

// CertManager is cert-manager running in a cluster: its kinds, and a Deployment of its controllers
// for issuers SelfSigned and CA and of its cainjector. It goes with the cluster, or with Remove.
type CertManager struct {
	cluster *Cluster
	crds    string
}

// CertManager builds cert-manager if that has never been done, which takes minutes and is told on
// progress, installs it and returns when it runs.
func (c *Cluster) CertManager(ctx context.Context, progress io.Writer) (*CertManager, error) {
	source, err := build.Source()
	if err != nil {
		return nil, err
	}
	program, err := build.Tool(ctx, source, "certmanager", progress)
	if err != nil {
		return nil, err
	}
	if err := build.Place(program, filepath.Join(c.state.Images(), "certmanager")); err != nil {
		return nil, err
	}
	module, err := build.Module(ctx, source, "certmanager", "github.com/cert-manager/cert-manager")
	if err != nil {
		return nil, err
	}
	m := &CertManager{cluster: c, crds: filepath.Join(module, "deploy", "crds")}
	// Server-side: they are too large for the annotation of a client-side apply.
	if _, err := c.mustKubectl(ctx, "", "apply", "--server-side", "-f", m.crds); err != nil {
		return nil, fmt.Errorf("install the kinds of cert-manager: %w", err)
	}
	if _, err := c.mustKubectl(ctx, "", "wait", "--for=condition=Established", "-f", m.crds); err != nil {
		return nil, fmt.Errorf("install the kinds of cert-manager: %w", err)
	}
	if _, err := c.mustKubectl(ctx, certManagerYAML, "apply", "-f", "-"); err != nil {
		return nil, fmt.Errorf("install cert-manager: %w", err)
	}
	return m, m.ready(ctx)
}

// Stop ends cert-manager; its objects stay.
func (m *CertManager) Stop(ctx context.Context) error {
	if err := m.scale(ctx, 0); err != nil {
		return err
	}
	_, err := m.cluster.mustKubectl(ctx, "", "wait", "--for=delete", "pod", "-l", "app=cert-manager", "-n", "cert-manager", "--timeout="+installLimit.String())
	return err
}

// Start starts it again and returns when it runs.
func (m *CertManager) Start(ctx context.Context) error {
	if err := m.scale(ctx, 1); err != nil {
		return err
	}
	return m.ready(ctx)
}

// Remove takes it and its kinds, with all objects of them, out of the cluster. Secrets that it has
// made stay, as ever.
func (m *CertManager) Remove(ctx context.Context) error {
	if _, err := m.cluster.mustKubectl(ctx, certManagerYAML, "delete", "--ignore-not-found", "-f", "-"); err != nil {
		return fmt.Errorf("remove cert-manager: %w", err)
	}
	if _, err := m.cluster.mustKubectl(ctx, "", "delete", "--ignore-not-found", "-f", m.crds); err != nil {
		return fmt.Errorf("remove the kinds of cert-manager: %w", err)
	}
	return nil
}

func (m *CertManager) scale(ctx context.Context, replicas int) error {
	_, err := m.cluster.mustKubectl(ctx, "", "scale", "deployment/cert-manager", "-n", "cert-manager", fmt.Sprintf("--replicas=%d", replicas))
	return err
}

func (m *CertManager) ready(ctx context.Context) error {
	_, err := m.cluster.mustKubectl(ctx, "", "rollout", "status", "deployment/cert-manager", "-n", "cert-manager", "--timeout="+installLimit.String())
	if err != nil {
		return fmt.Errorf("start cert-manager: %w\n%s", err, m.cluster.describe(ctx, "cert-manager"))
	}
	return nil
}
