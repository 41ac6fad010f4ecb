package tools

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

// provideHelm has Helm there before anything is waited for: it may have to be built.
func provideHelm(s *shop.Shop, version string) {
	s.T.Helper()
	number, err := strconv.Atoi(version)
	if err == nil {
		err = shop.World.Cluster.ProvideHelm(s.T.Context(), number, os.Stderr)
	}
	if err != nil {
		s.T.Fatal(err)
	}
}

// chartOf writes a chart of web whose values are the version and an argument of the app.
func chartOf(s *shop.Shop) string {
	s.T.Helper()
	dir := s.T.TempDir()
	manifest := strings.NewReplacer(
		":v1", ":{{ .Values.version }}", `args: []`, `args: {{ .Values.args | toJson }}`,
		"metadata: {name: web}\nspec:\n  replicas", "metadata: {name: web, labels: {version: {{ .Values.version }}}}\nspec:\n  replicas",
	).Replace(s.Web("v1"))
	for name, content := range map[string]string{
		"Chart.yaml":         "apiVersion: v2\nname: web\nversion: 1.0.0\n",
		"values.yaml":        "version: v1\nargs: []\n",
		"templates/web.yaml": manifest,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			s.T.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			s.T.Fatal(err)
		}
	}
	return dir
}

// openHelm is open for a web that Helm installs.
func openHelm(t *testing.T, helm, plan string) (s *shop.Shop, chart string) {
	t.Helper()
	s = shop.Open(t, shop.Settings{Plan: plan, NoLoad: true})
	s.Must("delete", "deployment,service", "web", "--wait")
	chart = chartOf(s)
	start(s, helm, "install", "web", chart, "--wait", "--timeout=10m").wantSuccess("v1 Ready: 2; others: 0")
	return s, chart
}

func TestHelmWaitsForTheRelease(t *testing.T) {
	t.Parallel()
	for _, helm := range []string{"helm3", "helm4"} {
		t.Run(helm, func(t *testing.T) {
			t.Parallel()
			s, chart := openHelm(t, helm, shop.ShortPlan)
			upgrade := start(s, helm, "upgrade", "web", chart, "--set=version=v2", "--wait", "--timeout=10m")
			run := s.OnlyRun()
			s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
			upgrade.wantSuccess("v2 Ready: 2; others: 0")
		})
	}
}

// TestHelm4FailsAfterARevert at once, and rolls back.
func TestHelm4FailsAfterARevert(t *testing.T) {
	t.Parallel()
	s, chart := openHelm(t, "helm4", shop.LongPlan)
	upgrade := start(s, "helm4", "upgrade", "web", chart, "--set=version=v2,args={--crash-after=2s}", "--wait", "--timeout=10m")
	run := s.OnlyRun()
	s.WantReverted(run.Name, v1alpha1.ReasonCrashed)
	upgrade.wantFailure("Progress deadline exceeded")
	start(s, "helm4", "rollback", "web", "1", "--wait", "--timeout=10m").wantSuccess("v1 Ready: 2; others: 0")
}

// TestHelm3FailsAfterARevert: it reads no conditions, so it fails when its time is up.
func TestHelm3FailsAfterARevert(t *testing.T) {
	stage.Long(t)
	t.Parallel()
	s, chart := openHelm(t, "helm3", shop.LongPlan)
	bad := []string{"upgrade", "web", chart, "--set=version=v2,args={--crash-after=2s}"}
	start(s, "helm3", bad...).wantSuccess("v1 Ready: 2; others: 0")
	run := s.OnlyRun()
	kubectl := start(s, "kubectl", "rollout", "status", "deployment/web")
	s.WantReverted(run.Name, v1alpha1.ReasonCrashed)
	kubectl.wantFailure("exceeded its progress deadline")
	start(s, "helm3", append(bad, "--wait", "--timeout=10s")...).wantFailure("context deadline exceeded")
	start(s, "helm3", "rollback", "web", "1", "--wait", "--timeout=10m").wantSuccess("v1 Ready: 2; others: 0")
}

// TestHelmAndRecreateWhereCanariesAreRequired: the upgrade fails with the ways out, and one of them in the
// values of the chart is enough, also after the release that failed (argoproj/argo-rollouts#1310,
// tinkerbell/charts#19).
func TestHelmAndRecreateWhereCanariesAreRequired(t *testing.T) {
	t.Parallel()
	for _, helm := range []string{"helm3", "helm4"} {
		t.Run(helm, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{Plan: shop.ShortPlan, NoLoad: true, Guard: v1alpha1.CanaryRequired})
			s.Must("delete", "deployment,service", "web", "--wait")
			chart := chartOf(s)
			file := filepath.Join(chart, "templates", "web.yaml")
			manifest, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			recreated := strings.NewReplacer("  replicas: 2\n", "  replicas: 2\n  strategy: {type: Recreate}\n",
				"metadata: {name: web, labels:", "metadata: {name: web, annotations: {{ .Values.annotations | default dict | toJson }}, labels:").Replace(string(manifest))
			if err := os.WriteFile(file, []byte(recreated), 0o600); err != nil {
				t.Fatal(err)
			}
			start(s, helm, "install", "web", chart, "--wait", "--timeout=10m").wantSuccess("v1 Ready: 2; others: 0")
			start(s, helm, "upgrade", "web", chart, "--set=version=v2", "--wait", "--timeout=10m").wantFailure("holdfast.dev/beside-recreate")
			s.WantImage("v1")
			upgrade := start(s, helm, "upgrade", "web", chart, "--set=version=v2", `--set-json=annotations={"holdfast.dev/beside-recreate":"true"}`, "--wait", "--timeout=10m")
			s.AwaitPhase(s.OnlyRun().Name, v1alpha1.PhaseReleased)
			upgrade.wantSuccess("v2 Ready: 2; others: 0")
		})
	}
}
