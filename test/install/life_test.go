package install

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/cluster"
	"holdfast.dev/holdfast/test/stage"
)

// root is the checkout, where the docs' commands for Helm are run.
const root = "../.."

// TestLifeWithHelm goes through the pages install, upgrade and uninstall, by their own commands:
// from an older chart to this one and back again, each time under a stream of updates and with an
// update held, which lives on; and out again with updates held, which are told and not released.
func TestLifeWithHelm(t *testing.T) {
	for _, helm := range helms {
		t.Run(helm, func(t *testing.T) {
			if helm != helms[len(helms)-1] {
				stage.Long(t)
			}
			s := newSite(t, helm)
			install := strings.Join(page(t, "install.md", "## With Helm", "sh"), "")
			s.sh(root, strings.ReplaceAll(install, "manifests/chart/holdfast", olderChart(t)))
			s.sh(root, strings.Join(page(t, "install.md", "## See that it answers", "sh"), ""))
			s.wantRestricted()
			s.openShops()

			held := s.hold("v2")
			s.underLoad(page(t, "upgrade.md", "## With Helm", "sh")[0])
			s.wantVersion("v0.1.0", "")
			s.wantReleased("v2", held)
			s.wantValid()

			held = s.hold("v3")
			s.underLoad(page(t, "upgrade.md", "## With Helm", "sh")[1])
			s.wantVersion("v0.0.9", "--history-limit=5")
			s.wantReleased("v3", held)

			s.hold("v4")
			s.keepConfigMaps()
			busy := s.startLoad()
			said := s.sh(root, strings.Join(page(t, "uninstall.md", "## With Helm", "sh"), ""))
			sent, _, failed := busy.end() // from the first step on they pass
			if sent < fewest || len(failed) > 0 {
				t.Errorf("of %d updates during the uninstall %d failed: %v", sent, len(failed), failed[:min(len(failed), 5)])
			}
			if !strings.Contains(said, "was not released, because Holdfast is uninstalled") {
				t.Errorf("helm uninstall does not tell what was held:\n%s", said)
			}
			s.wantTold()
			runs := s.wantGone("v3")
			s.kubectl("get", "crd", "canaryplans.holdfast.dev", "canaryruns.holdfast.dev")

			// What is left is no obstacle: installed again, it guards what it guarded.
			s.sh(root, strings.SplitAfterN(install, "restricted\n", 2)[1])
			s.awaitGuarded()
			s.hold("v5")
			s.wantAuthenticated()

			// By hand, of a Holdfast that no API server gets an answer from.
			s.keepConfigMaps()
			s.sh(root, page(t, "uninstall.md", "## If it fails", "sh")[1])
			s.kubectl("wait", "--for=delete", "replicasets", "-A", "-l", "holdfast.dev/run", "--timeout="+patience.String())
			s.wantGone(runs)
		})
	}
}

// TestLifeWithKustomize goes through the same pages, by their commands for kustomize; then Helm
// takes over, and is uninstalled.
func TestLifeWithKustomize(t *testing.T) {
	stage.Long(t)
	s := newSite(t, "helm3")
	folder := kustomizations(t)
	s.sh(folder, strings.Join(page(t, "install.md", "## With kustomize", "sh"), ""))
	s.openShops()
	held := s.hold("v2")
	s.sh(folder, page(t, "upgrade.md", "## With kustomize", "sh")[0])
	s.sh(root, page(t, "upgrade.md", "## From kustomize to Helm", "sh")[0])
	for _, guard := range guards {
		if got := s.heldID(guard); got != held[guard] {
			t.Errorf("in %s Helm has taken over and the hold is %q, it was %q", guard, got, held[guard])
		}
	}
	s.keepConfigMaps()
	said := s.sh(folder, strings.Join(page(t, "uninstall.md", "## With kustomize", "sh"), ""))
	if !strings.Contains(said, "was not released, because Holdfast is uninstalled") {
		t.Errorf("the Job does not tell what was held:\n%s", said)
	}
	s.wantTold()
	s.wantGone("v1")
}

// olderChart is this chart as an older version: its Deployment has other flags and its kinds have
// fewer fields.
func olderChart(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "holdfast")
	if err := os.CopyFS(dir, os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	for file, change := range map[string]func(map[string]any){
		"Chart.yaml":  func(o map[string]any) { o["version"], o["appVersion"] = "0.0.9", "v0.0.9" },
		"values.yaml": func(o map[string]any) { o["extraArgs"] = []any{"--history-limit=5"} },
		"files/crds/canaryplans.holdfast.dev.yaml": func(o map[string]any) {
			version := o["spec"].(map[string]any)["versions"].([]any)[0].(map[string]any)
			unstructured.RemoveNestedField(version, "schema", "openAPIV3Schema", "properties", "spec", "properties", "deadline")
		},
	} {
		edit(t, filepath.Join(dir, file), change)
	}
	return dir
}

func edit(t *testing.T, file string, change func(map[string]any)) {
	t.Helper()
	text, err := os.ReadFile(file)
	var o map[string]any
	if err == nil {
		err = yaml.Unmarshal(text, &o)
	}
	if err == nil {
		change(o)
		text, err = yaml.Marshal(o)
	}
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// kustomizations is a folder with those of the docs, beside a checkout.
func kustomizations(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	checkout, err := filepath.Abs(root)
	if err == nil {
		err = os.Symlink(checkout, filepath.Join(dir, "holdfast"))
	}
	for file, text := range map[string]string{
		"work/kustomization.yaml":           page(t, "install.md", "## With kustomize", "yaml")[0],
		"work/uninstall/kustomization.yaml": page(t, "uninstall.md", "## With kustomize", "yaml")[0],
	} {
		path := filepath.Join(dir, file)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o755)
		}
		if err == nil {
			err = os.WriteFile(path, []byte(here.Replace(text)), 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "work")
}

// wantRestricted: the API server's own check takes Holdfast's pods, and is on.
func (s *site) wantRestricted() {
	s.t.Helper()
	said := s.kubectl("label", "namespace", "holdfast-system", "pod-security.kubernetes.io/enforce=restricted", "--overwrite", "--dry-run=server")
	if strings.Contains(said, "violate") {
		s.t.Errorf("pods are not as restricted as they should be: %s", said)
	}
	result, err := s.cluster.Kubectl(s.t.Context(), "", "run", "root", "--image=holdfast.test/app:v1", "-n", "holdfast-system", "--dry-run=server")
	if err != nil || result.Code == 0 || !strings.Contains(result.Stderr, "violates PodSecurity") {
		s.t.Errorf("a pod that is not restricted is not refused: %v %s%s", err, result.Stdout, result.Stderr)
	}
}

// fewest is how many updates there must have been for anything to be said of them; on a busy machine one
// takes a second.
const fewest = 5

// underLoad runs a script under a stream of updates, none of which may fail or pass ungated.
func (s *site) underLoad(script string) {
	s.t.Helper()
	busy := s.startLoad()
	s.sh(root, script)
	if sent, ungated, failed := busy.end(); sent < fewest || ungated > 0 || len(failed) > 0 {
		s.t.Errorf("of %d updates %d passed ungated and %d failed: %v", sent, ungated, len(failed), failed[:min(len(failed), 5)])
	}
}

// wantVersion: that runs, with the flags and the kinds of its own.
func (s *site) wantVersion(version, flag string) {
	s.t.Helper()
	s.want("holdfast.test/holdfast:"+version+" ["+flag+"]", "get", "deployment/holdfast", "-n", "holdfast-system", "-o",
		`jsonpath={.spec.template.spec.containers[0].image} [{.spec.template.spec.containers[0].args[?(@=="--history-limit=5")]}]`)
	field := s.kubectl("get", "crd", "canaryplans.holdfast.dev", "-o", "jsonpath={.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.deadline.type}")
	if older := field == ""; older != (flag != "") {
		s.t.Errorf("the kinds are not those of %s: the field that is new has the type %q", version, field)
	}
}

// wantReleased: what was held is, by the same hold, and stable runs until it is promoted.
func (s *site) wantReleased(version string, held map[string]string) {
	s.t.Helper()
	for _, guard := range guards {
		if got := s.heldID(guard); got != held[guard] || got == "" {
			s.t.Errorf("in %s the hold is %q, it was %q", guard, got, held[guard])
		}
		if image := s.kubectl("get", "deployment/web", "-n", guard, "-o", "jsonpath={.spec.template.spec.containers[0].image}"); strings.HasSuffix(image, ":"+version) {
			s.t.Errorf("in %s %s runs before it is promoted", guard, version)
		}
	}
	s.promote(version)
}

// wantValid: the API server takes what the chart makes of values that these stories do not use.
func (s *site) wantValid() {
	s.t.Helper()
	said := s.sh(root, `helm template holdfast manifests/chart/holdfast --namespace holdfast-system --no-hooks --kube-version v1.30.0 \
		--set networkPolicy.enabled=true,priorityClassName=system-cluster-critical,nodeSelector.pool=system,image.pullPolicy=Always \
		--set 'networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.name=monitoring,tolerations[0].operator=Exists' \
		--set 'prometheus.endpoints[0].name=eu,prometheus.endpoints[0].url=http://prometheus,imagePullSecrets[0].name=pull' |
		kubectl apply --server-side --force-conflicts --dry-run=server --validate=strict -f -`)
	for _, object := range []string{"networkpolicy.networking.k8s.io/holdfast", "deployment.apps/holdfast", "configmap/holdfast-endpoints"} {
		if !strings.Contains(said, object+" serverside-applied (server dry run)") {
			s.t.Errorf("the API server has not taken %s:\n%s", object, said)
		}
	}
}

// wantAuthenticated: told which certificate API servers show, Holdfast answers them; told of
// another one, it answers nobody, and updates fail where they must.
func (s *site) wantAuthenticated() {
	s.t.Helper()
	const upgrade = "helm upgrade holdfast manifests/chart/holdfast --namespace holdfast-system --wait --reset-then-reuse-values "
	s.sh(root, upgrade+"--set clientCA.configMap=kube-root-ca.crt --set clientCA.name=webhooks")
	s.awaitGuarded()
	s.sh(root, upgrade+"--set clientCA.name=somebody")
	s.eventually("an API server of another name is refused", func() bool {
		result, err := s.cluster.Kubectl(s.t.Context(), "", "annotate", "deployment/web", "-n", "required", "holdfast.dev/period=soon", "--dry-run=server")
		return err == nil && result.Code != 0 && strings.Contains(result.Stderr, "bad certificate")
	})
}

// keepConfigMaps makes ConfigMaps that were deleted, and are there for Holdfast's finalizer alone. This one
// may not change ConfigMaps, so it leaves them as they are.
func (s *site) keepConfigMaps() {
	s.t.Helper()
	for _, guard := range guards {
		s.kubectl("create", "configmap", "kept", "-n", guard)
		s.kubectl("patch", "configmap", "kept", "-n", guard, "-p", `{"metadata":{"finalizers":["`+v1alpha1.ProtectFinalizer+`"]}}`)
		s.kubectl("delete", "configmap", "kept", "-n", guard, "--wait=false")
		s.want("configmap/kept", "get", "configmaps", "-n", guard, "--field-selector=metadata.name=kept", "-o", "name")
	}
}

// wantGone: nothing of Holdfast acts any more, nothing is stuck, and stable runs, until another
// version is asked for, which is returned.
func (s *site) wantGone(stable string) string {
	s.t.Helper()
	s.wantImages(stable)
	next := stable + "-next"
	for _, guard := range guards {
		s.want("", "get", "deployment/web", "-n", guard, "-o", `jsonpath={.metadata.annotations.holdfast\.dev/held}{.metadata.annotations.holdfast\.dev/stable}{.metadata.finalizers}`)
		s.want("", "get", "replicasets", "-n", guard, "-l", "holdfast.dev/run", "-o", "name")
		s.want("", "get", "configmaps", "-n", guard, "--field-selector=metadata.name=kept", "-o", "name")
		// Updates pass, also where they could be refused.
		s.kubectl("set", "image", "deployment/web", "app=holdfast.test/app:"+next, "-n", guard)
		s.kubectl("rollout", "status", "deployment/web", "-n", guard, "--timeout="+patience.String())
	}
	s.wantImages(next)
	s.want("", "get", "mutatingwebhookconfigurations,validatingwebhookconfigurations", "-o", "name")
	s.want("", "get", "clusterroles,clusterrolebindings", "-l", "app.kubernetes.io/part-of=holdfast", "-o", "name")
	if result, _ := s.cluster.Kubectl(s.t.Context(), "", "get", "namespace", "holdfast-system", "-o", "name"); result.Code == 0 {
		left := s.kubectl("get", "deployments,jobs,services,serviceaccounts,roles,rolebindings,poddisruptionbudgets,configmaps", "-n", "holdfast-system", "-o", "name")
		if strings.Contains(left, "holdfast") {
			s.t.Errorf("in holdfast-system there is left:\n%s", left)
		}
	}
	s.wantNoRunUnderWay()
	return next
}

// wantTold: there is an event on the Deployments.
func (s *site) wantTold() {
	s.t.Helper()
	for _, guard := range guards {
		if !s.told(guard) {
			s.t.Errorf("no event in %s says that the hold was dropped", guard)
		}
	}
}

// told says whether there is an event on the Deployment in a namespace.
func (s *site) told(guard string) bool {
	s.t.Helper()
	var list eventsv1.EventList
	if err := s.client.List(s.t.Context(), &list, client.InNamespace(guard)); err != nil {
		s.t.Fatal(err)
	}
	return slices.ContainsFunc(list.Items, func(e eventsv1.Event) bool {
		return e.Reason == "HoldDropped" && e.Regarding.Kind == "Deployment" && e.Regarding.Name == "web" && e.Type == corev1.EventTypeWarning
	})
}

// wantNoRunUnderWay: where the kind is kept, only runs that have ended are.
func (s *site) wantNoRunUnderWay() {
	s.t.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: "holdfast.dev", Version: "v1alpha1", Kind: "CanaryRunList"})
	if err := s.client.List(s.t.Context(), list); err != nil {
		if strings.Contains(err.Error(), "no matches for kind") || strings.Contains(err.Error(), "could not find") {
			return
		}
		s.t.Fatal(err)
	}
	phases := map[string]bool{}
	for _, run := range list.Items {
		phase, _, _ := unstructured.NestedString(run.Object, "status", "phase")
		phases[phase] = true
		if len(run.GetFinalizers()) > 0 {
			s.t.Errorf("run %s cannot be deleted: it has the finalizers %v", run.GetName(), run.GetFinalizers())
		}
	}
	for _, under := range []string{"", "Scheduled", "Waiting", "Starting", "Running", "Paused", "Frozen", "Releasing"} {
		if phases[under] {
			s.t.Errorf("runs are in phases %v", slices.Sorted(maps.Keys(phases)))
		}
	}
}

// refuses says whether Holdfast answered: it refuses what nobody else does.
func refuses(result cluster.Result, err error) bool {
	return err == nil && result.Code != 0 && strings.Contains(result.Stderr, "holdfast.dev/period")
}
