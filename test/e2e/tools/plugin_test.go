package tools

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// The plugin of kubectl, used as docs/how-to/kubectl-plugin.md says: every command that stands there is run
// as a user with the rights that the page names, and refused to one without.

// pluginPage is the page, from the root of the repository.
const pluginPage = "docs/how-to/kubectl-plugin.md"

// root is the folder of the repository.
var root = sync.OnceValues(func() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, pluginPage)); missing == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("the root of the repository is not above the tests")
		}
	}
	return "", err
})

// pluginDir is the folder in the cluster's with the plugin, built of this tree.
var pluginDir = sync.OnceValues(func() (string, error) {
	tree, err := root()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(shop.World.Cluster.Dir(), "plugin")
	build := exec.Command("go", "build", "-C", filepath.Join(tree, "cmd", "kubectl-holdfast"), "-o", filepath.Join(dir, "kubectl-holdfast"), ".")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the plugin: %w\n%s", err, said)
	}
	return dir, nil
})

// tour is a walk through the page in a shop.
type tour struct {
	*shop.Shop
	dir  string
	page string
	ran  map[string]bool
	run  string // the name of the run that stands for the one of the page
}

var (
	shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")
	pageRun    = "web-5phu7x2pnr"
)

func openTour(t *testing.T, o shop.Settings) *tour {
	t.Helper()
	dir, err := pluginDir()
	if err != nil {
		t.Fatal(err)
	}
	tree, err := root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(tree, pluginPage))
	if err != nil {
		t.Fatal(err)
	}
	walk := &tour{Shop: shop.Open(t, o), dir: dir, page: string(page), ran: map[string]bool{}}
	walk.giveRights()
	return walk
}

// giveRights makes the roles of the page, and gives vera the first, paul the second besides, and ann all of
// them.
func (o *tour) giveRights() {
	o.T.Helper()
	_, text, _ := strings.Cut(o.page, "## Who may what")
	block := shop.YAMLBlock.FindStringSubmatch(text)
	if block == nil {
		o.T.Fatal("the page has no roles")
	}
	roles := strings.ReplaceAll(block[2], "namespace: shop", "namespace: "+o.Namespace)
	for user, names := range map[string][]string{"vera": {"canary-view"}, "paul": {"canary-view", "canary-promote"}, "ann": {"canary-view", "canary-promote", "canary-bypass"}} {
		for _, name := range names {
			roles += fmt.Sprintf("\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: %s-%s, namespace: %s}\n"+
				"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: %s}\nsubjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: %s}]\n",
				user, name, o.Namespace, name, user)
		}
	}
	o.Must("apply", "-f", "-", roles)
	o.AwaitCan("vera", "list", "pods")
	o.AwaitCan("vera", "list", "canaryruns.holdfast.dev")
	o.AwaitCan("paul", "patch", "canaryruns.holdfast.dev")
	o.AwaitCan("ann", "bypass", "canaryruns.holdfast.dev")
	o.AwaitCan("ann", "patch", "deployments.apps")
}

// outcome is how a command of the plugin ended.
type outcome struct {
	out, err string
	code     int
}

// do runs a command line of the page as a user, in the shop's namespace.
func (o *tour) do(user, line string) outcome {
	o.T.Helper()
	o.ran[line] = true
	line = strings.ReplaceAll(line, pageRun, o.run)
	ctx, cancel := context.WithTimeout(o.T.Context(), shop.Patience)
	defer cancel()
	line += " -n " + o.Namespace
	if !strings.Contains(line, " backtest ") { // which asks no API server
		line += " --as " + user
	}
	shell := exec.CommandContext(ctx, "sh", "-c", line)
	shell.Dir = o.T.TempDir()
	kubectl := filepath.Dir(shop.World.Cluster.Bin("kubectl"))
	shell.Env = append(os.Environ(), "KUBECONFIG="+shop.World.Cluster.Kubeconfig(), "PATH="+o.dir+":"+kubectl+":"+os.Getenv("PATH"))
	var out, problems bytes.Buffer
	shell.Stdout, shell.Stderr = &out, &problems
	err := shell.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || ctx.Err() != nil) {
		o.T.Fatalf("%s: %v\n%s%s", line, err, out.String(), problems.String())
	}
	return outcome{out.String(), problems.String(), shell.ProcessState.ExitCode()}
}

// want runs a command that must end with this code and print these words.
func (o *tour) want(user, line string, code int, words ...string) outcome {
	o.T.Helper()
	got := o.do(user, line)
	for _, w := range words {
		if !strings.Contains(got.out+got.err, w) {
			o.T.Errorf("%s: %s does not say %q", user, line, w)
			got.code = -1
		}
	}
	if got.code != code {
		o.T.Fatalf("%s: %s ends with %d, want %d; it says\n%s%s", user, line, got.code, code, got.out, got.err)
	}
	return got
}

// refuse runs a command that must be refused for want of a right, and change nothing.
func (o *tour) refuse(user, line string, code int, verb, resource string) {
	o.T.Helper()
	o.want(user, line, code, fmt.Sprintf(`cannot %s resource`, verb), fmt.Sprintf("You lack the verb %q on %s", verb, resource), "kubectl create ")
}

// hold applies a version and follows its run.
func (o *tour) hold(version string) {
	o.T.Helper()
	o.run = o.NewestRun(o.Apply(version)).Name
}

// gatePlan has a gate, and judges by the health of the pods.
const gatePlan = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  readyDeadline: 60s
  steps: [{replicas: 1, approval: true}, {replicas: 1}]
  analysis: {interval: 1s, period: 2s}
`

// TestThePluginFollowsAndDecides: the tour of the page.
func TestThePluginFollowsAndDecides(t *testing.T) {
	t.Parallel()
	o := openTour(t, shop.Settings{NoLoad: true, Plan: gatePlan})
	const runs = "canaryruns.holdfast.dev"
	o.want("vera", "kubectl holdfast get", 0, "No canary runs found in namespace "+o.Namespace)
	o.want("vera", "kubectl holdfast diff web", 0, "No update of Deployment web is held")
	o.want("vera", "kubectl holdfast wait deployment/web --for=verdict --timeout=30m", 0, "no update of Deployment web is held")
	o.hold("v2")
	o.AwaitPhase(o.run, v1alpha1.PhasePaused)

	// Those who may read see what there is; those who may not are told which right they lack.
	o.want("vera", "kubectl holdfast get", 0, "NAMESPACE", "DURATION", o.run, "Paused")
	o.want("vera", "kubectl holdfast get deployment/web -o wide", 0, "ApprovalNeeded", "CanaryPlan default")
	o.want("vera", "kubectl holdfast get "+pageRun+" -o name", 0, "canaryrun.holdfast.dev/"+o.run)
	o.want("vera", "kubectl holdfast get "+pageRun+" -o yaml", 0, "planSource: CanaryPlan default")
	o.refuse("vera", "kubectl holdfast get -A", 1, "list", runs+" in the whole cluster")
	o.want("vera", "kubectl holdfast status web", 0, "Step:", "1 of 2", "pods ", "█", "canary  yes    Running", "kubectl holdfast approve -n "+o.Namespace+" "+o.run)
	o.want("vera", "kubectl holdfast history web", 0, o.run, "so far")
	o.want("vera", "kubectl holdfast diff web", 1, "-      - image: holdfast.test/app:v1", "+      - image: holdfast.test/app:v2", "held template (run "+o.run+")")
	o.want("vera", "kubectl holdfast wait web --for=verdict --timeout=5s", 2, "no verdict within 5s: run "+o.run+" is Paused (ApprovalNeeded)")
	for line, code := range map[string]int{
		"kubectl holdfast get": 1, "kubectl holdfast status web": 1, "kubectl holdfast history web": 1,
		"kubectl holdfast wait deployment/web --for=verdict --timeout=30m": 3,
	} {
		o.refuse("jane", line, code, "list", runs)
	}
	o.refuse("jane", "kubectl holdfast diff web", 2, "get", "deployments.apps")

	// Those who may decide do; for others nothing changes.
	before := shop.Get(o.Shop, o.run, &v1alpha1.CanaryRun{}).Spec
	for _, line := range []string{
		"kubectl holdfast pause web", "kubectl holdfast approve web", "kubectl holdfast retry web", "kubectl holdfast promote run/" + pageRun,
		`kubectl holdfast abort web --by="load test 812" --reason="slower than before"`,
	} {
		o.refuse("vera", line, 1, "patch", runs)
	}
	if after := shop.Get(o.Shop, o.run, &v1alpha1.CanaryRun{}).Spec; after.Paused || after.ApprovedSteps != before.ApprovedSteps || after.Attempt != before.Attempt || after.Decision != "" {
		t.Fatalf("who may not decide changed the run: %+v", after)
	}
	o.want("paul", "kubectl holdfast resume web", 1, "nobody has paused run "+o.run, "approve, promote or abort it")
	o.want("paul", "kubectl holdfast pause web", 0, "canaryrun.holdfast.dev/"+o.run+" paused")
	o.want("paul", "kubectl holdfast pause web", 0, "is paused already")
	o.want("paul", "kubectl holdfast resume web", 0, "resumed")
	o.want("paul", "kubectl holdfast retry web", 0, "attempt 2 begins anew")
	shop.Await(o.Shop, "attempt 2 waits for approval", o.run, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
		return r.Status.Attempt == 2 && r.Status.Reason == v1alpha1.ReasonApproval
	})
	waiting := make(chan outcome, 1)
	go func() {
		waiting <- o.concurrently("vera", "kubectl holdfast wait deployment/web --for=verdict --timeout=30m")
	}()
	followed := make(chan outcome, 1)
	go func() { followed <- o.concurrently("vera", "kubectl holdfast status web -w") }()
	o.want("paul", "kubectl holdfast approve web", 0, "approved: it leaves step 1")
	o.AwaitPhase(o.run, v1alpha1.PhaseReleased)
	o.WantImage("v2")
	if got := <-waiting; got.code != 0 || !strings.Contains(got.out, "run "+o.run+" is Released") {
		t.Errorf("wait ends with %d and says\n%s%s", got.code, got.out, got.err)
	}
	if got := <-followed; got.code != 0 || !strings.Contains(got.out, "Phase:     Released") && !strings.Contains(got.out, "Released (RolledOut)") || strings.Count(got.out, "---") < 2 {
		t.Errorf("status -w ends with %d and says\n%s%s", got.code, got.out, got.err)
	}
	o.want("paul", "kubectl holdfast promote run/"+pageRun, 1, "run "+o.run+" has ended: it is Released", "nothing left to promote")
	o.abortAndSkip()
	o.wantAllRun("kubectl holdfast lint", "kubectl holdfast generate", "kubectl holdfast backtest")
}

// abortAndSkip: the second half of the tour, on what was released by the first.
func (o *tour) abortAndSkip() {
	o.T.Helper()
	o.hold("v3")
	o.want("paul", `kubectl holdfast abort web --by="load test 812" --reason="slower than before"`, 0, "aborted")
	if ended := o.AwaitPhase(o.run, v1alpha1.PhaseReverted); !strings.Contains(ended.Status.Message, "aborted by load test 812 (slower than before)") {
		o.T.Errorf("the run says: %s", ended.Status.Message)
	}
	o.want("vera", "kubectl holdfast wait deployment/web --for=verdict --timeout=30m", 1, "rejected, by run "+o.run+" (Aborted)")
	o.want("vera", "kubectl holdfast wait run/"+pageRun+" --for=verdict", 1, "run "+o.run+" is Reverted (Aborted)")
	o.want("vera", "kubectl holdfast history web", 0, "load test 812 (Abort)")

	// An update that was reverted is tried again when its Deployment has forgotten it.
	if said := o.Apply("v3"); !strings.Contains(said, "not tried again") {
		o.T.Errorf("kubectl says:\n%s", said)
	}
	o.refuse("paul", "kubectl holdfast retry web", 1, "patch", "deployments.apps")
	o.want("ann", "kubectl holdfast retry web", 0, "apply the update of run "+o.run+" again")
	o.hold("v3")

	// What is held passes for who may bypass.
	const skip = `kubectl holdfast skip web --reason="hotfix for #4711"`
	o.refuse("paul", skip, 1, "patch", "deployments.apps")
	o.Must("create", "rolebinding", "paul-edits", "--clusterrole=edit", "--user=paul")
	o.AwaitCan("paul", "patch", "deployments.apps")
	o.want("paul", skip, 1, `"bypass" on canaryruns.holdfast.dev`)
	o.WantImage("v2")
	o.want("ann", skip, 0, "skipped: the update that was held passes without a canary", "passed without a canary")
	o.WantImage("v3")
	o.want("ann", skip, 1, `was used up by ann`)
	o.AwaitAvailable()
	o.want("vera", "kubectl holdfast wait run/"+pageRun+" --for=verdict", 2, "is Canceled (Skipped)")
	o.want("vera", "kubectl holdfast history deployment/web -o wide", 0, "Passed without a canary", "hotfix for #4711")

	o.hold("v4")
	o.want("paul", "kubectl holdfast promote run/"+pageRun, 0, "promoted")
	o.want("vera", "kubectl holdfast wait deployment/web --for=verdict --timeout=30m", 0, "run "+o.run+" is Released")
	o.WantImage("v4")
	o.want("vera", "kubectl holdfast wait run/nobody --for=verdict", 3, `there is no run nobody`)
	o.want("vera", "kubectl holdfast wait web --for=rollout", 3, `--for is "rollout"; it must be verdict`)
}

// concurrently runs a command of which the test goes on.
func (o *tour) concurrently(user, line string) outcome {
	apart := *o
	apart.ran = map[string]bool{}
	return apart.do(user, line)
}

// wantAllRun: every command that the page shows was run, but for those that another test runs.
func (o *tour) wantAllRun(elsewhere ...string) {
	o.T.Helper()
	shown := 0
	for _, block := range shellBlock.FindAllStringSubmatch(o.page, -1) {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimSpace(line)
			if !strings.HasPrefix(line, "kubectl holdfast ") || slices.ContainsFunc(elsewhere, func(e string) bool { return strings.HasPrefix(line, e) }) {
				continue
			}
			shown++
			if !o.ran[line] {
				o.T.Errorf("the page shows a command that no test runs: %s", line)
			}
		}
	}
	if shown < 10 {
		o.T.Errorf("the page shows %d commands; is the test looking in the right place?", shown)
	}
}

// TestThePluginPrintsChanges: get -w prints a run again when it changes, until it is interrupted.
func TestThePluginPrintsChanges(t *testing.T) {
	t.Parallel()
	o := openTour(t, shop.Settings{NoLoad: true, Plan: gatePlan})
	o.hold("v2")
	get := startFunc(o.Shop, "kubectl holdfast get -w", func(ctx context.Context, out *said) error {
		program := exec.CommandContext(ctx, filepath.Join(o.dir, "kubectl-holdfast"), "get", "-w", "-n", o.Namespace, "--as", "vera")
		program.Env = append(os.Environ(), "KUBECONFIG="+shop.World.Cluster.Kubeconfig())
		program.Stdout, program.Stderr = out, out
		program.Cancel = func() error { return program.Process.Signal(os.Interrupt) }
		program.WaitDelay = 10 * time.Second
		return program.Run()
	})
	get.awaitWords(t, o.run, 0)
	get.awaitWords(t, "Paused", 0)
	o.Must("patch", "canaryrun", o.run, "--type=merge", "-p", `{"spec":{"decision":"Abort"}}`)
	get.awaitWords(t, "Reverted", 0)
	if n := get.count("NAMESPACE"); n != 1 {
		t.Errorf("%d headers:\n%s", n, get.said)
	}
}

// TestThePluginWritesAndChecksPlans: what generate prints is taken by lint and by the API server, and can be
// tried on the past; who may not read the Deployment is refused.
func TestThePluginWritesAndChecksPlans(t *testing.T) {
	t.Parallel()
	o := openTour(t, shop.Settings{})
	began := time.Now().Add(-time.Second)
	o.Must("annotate", "deployment", "web", "holdfast.dev/canary=disabled")
	o.AwaitRecorded("web-[a-z0-9]+")
	o.Must("set", "image", "deployment/web", "app=holdfast.test/app:v2")
	o.AwaitAvailable()

	const (
		generate = `kubectl holdfast generate web --service=web --validation-period=1m --validation-promql-istio-quantile="P99<310" --validation-promql-istio-success=0.95`
		lint     = "kubectl holdfast lint -f plan.yaml"
		backtest = "kubectl holdfast backtest --plan plan.yaml --deployment web --prometheus-url http://localhost:9090 --from -7d"
	)
	for _, line := range []string{generate + " > plan.yaml", lint, backtest} {
		if !strings.Contains(o.page, "\n"+line+"\n") {
			t.Errorf("the page does not show what is tried here: %s", line)
		}
	}
	o.refuse("jane", generate, 1, "get", "deployments.apps")
	o.want("vera", strings.Replace(generate, "--service=web", "--service=nope", 1), 1, `there is no Service "nope"`, "to its pods send web")
	plan := o.want("vera", generate, 0, "expect: P99 < 310ms", "expect: success >= 0.95", "holdfast.dev/plan=web")
	o.Must("apply", "--dry-run=server", "-f", "-", plan.out)

	file := filepath.Join(t.TempDir(), "plan.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(plan.out)
	o.want("jane", strings.Replace(lint, "plan.yaml", file, 1), 0)
	write(strings.Replace(plan.out, "period: 1m0s", "period: 1min", 1))
	o.want("jane", strings.Replace(lint, "plan.yaml", file, 1), 1, file+":", `error: spec.analysis.period: is "1min"`)

	write("apiVersion: holdfast.dev/v1alpha1\nkind: CanaryPlan\nmetadata: {name: quick, namespace: " + o.Namespace + "}\nspec: {analysis: {period: 2s, interval: 1s}}\n")
	past := strings.NewReplacer("plan.yaml", file, "http://localhost:9090", shop.World.Cluster.PrometheusURL(), "--from -7d",
		"--prometheus-scrape-interval=1s --from "+began.UTC().Format(time.RFC3339)).Replace(backtest)
	shop.Until(o.Shop, "the rollout of the past was tried", func() bool { return strings.Contains(o.do("jane", past).out, "would have been released") })
}
