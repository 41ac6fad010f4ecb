package runs

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

func TestStepsGrowTheCanaryAndGatesHoldIt(t *testing.T) {
	t.Parallel()
	plan := shop.With(shop.PlanOf(shop.Calm), "steps:", "- {replicas: 1, period: 4s, approval: true}", "- {podShare: 50, period: 4s}")
	s := shop.Open(t, shop.Settings{Plan: plan, NoLoad: true})
	run := s.HoldV2()
	gated := s.AwaitReason(run.Name, v1alpha1.ReasonApproval)
	if gated.Status.Phase != v1alpha1.PhasePaused || gated.Status.Scale != "1/1" {
		t.Errorf("at the gate the run is %s with scale %s", gated.Status.Phase, gated.Status.Scale)
	}
	s.Decide(run.Name, `"approvedSteps":1`)
	shop.Await(s, "the second step has half of the pods", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
		return r.Status.Scale == "2/2" && strings.HasSuffix(r.Status.Traffic, " 50%")
	})
	released := s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
	s.WantEvents("Paused", "NextStep", "Released")
	measured, planned, _ := strings.Cut(released.Status.Duration, "/")
	if d, err := time.ParseDuration(measured); err != nil || d < 8*time.Second || planned != "8s" { // a round that is missed is taken after the period
		t.Errorf("duration is %s", released.Status.Duration)
	}
	s.WantNoCanary()
}

// TestWhoMayUpdateRunsMayPromote: and may do nothing else.
func TestWhoMayUpdateRunsMayPromote(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.Must("create", "role", "promoter", "--verb=get,update,patch", "--resource=canaryruns.holdfast.dev")
	s.Must("create", "rolebinding", "promoter", "--role=promoter", "--user=ada")
	s.AwaitCan("ada", "patch", "canaryruns.holdfast.dev")
	promote := []string{"patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"decision":"Promote"}}`}
	if _, stderr, code := s.Kubectl(append([]string{"--as=bob"}, promote...)...); code == 0 || !strings.Contains(stderr, "cannot") {
		t.Errorf("bob may promote, kubectl says %s", stderr)
	}
	for what, args := range map[string][]string{
		"the status":     {"--as=ada", "patch", "canaryrun", run.Name, "--subresource=status", "--type=merge", "-p", `{"status":{"verdict":"Pass"}}`},
		"the Deployment": {"--as=ada", "scale", "deployment", "web", "--replicas=5"},
	} {
		if _, _, code := s.Kubectl(args...); code == 0 {
			t.Errorf("ada may write %s", what)
		}
	}
	s.Must(append([]string{"--as=ada"}, promote...)...)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
	s.WantEvents("Promoted", "Released")
	if _, stderr, code := s.Kubectl("patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"decision":"Abort"}}`); code == 0 || !strings.Contains(stderr, "the decision stands") {
		t.Errorf("the decision can be changed, kubectl says %s", stderr)
	}
}

func TestPauseResumeAndAbort(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.Decide(run.Name, `"paused":true`)
	s.AwaitReason(run.Name, v1alpha1.ReasonPausedByUser)
	s.Decide(run.Name, `"paused":false`)
	s.AwaitReason(run.Name, v1alpha1.ReasonMeasuring)
	const by = `"decidedBy":"load test 812","decisionReason":"3 of 100 requests failed"`
	if _, stderr, code := s.Kubectl("patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{`+by+`}}`); code == 0 || !strings.Contains(stderr, "set decision to Promote or Abort too") {
		t.Errorf("who decided can be said without a decision, kubectl says %s", stderr)
	}
	s.Decide(run.Name, `"decision":"Abort",`+by)
	if message := s.WantReverted(run.Name, v1alpha1.ReasonAborted).Status.Message; !strings.HasPrefix(message, "aborted by load test 812 (3 of 100 requests failed)") {
		t.Errorf("the run says %q", message)
	}
	if _, stderr, code := s.Kubectl("patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"decidedBy":"nobody"}}`); code == 0 || !strings.Contains(stderr, "stand with the decision") {
		t.Errorf("who decided can be changed, kubectl says %s", stderr)
	}
	if said := s.Apply("v2"); !strings.Contains(said, "not tried again") {
		t.Errorf("aborted and applied again, kubectl says:\n%s", said)
	}
}

func TestAFrozenRunIsTriedAgainWithFreshPods(t *testing.T) {
	stage.Long(t)
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.With(shop.PlanOf(`sum(up{ {{canary}} })`), "onFailure: Freeze"), NoLoad: true})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseFrozen)
	s.Decide(run.Name, `"attempt":2`)
	second := v1alpha1.CanaryName(run.Name, 2)
	shop.Await(s, "there are fresh pods", second, &appsv1.ReplicaSet{}, func(rs *appsv1.ReplicaSet) bool { return rs.Status.ReadyReplicas == 1 })
	s.AwaitPhase(run.Name, v1alpha1.PhaseFrozen)
	shop.AwaitList(s, "only those pods", &corev1.PodList{}, func(n int) bool { return n == 1 }, []client.ListOption{client.HasLabels{v1alpha1.RoleLabel}})
	s.Decide(run.Name, `"decision":"Promote"`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
	s.WantNoCanary()
}

// TestADryRunReleasesNothing: it is told apart from a failure, and a GitOps tool
// that applies the same again starts nothing.
func TestADryRunReleasesNothing(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.With(shop.PlanOf(shop.Calm), "dryRun: true"), NoLoad: true})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhasePassed)
	s.WantImage("v1")
	s.WantNoCanary()
	if said := s.Apply("v2"); !strings.Contains(said, "dry run "+run.Name+" of this template passed") {
		t.Errorf("applied again, kubectl says:\n%s", said)
	}
	shop.Await(s, "tools that wait read it", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return strings.Contains(shop.ProgressMessage(d), "passed as a dry run")
	})
	s.Must("apply", "-f", "-", shop.PlanOf(shop.Calm))
	s.Must("annotate", "deployment", "web", v1alpha1.RetryAnnotation+"=1")
	s.AwaitPhase(s.HoldV2().Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
}

// TestABaselineIsComparedWith: real series of real baseline pods. There is one of each that is scraped, also
// when a scrape of one of them comes too late.
func TestABaselineIsComparedWith(t *testing.T) {
	t.Parallel()
	plan := shop.With(shop.PlanOf(`count(up{ {{canary}} }) - count(up{ {{baseline}} })`), "baseline: {}")
	s := shop.Open(t, shop.Settings{Plan: plan, NoLoad: true})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	for name, version := range map[string]string{run.Name: "v2", v1alpha1.BaselineName(run.Name, 1): "v1"} {
		if image := shop.Get(s, name, &appsv1.ReplicaSet{}).Spec.Template.Spec.Containers[0].Image; !strings.HasSuffix(image, ":"+version) {
			t.Errorf("%s runs %s, want %s", name, image, version)
		}
	}
	released := s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	if m := shop.MetricOf(t, released, "error-rate"); m.Failed > 0 || m.Passed == 0 {
		t.Errorf("the comparison came to %+v", m)
	}
	s.WantNoCanary()
}

const byHandRun = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryRun
metadata: {name: %s}
spec:
  deployment: web
`

// TestRunsByHand: several beside one Deployment, each gone with its run, none of
// them a change of the Deployment.
func TestRunsByHand(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.PlanOf(shop.Calm), NoLoad: true})
	before := s.Deployment("web")
	template, err := json.Marshal(before.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	whole := strings.Replace(string(template), ":v1", ":v3", 1)
	s.Must("apply", "-f", "-", fmt.Sprintf(byHandRun, "images")+"  containers: [{name: app, image: \"holdfast.test/app:v2\"}]\n")
	s.Must("apply", "-f", "-", fmt.Sprintf(byHandRun, "whole")+"  template: "+whole+"\n")
	s.Must("apply", "-f", "-", fmt.Sprintf(byHandRun, "judged")+"  planRef: default\n  containers: [{name: app, image: \"holdfast.test/app:v2\"}]\n")
	s.Must("apply", "-f", "-", fmt.Sprintf(byHandRun, "wrong")+"  containers: [{name: nobody, image: x}]\n")
	for name, version := range map[string]string{"images": "v2", "whole": "v3"} {
		s.AwaitReason(name, v1alpha1.ReasonUnjudged)
		rs := shop.Await(s, name+" has a pod", name, &appsv1.ReplicaSet{}, func(rs *appsv1.ReplicaSet) bool { return rs.Status.ReadyReplicas == 1 })
		if image := rs.Spec.Template.Spec.Containers[0].Image; !strings.HasSuffix(image, ":"+version) {
			t.Errorf("%s runs %s", name, image)
		}
	}
	if wrong := s.AwaitPhase("wrong", v1alpha1.PhaseReverted); !strings.Contains(wrong.Status.Message, `no container "nobody"; it has app`) {
		t.Errorf("a run of no container says %s", wrong.Status.Message)
	}
	if judged := s.AwaitPhase("judged", v1alpha1.PhasePassed); judged.Status.Verdict != v1alpha1.VerdictPass {
		t.Errorf("the judged run has verdict %q", judged.Status.Verdict)
	}
	s.WantImage("v1")
	if _, stderr, code := s.Kubectl("patch", "canaryrun", "whole", "--type=merge", "-p", `{"spec":{"template":{"spec":{"hostname":"x"}}}}`); code == 0 || !strings.Contains(stderr, "a run cannot be changed") {
		t.Errorf("the template of a run can be changed, kubectl says %s", stderr)
	}
	s.Must("delete", "canaryrun", "images", "whole", "judged", "wrong")
	s.WantNoCanary()
	after := s.Deployment("web")
	if diff := cmp.Diff(before.Spec, after.Spec); diff != "" || after.Annotations[v1alpha1.HeldAnnotation] != "" {
		t.Errorf("the Deployment was changed:\n%s", diff)
	}
}

// TestRunsWaitForTheirTurn: one place in the namespace, three runs.
func TestRunsWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.With(shop.Patient, "maxRuns: 1"), NoLoad: true})
	for _, name := range []string{"first", "second", "third"} {
		s.Must("apply", "-f", "-", fmt.Sprintf(byHandRun, name)+"  planRef: default\n  containers: [{name: app, image: \"holdfast.test/app:v2\"}]\n")
		shop.Await(s, name+" is looked at", name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
			return r.Status.Reason == v1alpha1.ReasonQueued || r.Status.CreatedAt != nil
		})
	}
	for i, name := range []string{"second", "third"} {
		shop.Await(s, name+" knows its place", name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
			return strings.Contains(r.Status.Message, fmt.Sprintf("place %d in the queue", i+1))
		})
	}
	for _, name := range []string{"first", "second", "third"} {
		s.AwaitPhase(name, v1alpha1.PhaseRunning)
		shop.AwaitList(s, "one run has a canary", &appsv1.ReplicaSetList{}, func(n int) bool { return n == 1 }, []client.ListOption{client.HasLabels{v1alpha1.RunLabel}})
		s.Decide(name, `"decision":"Abort"`)
	}
}

// TestNothingIsReleasedInAFreezeWindow: the run has passed, and says until when it waits.
func TestNothingIsReleasedInAFreezeWindow(t *testing.T) {
	t.Parallel()
	now := metav1.Now().UTC()
	window := fmt.Sprintf("freezeWindows: [{from: %q, to: %q}]", now.Add(-shop.Patience).Format("2006-01-02T15:04:05Z"), now.AddDate(0, 0, 1).Format("2006-01-02T15:04:05Z"))
	s := shop.Open(t, shop.Settings{Plan: shop.With(shop.PlanOf(shop.Calm), window), NoLoad: true})
	run := s.HoldV2()
	waiting := s.AwaitReason(run.Name, v1alpha1.ReasonFreezeWindow)
	if waiting.Status.Phase != v1alpha1.PhaseReleasing || waiting.Status.Verdict != v1alpha1.VerdictPass || !strings.Contains(waiting.Status.Message, "nothing is released before") {
		t.Errorf("the run is %s %s: %s", waiting.Status.Phase, waiting.Status.Verdict, waiting.Status.Message)
	}
	s.WantImage("v1")
	s.Decide(run.Name, `"decision":"Abort"`)
	s.WantReverted(run.Name, v1alpha1.ReasonAborted)
}
