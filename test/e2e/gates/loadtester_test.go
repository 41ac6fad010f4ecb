package gates

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// loadTester is where Flagger's load tester answers, by the flag --hook-hosts of the test overlay.
const loadTester = "http://10.0.0.1:9094"

// installed has it in the cluster, once for all scenarios.
var installed = sync.OnceValue(func() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	return shop.World.Cluster.LoadTester(ctx, os.Stderr)
})

// plan is one whose run is good within seconds, with hooks.
func plan(hooks ...string) string {
	lines := []string{"hooks:"}
	for _, h := range hooks {
		lines = append(lines, "- {"+h+"}")
	}
	return shop.With(shop.PlanOf(shop.Calm), lines...)
}

func open(t *testing.T, hooks ...string) *shop.Shop {
	t.Helper()
	t.Parallel()
	if err := installed(); err != nil {
		t.Fatal(err)
	}
	return shop.Open(t, shop.Settings{Plan: plan(hooks...), NoLoad: true})
}

// tell has a person, or a program, open or close what the load tester keeps for the Deployment of a shop, as
// Flagger's docs say: curl -d '{"name": "web", "namespace": "test"}' http://loadtester/gate/open.
func tell(s *shop.Shop, path string) {
	s.T.Helper()
	pod := strings.TrimSpace(s.Must("get", "pods", "-n", "loadtester", "-l", "app=loadtester", "-o", "jsonpath={.items[0].metadata.name}"))
	body := fmt.Sprintf(`{"name": "web", "namespace": %q}
`, s.Namespace)
	s.Must("create", "--raw", "/api/v1/namespaces/loadtester/pods/"+pod+":9094/proxy"+path, "-f", "-", body)
}

// logOf is what the load tester has logged of a shop.
func logOf(s *shop.Shop) string {
	var lines []string
	for line := range strings.Lines(s.Must("logs", "-n", "loadtester", "deployment/loadtester")) {
		if strings.Contains(line, s.Namespace) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// TestGatesOfFlaggersLoadTester: gates that are closed hold a run, before its canary and before its release;
// open, they let it through. The tests before the first measurement, and the load with each round, are the
// load tester's tasks.
func TestGatesOfFlaggersLoadTester(t *testing.T) {
	s := open(t,
		"name: go, type: ConfirmRollout, url: '"+loadTester+"/gate/check'",
		"name: acceptance, type: PreRollout, url: '"+loadTester+"/gate/approve', timeout: 30s",
		"name: load, type: Rollout, url: '"+loadTester+"/', metadata: {cmd: 'true'}",
		"name: more, type: ConfirmPromotion, url: '"+loadTester+"/gate/approve'",
		"name: ship, type: ConfirmPromotion, url: '"+loadTester+"/gate/check'",
		"name: done, type: PostRollout, url: '"+loadTester+"/', metadata: {cmd: 'true'}",
	)
	run := s.HoldV2()
	closed := s.AwaitReason(run.Name, v1alpha1.ReasonGateClosed)
	if hook := await(s, run.Name, "the gate has answered", func(r *v1alpha1.CanaryRun) bool { return r.Status.Hook("go").Answer != "" }).Status.Hook("go"); hook.Answer != v1alpha1.HookNo || hook.Message != "403 Forbidden: Forbidden" || closed.Status.CreatedAt != nil {
		t.Errorf("the gate said %+v", hook)
	}
	s.WantNoCanary()
	tell(s, "/gate/open")
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	tell(s, "/gate/close")
	await(s, run.Name, "the last gate has answered", func(r *v1alpha1.CanaryRun) bool { return r.Status.Hook("ship").Answer == v1alpha1.HookNo })
	s.WantImage("v1")
	tell(s, "/gate/open")
	released := s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
	if load := find(released.Status.Metrics, "load"); load.Passed < 3 || load.Failed+load.Errors > 0 {
		t.Errorf("the load tester was asked with the rounds: %+v", load)
	}
	await(s, run.Name, "the end was told", func(r *v1alpha1.CanaryRun) bool { return r.Status.Hook("done").Answer == v1alpha1.HookYes })
	s.WantEvents("GateClosed", "GateOpened", "HookPassed")
	if log := logOf(s); !strings.Contains(log, "web."+s.Namespace+" gate check: approved false") || !strings.Contains(log, "gate check: approved true") {
		t.Errorf("the load tester has logged\n%s", log)
	}
}

// await waits until a run is as a function says.
func await(s *shop.Shop, run, what string, is func(*v1alpha1.CanaryRun) bool) *v1alpha1.CanaryRun {
	s.T.Helper()
	return shop.Await(s, what, run, &v1alpha1.CanaryRun{}, is)
}

func find(metrics []v1alpha1.MetricStatus, name string) v1alpha1.MetricStatus {
	for _, m := range metrics {
		if m.Name == name {
			return m
		}
	}
	return v1alpha1.MetricStatus{}
}

// TestARollbackByFlaggersLoadTester: a run that waits at a gate is taken back from outside.
func TestARollbackByFlaggersLoadTester(t *testing.T) {
	s := open(t,
		"name: ship, type: ConfirmPromotion, url: '"+loadTester+"/gate/halt'",
		"name: undo, type: Rollback, url: '"+loadTester+"/rollback/check'",
	)
	run := s.HoldV2()
	s.AwaitReason(run.Name, v1alpha1.ReasonGateClosed)
	tell(s, "/rollback/open")
	s.WantReverted(run.Name, v1alpha1.ReasonRollbackAsked)
	s.WantImage("v1")
}

// TestANoBeforeTheFirstMeasurement fails the canary, which is never measured.
func TestANoBeforeTheFirstMeasurement(t *testing.T) {
	s := open(t, "name: acceptance, type: PreRollout, failureLimit: 1, url: '"+loadTester+"/gate/halt'")
	run := s.HoldV2()
	ended := s.WantReverted(run.Name, v1alpha1.ReasonHookRefused)
	if !strings.Contains(ended.Status.Message, "403 Forbidden") || ended.Status.Measured > 0 {
		t.Errorf("%s, after %d rounds", ended.Status.Message, ended.Status.Measured)
	}
	s.WantEvents("HookFailed")
}

// TestAnAnswerThatIsLost: what a server has taken and never answers is no fault of the canary, and nothing is
// released. A person goes past it.
func TestAnAnswerThatIsLost(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: plan("name: acceptance, type: PreRollout, timeout: 300ms, url: 'http://10.0.0.1:9095/hang/'"), NoLoad: true})
	s.Serve(shop.Server{Name: "silent", Image: "faults", Port: 9095, Args: []string{"--listen=:9095"}}) // it takes a question and never answers
	run := s.HoldV2()
	asked := await(s, run.Name, "the answer was lost twice", func(r *v1alpha1.CanaryRun) bool { return r.Status.Hook("acceptance").Errors >= 2 })
	if said := asked.Status.Hook("acceptance").Message; said != "no answer within 300ms" || asked.Status.Verdict != "" || asked.Status.ReadyAt != nil {
		t.Errorf("the hook said %q, the verdict is %q", said, asked.Status.Verdict)
	}
	s.WantImage("v1")
	s.Decide(run.Name, `"decision":"Promote"`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
}

// TestAHookThatNobodyAllows: a plan whose hook is never asked is refused, with the flag that would allow it.
func TestAHookThatNobodyAllows(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true})
	for _, url := range []string{"http://169.254.169.254/latest/meta-data", "http://loadtester.other.svc/", "http://10.0.0.1:9090/"} {
		said := s.Refused("apply", "-f", "-", plan("name: x, type: Rollback, url: '"+url+"'"))
		if !strings.Contains(said, "--hook-hosts") || !strings.Contains(said, "spec.hooks[0].url") {
			t.Errorf("%s: %s", url, said)
		}
	}
}
