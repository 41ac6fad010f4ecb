// Package incluster looks at the page of a real cluster, as users with the Roles that the docs name.
package incluster_test

import (
	"bufio"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/page/browser"
)

var pictures = flag.String("pictures", "", "a folder into which pictures of the runs and the terminal beside them are written")

func TestMain(m *testing.M) { shop.Main(m) }

const plan = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  deadline: 30m
  readyDeadline: 2m
  analysis:
    interval: 2s
    period: 10m
    initialDelay: 2s
    failureLimit: 3
    falseAlarms: "1%"
    metrics:
    - name: error-rate
      query: '1 - sum(rate(http_requests_total{ {{canary}}, code!~"5.." }[10s])) / sum(rate(http_requests_total{ {{canary}} }[10s]))'
      range: {min: 0, max: 0.5}
    - name: errors
      compare:
        count: {bad: 'http_requests_total{ {{pods}}, code=~"5.." }', total: 'http_requests_total{ {{pods}} }'}
`

// roles are those of the docs, for a namespace.
func roles(t *testing.T, namespace string) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/how-to/page.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```yaml\n(apiVersion: rbac.*?)```").FindSubmatch(text)
	if found == nil {
		t.Fatal("the docs have no Roles")
	}
	return strings.ReplaceAll(string(found[1]), "namespace: shop", "namespace: "+namespace)
}

// user is a ServiceAccount with Roles of the docs, and a token of it.
func user(s *shop.Shop, name string, roles ...string) string {
	s.T.Helper()
	s.Must("create", "serviceaccount", name)
	for _, role := range roles {
		s.Must("create", "rolebinding", name+"-"+role, "--role="+role, "--serviceaccount="+s.Namespace+":"+name)
	}
	return strings.TrimSpace(s.Must("create", "token", name))
}

// follow starts a command that goes on until the test ends, and returns what it prints that matches.
func follow(t *testing.T, cmd *exec.Cmd, prints string) string {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := regexp.MustCompile(prints).FindStringSubmatch(lines.Text()); found != nil {
			go func() {
				for lines.Scan() { // what comes later is nobody's concern, and must not block
				}
			}()
			return found[1]
		}
	}
	t.Fatalf("%q ended before it printed %s", cmd.Args, prints)
	return ""
}

type house struct {
	*shop.Shop
	b    *browser.Browser
	base string
	// binary is the plugin, once it was built.
	binary string
}

func open(t *testing.T) *house {
	t.Helper()
	b, stop, err := browser.Start(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	s := shop.Open(t, shop.Settings{Plan: plan, Args: []string{"--error-rate=0.02"}})
	s.Must("apply", "-f", "-", roles(t, s.Namespace))
	port := follow(t, shop.World.Cluster.Command(context.WithoutCancel(t.Context()), "kubectl", "port-forward", "-n", "holdfast-system", "svc/holdfast-page", ":443"), `127\.0\.0\.1:(\d+)`)
	return &house{Shop: s, b: b, base: "https://localhost:" + port}
}

func (h *house) tab(token string) *browser.Tab {
	h.T.Helper()
	tab := h.b.Tab(h.T, 1280, 900)
	tab.Open(h.base)
	tab.Await("document.documentElement.dataset.ready === 'true'")
	tab.Write("#token", token)
	tab.Click("#door button[type=submit]")
	return tab
}

func (h *house) shoot(tab *browser.Tab, name string) {
	if *pictures == "" {
		return
	}
	tab.Away()
	tab.Rests(1500)
	tab.Shoot(filepath.Join(*pictures, name+".png"))
	out, err := h.plugin("status", "web").CombinedOutput()
	if err != nil {
		h.T.Errorf("status: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(*pictures, name+".txt"), out, 0o644); err != nil {
		h.T.Error(err)
	}
}

// plugin is a command of kubectl holdfast.
func (h *house) plugin(args ...string) *exec.Cmd {
	h.T.Helper()
	if h.binary == "" {
		h.binary = filepath.Join(h.T.TempDir(), "kubectl-holdfast")
		build := exec.CommandContext(h.T.Context(), "go", "build", "-o", h.binary, ".")
		build.Dir = "../../../cmd/kubectl-holdfast"
		if out, err := build.CombinedOutput(); err != nil {
			h.T.Fatalf("build the plugin: %v\n%s", err, out)
		}
	}
	args = append(args, "-n", h.Namespace, "--kubeconfig", shop.World.Cluster.Kubeconfig())
	return exec.CommandContext(context.WithoutCancel(h.T.Context()), h.binary, args...)
}

// TestThePageOfACluster: who looks, who decides, and who is nobody there.
func TestThePageOfACluster(t *testing.T) {
	h := open(t)
	viewer, promoter, stranger := user(h.Shop, "viewer", "page-view"), user(h.Shop, "promoter", "page-view", "page-decide"), user(h.Shop, "stranger")
	nobody := h.tab(stranger)
	nobody.AwaitText("#summary", "There are no canary runs in the namespaces that you may see")

	h.Must("set", "image", "deployment/web", "app=holdfast.test/app:v2")
	looks := h.tab(viewer)
	looks.AwaitText("#groups", "Running")
	looks.Click(".card")
	looks.AwaitText("#detail", "You may look at this run and not decide it")
	looks.AwaitText("#detail .diff", "image: holdfast.test/app:v2")
	looks.AwaitText("#detail .events", "Held")
	looks.AwaitText("#detail .chart:nth-child(2) .evidence", "of what decides")
	if there := browser.Eval[int](looks, "document.querySelectorAll('#detail .buttons button').length"); there != 0 {
		t.Errorf("who may look has %d buttons", there)
	}
	decides := h.tab(promoter)
	decides.AwaitText("#groups", "Running")
	decides.Click(".card")
	decides.AwaitText("#detail .buttons", "Promote")
	looks.Await("document.querySelectorAll('#detail .chart:nth-child(1) .scroll tbody tr').length >= 10")
	h.shoot(decides, "demo-good")
	h.wantsEarlierValues(looks, viewer)
	decides.Click(`#detail button[data-verb="pause"]`)
	decides.AwaitText("#detail .phase", "Paused")
	looks.AwaitText("#detail .phase", "Paused")
	decides.Click(`#detail button[data-verb="resume"]`)
	decides.AwaitText("#detail .phase", "Running")
	decides.Click(`#detail button[data-verb="promote"]`)
	decides.Write("#reason", "as good as ever")
	decides.Click("#askYes")
	decides.AwaitText("#detail .phase", "Released")
	decides.AwaitText("#detail .facts", "Promote, by system:serviceaccount:"+h.Namespace+":promoter: as good as ever")
	if text := nobody.Text("#groups"); strings.Contains(text, "web") {
		t.Errorf("a stranger sees %s", text)
	}

	h.Apply("v3", "--error-rate=0.04")
	decides.Click(`.card[data-tone="busy"]`)
	decides.AwaitText("#detail .buttons", "Abort")
	decides.Click(`#detail button[data-verb="abort"]`)
	decides.Click("#askYes")
	decides.AwaitText("#detail .phase", "Reverted")

	h.Apply("v4", "--error-rate=0.6")
	decides.Click(`.card[data-tone="busy"]`)
	decides.AwaitText("#detail .lead", "Reverted (Worse)") // and not that the one before was aborted
	h.shoot(decides, "demo-bad")
	for _, c := range append(decides.Complaints(), looks.Complaints()...) {
		t.Error(c)
	}
}

// row is a round in the table of the first chart.
type row struct{ At, Outcome, Value string }

const rows = "[...document.querySelectorAll('#detail .chart:nth-child(1) .scroll tbody tr')].map((r) => " +
	"({At: r.querySelector('time').getAttribute('datetime'), Outcome: r.children[1].textContent, Value: r.children[2].textContent}))"

// wantsEarlierValues: when a tab has seen more rounds than the status has, one that comes later has values of
// the same times from the endpoint, which are those that were measured: samples that came late may make a few
// of them others.
func (h *house) wantsEarlierValues(watches *browser.Tab, token string) {
	h.T.Helper()
	watches.Await("document.querySelectorAll('#detail .chart:nth-child(1) .scroll tbody tr').length >= 18")
	late := h.tab(token)
	late.AwaitText("#groups", "Running")
	late.Click(".card")
	late.AwaitText("#detail .chart:nth-child(1) .before", "Since the canary was Ready")
	late.AwaitText("#detail .chart:nth-child(2) .before", "Earlier factors are not asked for")
	browser.Eval[bool](late, "(document.querySelector('#detail .charts').scrollIntoView(), true)")
	h.shoot(late, "demo-earlier")
	measured := map[string]row{}
	for _, r := range browser.Eval[[]row](watches, rows) {
		measured[r.At] = r
	}
	both, same := 0, 0
	for _, r := range browser.Eval[[]row](late, rows) {
		if known, is := measured[r.At]; is && r.Outcome == "asked later" {
			both++
			if known.Value == r.Value {
				same++
			}
		}
	}
	if both < 5 || 2*same < both {
		h.T.Errorf("%d values are asked later of rounds that were seen, and %d of them are the same: %v, and before %v", both, same, browser.Eval[[]row](late, rows), measured)
	}
	for _, c := range late.Complaints() {
		h.T.Error(c)
	}
}

const steps = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  deadline: 30m
  readyDeadline: 2m
  analysis: {interval: 1s, initialDelay: 0s}
  steps:
  - {replicas: 1, period: 2s, approval: true}
  - {replicas: 1, period: 20m}
`

// TestAStepIsApprovedAndARunRetried by who may, and by nobody else.
func TestAStepIsApprovedAndARunRetried(t *testing.T) {
	h := open(t)
	h.Must("apply", "-f", "-", steps)
	viewer, promoter := user(h.Shop, "viewer", "page-view"), user(h.Shop, "promoter", "page-view", "page-decide")
	h.Must("set", "image", "deployment/web", "app=holdfast.test/app:v2")
	h.AwaitReason(h.OnlyRun().Name, v1alpha1.ReasonApproval)
	decides, looks := h.tab(promoter), h.tab(viewer)
	for _, tab := range []*browser.Tab{decides, looks} {
		tab.AwaitText("#groups", "needs approval")
		tab.Click(".card")
	}
	looks.AwaitText("#detail", "You may look at this run and not decide it")
	decides.AwaitText("#detail .buttons", "Approve step")
	decides.Click(`#detail button[data-verb="approve"]`)
	decides.AwaitText("#ask[open]", "leaves the step")
	decides.Click("#askYes")
	looks.AwaitText("#detail .phase", "Running")
	if run := h.OnlyRun(); run.Spec.ApprovedSteps != 1 {
		t.Errorf("approved: %+v", run.Spec)
	}
	decides.AwaitText("#detail .buttons", "Retry")
	decides.Click(`#detail button[data-verb="retry"]`)
	decides.AwaitText("#ask[open]", "begins anew")
	decides.Click("#askYes")
	looks.AwaitText("#detail .facts", "Attempt") // of the first one nothing is said
	if run := h.OnlyRun(); run.Spec.Attempt != 2 || run.Status.Attempt != 2 {
		t.Errorf("retried: %+v, and %+v", run.Spec, run.Status)
	}
	for _, c := range append(decides.Complaints(), looks.Complaints()...) {
		t.Error(c)
	}
}

// TestThePageBesideKubectl: with the credentials of a kubeconfig, which have no token.
func TestThePageBesideKubectl(t *testing.T) {
	h := open(t)
	h.Must("set", "image", "deployment/web", "app=holdfast.test/app:v2")
	tab := h.b.Tab(t, 1280, 900)
	tab.Open(follow(t, h.plugin("dashboard", "--no-browser"), `(http://127\.0\.0\.1:\S+)`))
	tab.AwaitText("#groups", "Running")
	tab.Click(".card")
	tab.AwaitText("#detail .buttons", "Promote")
	tab.Click(`#detail button[data-verb="promote"]`)
	tab.Click("#askYes")
	tab.AwaitText("#detail .phase", "Released")
	if run := h.OnlyRun(); run.Spec.Decision != v1alpha1.DecisionPromote {
		t.Errorf("decided: %+v", run.Spec)
	}
}

// TestWithoutATokenThereIsNothing of a cluster to be seen.
func TestWithoutATokenThereIsNothing(t *testing.T) {
	h := open(t)
	h.Must("set", "image", "deployment/web", "app=holdfast.test/app:v2")
	tab := h.b.Tab(t, 1280, 900)
	tab.Open(h.base)
	tab.AwaitText("#door", "Show a token")
	for _, path := range []string{"/api/stream", "/api/runs/" + h.Namespace + "/web", "/api/runs/" + h.Namespace + "/web/rights"} {
		if code := browser.Eval[int](tab, "fetch('"+path+"', {headers: {Authorization: 'Bearer x'}}).then((a) => a.status)"); code != 401 {
			t.Errorf("%s: answered %d", path, code)
		}
	}
}
