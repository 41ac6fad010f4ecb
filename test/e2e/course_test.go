package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// with adds lines to the spec of a plan.
func with(plan string, lines ...string) string {
	return strings.Replace(plan, "  readyDeadline", "  "+strings.Join(lines, "\n  ")+"\n  readyDeadline", 1)
}

// decide changes a field of a run as a person does.
func (s *shop) decide(run, spec string) {
	s.t.Helper()
	s.must("patch", "canaryrun", run, "--type=merge", "-p", `{"spec":{`+spec+`}}`)
}

// awaitReason waits until a run says why it is where it is.
func (s *shop) awaitReason(run, reason string) *v1alpha1.CanaryRun {
	s.t.Helper()
	return await(s, fmt.Sprintf("run %s says %s", run, reason), run, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
		return r.Status.Reason == reason
	})
}

const calm = `sum(up{ {{canary}} }) * 0`

func TestStepsGrowTheCanaryAndGatesHoldIt(t *testing.T) {
	t.Parallel()
	plan := with(planOf(calm), "steps:", "- {replicas: 1, period: 4s, approval: true}", "- {podShare: 50, period: 4s}")
	s := open(t, settings{plan: plan, noLoad: true})
	run := s.holdV2()
	gated := s.awaitReason(run.Name, v1alpha1.ReasonApproval)
	if gated.Status.Phase != v1alpha1.PhasePaused || gated.Status.Scale != "1/1" {
		t.Errorf("at the gate the run is %s with scale %s", gated.Status.Phase, gated.Status.Scale)
	}
	s.decide(run.Name, `"approvedSteps":1`)
	await(s, "the second step has half of the pods", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
		return r.Status.Scale == "2/2" && strings.HasSuffix(r.Status.Traffic, " 50%")
	})
	released := s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.wantImage("v2")
	s.wantEvents("Paused", "NextStep", "Released")
	if released.Status.Duration != "8s/8s" {
		t.Errorf("duration is %s", released.Status.Duration)
	}
	s.wantNoCanary()
}

// TestWhoMayUpdateRunsMayPromote: and may do nothing else.
func TestWhoMayUpdateRunsMayPromote(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: patient, noLoad: true})
	run := s.holdV2()
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.must("create", "role", "promoter", "--verb=get,update,patch", "--resource=canaryruns.holdfast.dev")
	s.must("create", "rolebinding", "promoter", "--role=promoter", "--user=ada")
	promote := []string{"patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"decision":"Promote"}}`}
	if _, stderr, code := s.kubectl(append([]string{"--as=bob"}, promote...)...); code == 0 || !strings.Contains(stderr, "cannot") {
		t.Errorf("bob may promote, kubectl says %s", stderr)
	}
	for what, args := range map[string][]string{
		"the status":     {"--as=ada", "patch", "canaryrun", run.Name, "--subresource=status", "--type=merge", "-p", `{"status":{"verdict":"Pass"}}`},
		"the Deployment": {"--as=ada", "scale", "deployment", "web", "--replicas=5"},
	} {
		if _, _, code := s.kubectl(args...); code == 0 {
			t.Errorf("ada may write %s", what)
		}
	}
	s.must(append([]string{"--as=ada"}, promote...)...)
	s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.wantImage("v2")
	s.wantEvents("Promoted", "Released")
	if _, stderr, code := s.kubectl("patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"decision":"Abort"}}`); code == 0 || !strings.Contains(stderr, "the decision stands") {
		t.Errorf("the decision can be changed, kubectl says %s", stderr)
	}
}

func TestPauseResumeAndAbort(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: patient, noLoad: true})
	run := s.holdV2()
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.decide(run.Name, `"paused":true`)
	s.awaitReason(run.Name, v1alpha1.ReasonPausedByUser)
	s.decide(run.Name, `"paused":false`)
	s.awaitReason(run.Name, v1alpha1.ReasonMeasuring)
	const by = `"decidedBy":"load test 812","decisionReason":"3 of 100 requests failed"`
	if _, stderr, code := s.kubectl("patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{`+by+`}}`); code == 0 || !strings.Contains(stderr, "set decision to Promote or Abort too") {
		t.Errorf("who decided can be said without a decision, kubectl says %s", stderr)
	}
	s.decide(run.Name, `"decision":"Abort",`+by)
	if message := s.wantReverted(run.Name, v1alpha1.ReasonAborted).Status.Message; !strings.HasPrefix(message, "aborted by load test 812 (3 of 100 requests failed)") {
		t.Errorf("the run says %q", message)
	}
	if _, stderr, code := s.kubectl("patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"decidedBy":"nobody"}}`); code == 0 || !strings.Contains(stderr, "stand with the decision") {
		t.Errorf("who decided can be changed, kubectl says %s", stderr)
	}
	if said := s.apply("v2"); !strings.Contains(said, "not tried again") {
		t.Errorf("aborted and applied again, kubectl says:\n%s", said)
	}
}

func TestAFrozenRunIsTriedAgainWithFreshPods(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: with(planOf(`sum(up{ {{canary}} })`), "onFailure: Freeze"), noLoad: true})
	run := s.holdV2()
	s.awaitPhase(run.Name, v1alpha1.PhaseFrozen)
	s.decide(run.Name, `"attempt":2`)
	second := v1alpha1.CanaryName(run.Name, 2)
	await(s, "there are fresh pods", second, &appsv1.ReplicaSet{}, func(rs *appsv1.ReplicaSet) bool { return rs.Status.ReadyReplicas == 1 })
	s.awaitPhase(run.Name, v1alpha1.PhaseFrozen)
	awaitList(s, "only those pods", &corev1.PodList{}, func(n int) bool { return n == 1 }, []client.ListOption{client.HasLabels{v1alpha1.RoleLabel}})
	s.decide(run.Name, `"decision":"Promote"`)
	s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.wantImage("v2")
	s.wantNoCanary()
}

// TestADryRunReleasesNothing: it is told apart from a failure, and a GitOps tool
// that applies the same again starts nothing.
func TestADryRunReleasesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: with(planOf(calm), "dryRun: true"), noLoad: true})
	run := s.holdV2()
	s.awaitPhase(run.Name, v1alpha1.PhasePassed)
	s.wantImage("v1")
	s.wantNoCanary()
	if said := s.apply("v2"); !strings.Contains(said, "dry run "+run.Name+" of this template passed") {
		t.Errorf("applied again, kubectl says:\n%s", said)
	}
	if message := progressMessage(s.deployment("web")); !strings.Contains(message, "passed as a dry run") {
		t.Errorf("tools that wait read %q", message)
	}
	s.must("apply", "-f", "-", planOf(calm))
	s.must("annotate", "deployment", "web", v1alpha1.RetryAnnotation+"=1")
	s.awaitPhase(s.holdV2().Name, v1alpha1.PhaseReleased)
	s.wantImage("v2")
}

// TestABaselineIsComparedWith: real series of real baseline pods.
func TestABaselineIsComparedWith(t *testing.T) {
	t.Parallel()
	plan := with(planOf(`sum(up{ {{canary}} }) - sum(up{ {{baseline}} })`), "baseline: {}")
	s := open(t, settings{plan: plan, noLoad: true})
	run := s.holdV2()
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	for name, version := range map[string]string{run.Name: "v2", v1alpha1.BaselineName(run.Name, 1): "v1"} {
		if image := get(s, name, &appsv1.ReplicaSet{}).Spec.Template.Spec.Containers[0].Image; !strings.HasSuffix(image, ":"+version) {
			t.Errorf("%s runs %s, want %s", name, image, version)
		}
	}
	released := s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
	if m := metricOf(t, released, "error-rate"); m.Failed > 0 || m.Passed == 0 {
		t.Errorf("the comparison came to %+v", m)
	}
	s.wantNoCanary()
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
	s := open(t, settings{plan: planOf(calm), noLoad: true})
	before := s.deployment("web")
	template, err := json.Marshal(before.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	whole := strings.Replace(string(template), ":v1", ":v3", 1)
	s.must("apply", "-f", "-", fmt.Sprintf(byHandRun, "images")+"  containers: [{name: app, image: \"holdfast.test/app:v2\"}]\n")
	s.must("apply", "-f", "-", fmt.Sprintf(byHandRun, "whole")+"  template: "+whole+"\n")
	s.must("apply", "-f", "-", fmt.Sprintf(byHandRun, "judged")+"  planRef: default\n  containers: [{name: app, image: \"holdfast.test/app:v2\"}]\n")
	s.must("apply", "-f", "-", fmt.Sprintf(byHandRun, "wrong")+"  containers: [{name: nobody, image: x}]\n")
	for name, version := range map[string]string{"images": "v2", "whole": "v3"} {
		s.awaitReason(name, v1alpha1.ReasonUnjudged)
		rs := await(s, name+" has a pod", name, &appsv1.ReplicaSet{}, func(rs *appsv1.ReplicaSet) bool { return rs.Status.ReadyReplicas == 1 })
		if image := rs.Spec.Template.Spec.Containers[0].Image; !strings.HasSuffix(image, ":"+version) {
			t.Errorf("%s runs %s", name, image)
		}
	}
	if wrong := s.awaitPhase("wrong", v1alpha1.PhaseReverted); !strings.Contains(wrong.Status.Message, `no container "nobody"; it has app`) {
		t.Errorf("a run of no container says %s", wrong.Status.Message)
	}
	if judged := s.awaitPhase("judged", v1alpha1.PhasePassed); judged.Status.Verdict != v1alpha1.VerdictPass {
		t.Errorf("the judged run has verdict %q", judged.Status.Verdict)
	}
	s.wantImage("v1")
	if _, stderr, code := s.kubectl("patch", "canaryrun", "whole", "--type=merge", "-p", `{"spec":{"template":{"spec":{"hostname":"x"}}}}`); code == 0 || !strings.Contains(stderr, "a run cannot be changed") {
		t.Errorf("the template of a run can be changed, kubectl says %s", stderr)
	}
	s.must("delete", "canaryrun", "images", "whole", "judged", "wrong")
	s.wantNoCanary()
	after := s.deployment("web")
	if diff := cmp.Diff(before.Spec, after.Spec); diff != "" || after.Annotations[v1alpha1.HeldAnnotation] != "" {
		t.Errorf("the Deployment was changed:\n%s", diff)
	}
}

// TestRunsWaitForTheirTurn: one place in the namespace, three runs.
func TestRunsWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: with(patient, "maxRuns: 1"), noLoad: true})
	for _, name := range []string{"first", "second", "third"} {
		s.must("apply", "-f", "-", fmt.Sprintf(byHandRun, name)+"  planRef: default\n  containers: [{name: app, image: \"holdfast.test/app:v2\"}]\n")
		await(s, name+" is looked at", name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
			return r.Status.Reason == v1alpha1.ReasonQueued || r.Status.CreatedAt != nil
		})
	}
	for i, name := range []string{"second", "third"} {
		await(s, name+" knows its place", name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
			return strings.Contains(r.Status.Message, fmt.Sprintf("place %d in the queue", i+1))
		})
	}
	for _, name := range []string{"first", "second", "third"} {
		s.awaitPhase(name, v1alpha1.PhaseRunning)
		awaitList(s, "one run has a canary", &appsv1.ReplicaSetList{}, func(n int) bool { return n == 1 }, []client.ListOption{client.HasLabels{v1alpha1.RunLabel}})
		s.decide(name, `"decision":"Abort"`)
	}
}

// TestNothingIsReleasedInAFreezeWindow: the run has passed, and says until when it waits.
func TestNothingIsReleasedInAFreezeWindow(t *testing.T) {
	t.Parallel()
	now := metav1.Now().UTC()
	window := fmt.Sprintf("freezeWindows: [{from: %q, to: %q}]", now.Add(-patience).Format("2006-01-02T15:04:05Z"), now.AddDate(0, 0, 1).Format("2006-01-02T15:04:05Z"))
	s := open(t, settings{plan: with(planOf(calm), window), noLoad: true})
	run := s.holdV2()
	waiting := s.awaitReason(run.Name, v1alpha1.ReasonFreezeWindow)
	if waiting.Status.Phase != v1alpha1.PhaseReleasing || waiting.Status.Verdict != v1alpha1.VerdictPass || !strings.Contains(waiting.Status.Message, "nothing is released before") {
		t.Errorf("the run is %s %s: %s", waiting.Status.Phase, waiting.Status.Verdict, waiting.Status.Message)
	}
	s.wantImage("v1")
	s.decide(run.Name, `"decision":"Abort"`)
	s.wantReverted(run.Name, v1alpha1.ReasonAborted)
}
