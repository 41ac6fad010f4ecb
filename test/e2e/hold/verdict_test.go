package hold

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestAGoodUpdateIsReleased(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.QuickPlan})
	run := s.HoldV2()
	s.WantImage("v1")

	running := s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	if running.Status.ReadyAt == nil || running.Status.Scale != "1/1" {
		t.Errorf("a running canary has status %+v", running.Status)
	}
	wantCanaryPods(s, run, "v2")
	s.WantImage("v1")

	released := s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
	s.AwaitAvailable()
	s.WantNoCanary()
	if released.Status.Verdict != v1alpha1.VerdictPass {
		t.Errorf("verdict is %s", released.Status.Verdict)
	}
	took := released.Status.FinishedAt.Sub(released.Status.ReadyAt.Time)
	if period := released.Spec.Plan.Analysis.Period.Duration; took < period {
		t.Errorf("released %s after Ready, before the period of %s was over", took, period)
	}
	metric := shop.MetricOf(t, released, "error-rate")
	if last := metric.Last[len(metric.Last)-1]; last.Outcome != v1alpha1.OutcomePassed || last.Value != "0" || !strings.Contains(last.Query, run.Name) {
		t.Errorf("the last measurement is %+v", last)
	}
	s.WantEvents("Held", "Released")
	if history := s.Must("rollout", "history", "deployment/web"); !strings.Contains(history, "2 ") {
		t.Errorf("rollout history has no second revision:\n%s", history)
	}
	if said := s.Apply("v2"); strings.Contains(said, "holdfast") {
		t.Errorf("applying the released version again says:\n%s", said)
	}
}

func TestABadUpdateIsRevertedAndRemembered(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.QuickPlan})
	run := s.HoldV2("--error-rate=0.2")
	ended := s.WantReverted(run.Name, v1alpha1.ReasonMetricOutOfRange)
	if !strings.Contains(ended.Status.Message, "error-rate") || !strings.Contains(ended.Status.Message, "[0, 0.05]") {
		t.Errorf("the message names no metric and range: %s", ended.Status.Message)
	}
	s.WantEvents("Held", "MeasurementFailed", "Reverted")

	before := s.Deployment("web")
	said := s.Apply("v2", "--error-rate=0.2")
	if !strings.Contains(said, "not tried again") || !strings.Contains(said, run.Name) {
		t.Errorf("applied again, kubectl says:\n%s", said)
	}
	after := s.Deployment("web")
	if diff := cmp.Diff(before.Spec, after.Spec); diff != "" {
		t.Errorf("applied again, the rejected update changed the spec:\n%s", diff)
	}
	s.WantImage("v1")

	s.Must("apply", "-f", "-", shop.Patient) // the second try is to be withdrawn before a verdict
	s.Must("annotate", "deployment", "web", "holdfast.dev/retry=1")
	again := s.HoldV2("--error-rate=0.2")
	if again.Name == run.Name {
		t.Errorf("the second try has the name of the first, %s", run.Name)
	}
	s.Apply("v1")
	s.AwaitPhase(again.Name, v1alpha1.PhaseCanceled)
}

func TestJudgingFreezesOrReverts(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: strings.Replace(shop.QuickPlan, "  readyDeadline", "  onFailure: Freeze\n  readyDeadline", 1)})
	run := s.HoldV2("--error-rate=0.5")
	s.AwaitPhase(run.Name, v1alpha1.PhaseFrozen)
	shop.AwaitEvent(s, v1alpha1.EventPodQuarantined) // told after the last of two writes to the labels of its pod
	wantCanaryPods(s, run, "v2")
	s.WantImage("v1")
	s.Apply("v1")
	s.AwaitPhase(run.Name, v1alpha1.PhaseCanceled)
	s.WantNoCanary()
}

// wantCanaryPods checks what a run runs: owned by it, its pods behind the Service or in quarantine, and its
// ReplicaSet none of the Deployment's.
func wantCanaryPods(s *shop.Shop, run *v1alpha1.CanaryRun, version string) {
	s.T.Helper()
	rs := shop.Get(s, run.Name, &appsv1.ReplicaSet{})
	if len(rs.OwnerReferences) != 1 || rs.OwnerReferences[0].UID != run.UID {
		s.T.Errorf("the canary ReplicaSet is owned by %+v", rs.OwnerReferences)
	}
	var pods corev1.PodList
	if err := shop.World.Client.List(s.T.Context(), &pods, shop.InNamespace(s), shop.WithRole); err != nil {
		s.T.Fatal(err)
	}
	if len(pods.Items) != 1 {
		s.T.Fatalf("there are %d canary pods", len(pods.Items))
	}
	pod := pods.Items[0]
	ofWeb := (pod.Labels["app"] == "web") != (pod.Labels[v1alpha1.QuarantineLabel] != "")
	if !strings.HasSuffix(pod.Spec.Containers[0].Image, ":"+version) || !ofWeb || pod.Labels["canary"] != "true" {
		s.T.Errorf("the canary pod runs %s with labels %v", pod.Spec.Containers[0].Image, pod.Labels)
	}
}
