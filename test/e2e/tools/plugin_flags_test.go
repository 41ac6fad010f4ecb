package tools

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestThePluginGeneratesByEachFlag: what is printed is taken by lint and by the API server, whatever is
// wished for.
func TestThePluginGeneratesByEachFlag(t *testing.T) {
	t.Parallel()
	o := openTour(t, shop.Settings{NoLoad: true})
	file := filepath.Join(t.TempDir(), "plan.yaml")
	for flags, words := range map[string][]string{
		"--traffic=CanaryService":                           {"source: CanaryService"},
		"--traffic=Both --service=web":                      {"source: Both"},
		"--traffic=None":                                    {"source: None"},
		"--traffic=Weighted --weight=20":                    {"source: Weighted", "weight: 20"},
		"--dry-run --name=careful":                          {"dryRun: true", "name: careful"},
		"--validation-period=1h30m":                         {"period: 1h30m0s"},
		`--validation-promql-istio-quantile="P95<=1.5s"`:    {"expect: P95 <= 1.5s"},
		"--validation-labelwatch-pod=sick=true":             {"sick"},
		"--validation-labelwatch-dep=hold=true -o json":     {`"hold`},
		"--validation-promql-istio-success=1 --service=web": {"expect: success >= 1"},
	} {
		t.Run(flags, func(t *testing.T) {
			walk := *o
			apart := *o.Shop
			apart.T, walk.Shop = t, &apart
			plan := walk.want("vera", "kubectl holdfast generate web "+flags, 0, words...)
			walk.Must("apply", "--dry-run=server", "-f", "-", plan.out)
			if err := os.WriteFile(file, []byte(plan.out), 0o600); err != nil {
				t.Fatal(err)
			}
			walk.want("jane", "kubectl holdfast lint -f "+file, 0)
			walk.refuse("jane", "kubectl holdfast generate web "+flags, 1, "get", "deployments.apps")
		})
	}
	o.want("vera", "kubectl holdfast generate web --weight=20", 1, "--weight", "Weighted")
	o.want("vera", "kubectl holdfast generate web --traffic=Sideways", 1, "Sideways")
}

// TestThePluginListsAllNamespaces for who may, and prints their changes.
func TestThePluginListsAllNamespaces(t *testing.T) {
	t.Parallel()
	o := openTour(t, shop.Settings{NoLoad: true, Plan: gatePlan})
	everywhere(o)
	o.hold("v2")
	o.AwaitPhase(o.run, v1alpha1.PhasePaused)
	o.refuse("vera", "kubectl holdfast get -A", 1, "list", "canaryruns.holdfast.dev in the whole cluster")
	o.refuse("vera", "kubectl holdfast get -A -w", 1, "list", "canaryruns.holdfast.dev in the whole cluster")
	o.want("dora", "kubectl holdfast get -A", 0, o.Namespace, o.run, "Paused")
	o.want("dora", "kubectl holdfast get -A -o json", 0, `"kind": "List"`, `"name": "`+o.run+`"`)
	o.want("dora", "kubectl holdfast get -A -o name", 0, "canaryrun.holdfast.dev/"+o.run)
	o.want("vera", "kubectl holdfast get -o jsonpath='{.items[*].metadata.name}'", 0, o.run)
	o.want("vera", "kubectl holdfast get -l "+v1alpha1.DeploymentLabel+"=nobody --no-headers", 0, "No canary runs found")
	watch := o.follow("dora", "get", "-A", "-w")
	watch.awaitWords(t, o.run, 0)
	o.want("paul", "kubectl holdfast abort web", 0, "aborted")
	watch.awaitWords(t, "Reverted", 0)
}

// everywhere has dora see the runs of all namespaces.
func everywhere(o *tour) {
	o.T.Helper()
	meta := metav1.ObjectMeta{Name: "canary-view-" + o.Namespace}
	for _, object := range []client.Object{
		&rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{APIGroups: []string{"holdfast.dev"}, Resources: []string{"canaryruns"}, Verbs: []string{"get", "list", "watch"}}}},
		&rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name}, Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "dora"}}},
	} {
		if err := shop.World.Client.Create(o.T.Context(), object); err != nil {
			o.T.Fatal(err)
		}
		o.T.Cleanup(func() {
			if err := shop.World.Client.Delete(context.Background(), object); err != nil {
				o.T.Error(err)
			}
		})
	}
	o.AwaitCan("dora", "list", "canaryruns.holdfast.dev")
}

// follow starts a command of the plugin that ends with the test.
func (o *tour) follow(user string, args ...string) *tool {
	o.T.Helper()
	return startFunc(o.Shop, "kubectl holdfast "+strings.Join(args, " "), func(ctx context.Context, out *said) error {
		program := exec.CommandContext(ctx, filepath.Join(o.dir, "kubectl-holdfast"), append(args, "-n", o.Namespace, "--as", user)...)
		program.Env = append(os.Environ(), "KUBECONFIG="+shop.World.Cluster.Kubeconfig())
		program.Stdout, program.Stderr = out, out
		program.Cancel = func() error { return program.Process.Signal(os.Interrupt) }
		program.WaitDelay = 10 * time.Second
		return program.Run()
	})
}

// TestThePluginServesThePageToItsUser: with the rights of docs/how-to/kubectl-plugin.md they see the runs of
// their namespace, and no others; who has none is told which are lacking, before anything is served.
func TestThePluginServesThePageToItsUser(t *testing.T) {
	t.Parallel()
	o := openTour(t, shop.Settings{NoLoad: true, Plan: gatePlan})
	o.hold("v2")
	o.AwaitPhase(o.run, v1alpha1.PhasePaused)
	o.refuse("jane", "kubectl holdfast dashboard --no-browser", 1, "list", "canaryruns.holdfast.dev")
	o.refuse("vera", "kubectl holdfast dashboard -A --no-browser", 1, "list", "canaryruns.holdfast.dev in the whole cluster")
	page := o.follow("vera", "dashboard", "--no-browser")
	page.awaitWords(t, "Ctrl-C ends it.", 0)
	address := regexp.MustCompile(`(http://127\.0\.0\.1:\d+)/#token=(\S+)`).FindStringSubmatch(page.said.String())
	if address == nil {
		t.Fatalf("it prints %s", page.said)
	}
	for path, tc := range map[string]struct {
		token string
		code  int
	}{
		"/api/runs/" + o.Namespace + "/" + o.run:             {address[2], http.StatusOK},
		"/api/runs/" + o.Namespace + "/" + o.run + "/rights": {address[2], http.StatusOK},
		"/api/runs/" + o.Namespace + "/nobody":               {address[2], http.StatusNotFound},
		"/api/runs/" + o.Namespace + "/" + o.run + "/events": {"", http.StatusUnauthorized},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address[1]+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+tc.token)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != tc.code {
			t.Errorf("%s: answered %d, want %d", path, answer.StatusCode, tc.code)
		}
	}
}
