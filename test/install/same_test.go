package install

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestTheChartInstallsWhatTheKustomizationsDo: object by object and field by
// field. Helm makes the namespace itself, and is told by annotations to keep
// the kinds and what its hooks are.
func TestTheChartInstallsWhatTheKustomizationsDo(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		overlay   string
		namespace string
		args      []string
	}{
		"with its values": {
			overlay: "resources: [MANIFESTS/base]",
		},
		"with cert-manager": {
			overlay: "resources: [MANIFESTS/overlays/cert-manager]",
			args:    []string{"--set=certificates.mode=cert-manager"},
		},
		"with an issuer of the cluster": {
			overlay: `resources: [MANIFESTS/overlays/cert-manager]
patches:
- target: {kind: Certificate, name: holdfast-webhook}
  patch: |-
    - {op: replace, path: /spec/issuerRef, value: {group: cert-manager.io, kind: ClusterIssuer, name: internal}}
- {patch: '{$patch: delete, apiVersion: cert-manager.io/v1, kind: Issuer, metadata: {name: holdfast-webhook, namespace: holdfast-system}}'}
- {patch: '{$patch: delete, apiVersion: cert-manager.io/v1, kind: Issuer, metadata: {name: holdfast-webhook-bootstrap, namespace: holdfast-system}}'}
- {patch: '{$patch: delete, apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: holdfast-webhook-ca, namespace: holdfast-system}}'}
`,
			args: []string{"--set=certificates.mode=cert-manager", "--set-json=certificates.issuerRef=" +
				`{"group": "cert-manager.io", "kind": "ClusterIssuer", "name": "internal"}`},
		},
		"with a NetworkPolicy": {
			overlay: "resources: [MANIFESTS/base]\ncomponents: [MANIFESTS/components/network-policy]",
			args:    []string{"--set=networkPolicy.enabled=true"},
		},
		"with ConfigMaps to protect": {
			overlay: "resources: [MANIFESTS/base]\ncomponents: [MANIFESTS/components/protect-configmaps]",
			args:    []string{"--set=protectConfigMaps.enabled=true"},
		},
		"with dashboards": {
			overlay: "resources: [MANIFESTS/base]\ncomponents: [MANIFESTS/components/dashboards]",
			args:    []string{"--set=dashboards.enabled=true"},
		},
		"in another namespace, with dashboards": {
			overlay: "namespace: canary-system\nresources: [MANIFESTS/base]\ncomponents: [MANIFESTS/components/dashboards]\n" +
				"transformers: [MANIFESTS/transformers/namespace]",
			namespace: "canary-system",
			args:      []string{"--set=dashboards.enabled=true"},
		},
		"with shares by routes": {
			overlay: "resources: [MANIFESTS/base]\ncomponents: [MANIFESTS/components/traffic]",
			args:    []string{"--set=traffic.enabled=true"},
		},
		"autoscaling": {
			overlay: "resources: [MANIFESTS/base]\ncomponents: [MANIFESTS/components/autoscaling]",
			args:    []string{"--set=autoscaling.enabled=true"},
		},
		"alerts": {
			overlay: "resources: [MANIFESTS/base]\ncomponents: [MANIFESTS/components/alerts]",
			args:    []string{"--set=alerts.enabled=true"},
		},
		"kill, with a NetworkPolicy": {
			overlay: "resources: [MANIFESTS/base]\ncomponents: [MANIFESTS/components/alerts, MANIFESTS/components/kill, MANIFESTS/components/network-policy]",
			args:    []string{"--set=alerts.enabled=true,alerts.kill=dry-run,networkPolicy.enabled=true"},
		},
		"the page": {
			overlay: "resources: [MANIFESTS/base]\ncomponents: [MANIFESTS/components/page, MANIFESTS/components/network-policy]",
			args:    []string{"--set=page.enabled=true,networkPolicy.enabled=true"},
		},
		"the page in another namespace": {
			overlay:   "namespace: canary-system\nresources: [MANIFESTS/base]\ncomponents: [MANIFESTS/components/page]\ntransformers: [MANIFESTS/transformers/namespace]",
			namespace: "canary-system",
			args:      []string{"--set=page.enabled=true"},
		},
		"in another namespace, kill and autoscaling": {
			overlay: "namespace: canary-system\nresources: [MANIFESTS/base]\ncomponents: [MANIFESTS/components/alerts, MANIFESTS/components/kill, MANIFESTS/components/autoscaling]\n" +
				"transformers: [MANIFESTS/transformers/namespace]",
			namespace: "canary-system",
			args:      []string{"--set=alerts.enabled=true,alerts.kill=dry-run,autoscaling.enabled=true"},
		},
		"in another namespace, with shares by routes": {
			overlay: "namespace: canary-system\nresources: [MANIFESTS/base]\ncomponents: [MANIFESTS/components/traffic]\n" +
				"transformers: [MANIFESTS/transformers/namespace]",
			namespace: "canary-system",
			args:      []string{"--set=traffic.enabled=true"},
		},
		"in another namespace, with ConfigMaps to protect": {
			overlay: "namespace: canary-system\nresources: [MANIFESTS/base]\ncomponents: [MANIFESTS/components/protect-configmaps]\n" +
				"transformers: [MANIFESTS/transformers/namespace]",
			namespace: "canary-system",
			args:      []string{"--set=protectConfigMaps.enabled=true"},
		},
		"in another namespace": {
			overlay:   "namespace: canary-system\nresources: [MANIFESTS/base]\ntransformers: [MANIFESTS/transformers/namespace]",
			namespace: "canary-system",
		},
		"in another namespace with cert-manager": {
			overlay:   "namespace: canary-system\nresources: [MANIFESTS/overlays/cert-manager]\ntransformers: [MANIFESTS/transformers/namespace-cert-manager]",
			namespace: "canary-system",
			args:      []string{"--set=certificates.mode=cert-manager"},
		},
		"with an image and a Prometheus of your own": {
			overlay: `resources: [MANIFESTS/base]
images: [{name: holdfast.dev/holdfast, newName: registry.example.com/holdfast, newTag: v9}]
patches:
- target: {kind: Deployment, name: holdfast}
  patch: |-
    - {op: replace, path: /spec/template/spec/containers/0/args/0, value: "--prometheus-url=http://prometheus:9090"}
`,
			args: []string{"--set=image.repository=registry.example.com/holdfast,image.tag=v9,prometheus.url=http://prometheus:9090"},
		},
	} {
		if tc.namespace == "" {
			tc.namespace = "holdfast-system"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := kustomize(t, overlay(t, tc.overlay)).without(func(o unstructured.Unstructured) bool { return o.GetKind() == "Namespace" })
			for _, helm := range helms {
				got := helmTemplate(t, helm, tc.namespace, tc.args...).without(func(o unstructured.Unstructured) bool {
					return o.GetAnnotations()["helm.sh/hook"] != ""
				})
				withoutHelm(t, got)
				wantSame(t, helm, want, got)
			}
		})
	}
}

// TestTheHookIsTheKustomization of manifests/uninstall, in any namespace.
func TestTheHookIsTheKustomization(t *testing.T) {
	t.Parallel()
	for namespace, content := range map[string]string{
		"holdfast-system": "resources: [MANIFESTS/uninstall]",
		"canary-system":   "namespace: canary-system\nresources: [MANIFESTS/uninstall]\ntransformers: [MANIFESTS/transformers/namespace-uninstall]",
	} {
		want := kustomize(t, overlay(t, content))
		for _, helm := range helms {
			got := helmTemplate(t, helm, namespace).without(func(o unstructured.Unstructured) bool {
				return o.GetAnnotations()["helm.sh/hook"] != "pre-delete"
			})
			withoutHelm(t, got)
			wantSame(t, helm, want, got)
		}
	}
	for _, helm := range helms {
		if left := helmTemplate(t, helm, "holdfast-system", "--set=uninstall.hook=false").without(func(o unstructured.Unstructured) bool {
			return !strings.Contains(o.GetName(), "uninstall") && o.GetAnnotations()["helm.sh/hook"] == ""
		}); len(left) > 0 {
			t.Errorf("without its hook the chart of %s still has %v", helm, left)
		}
	}
}

// wantSame compares object by object, so that a difference is found in what is printed.
func wantSame(t *testing.T, helm string, want, got objects) {
	t.Helper()
	if len(want) < 5 {
		t.Fatalf("kustomize has rendered %d objects only", len(want))
	}
	for id := range want {
		if got[id] == nil {
			t.Errorf("%s does not install %s", helm, id)
		} else if diff := cmp.Diff(want[id], got[id]); diff != "" {
			t.Errorf("%s installs another %s (-kustomize +helm):\n%s", helm, id, diff)
		}
	}
	for id := range got {
		if want[id] == nil {
			t.Errorf("%s installs %s, kustomize does not", helm, id)
		}
	}
}

// withoutHelm takes off what only Helm reads. The kinds must be kept.
func withoutHelm(t *testing.T, all objects) {
	t.Helper()
	for id, o := range all {
		u := unstructured.Unstructured{Object: o}
		annotations := u.GetAnnotations()
		if u.GetKind() == "CustomResourceDefinition" && annotations["helm.sh/resource-policy"] != "keep" {
			t.Errorf("Helm deletes %s, with all objects of that kind", id)
		}
		for key := range annotations {
			if strings.HasPrefix(key, "helm.sh/") {
				delete(annotations, key)
			}
		}
		u.SetAnnotations(annotations) // nil if none is left
		if len(annotations) == 0 {
			unstructured.RemoveNestedField(o, "metadata", "annotations")
		}
	}
}
