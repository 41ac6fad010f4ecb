package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestAGoodUpdateIsReleased(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: quickPlan})
	run := s.holdV2()
	s.wantImage("v1")

	running := s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	if running.Status.ReadyAt == nil || running.Status.Scale != "1/1" {
		t.Errorf("a running canary has status %+v", running.Status)
	}
	s.wantCanaryPods(run, "v2")
	s.wantImage("v1")

	released := s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.wantImage("v2")
	s.awaitAvailable()
	s.wantNoCanary()
	if released.Status.Verdict != v1alpha1.VerdictPass {
		t.Errorf("verdict is %s", released.Status.Verdict)
	}
	took := released.Status.FinishedAt.Sub(released.Status.ReadyAt.Time)
	if period := released.Spec.Plan.Analysis.Period.Duration; took < period {
		t.Errorf("released %s after Ready, before the period of %s was over", took, period)
	}
	metric := metricOf(t, released, "error-rate")
	if last := metric.Last[len(metric.Last)-1]; last.Outcome != v1alpha1.OutcomePassed || last.Value != "0" || !strings.Contains(last.Query, run.Name) {
		t.Errorf("the last measurement is %+v", last)
	}
	s.wantEvents("Held", "CanaryStarted", "CanaryReady", "Released")
	if history := s.must("rollout", "history", "deployment/web"); !strings.Contains(history, "2 ") {
		t.Errorf("rollout history has no second revision:\n%s", history)
	}
	if said := s.apply("v2"); strings.Contains(said, "holdfast") {
		t.Errorf("applying the released version again says:\n%s", said)
	}
}

func TestABadUpdateIsRevertedAndRemembered(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: quickPlan})
	run := s.holdV2("--error-rate=0.2")
	ended := s.wantReverted(run.Name, v1alpha1.ReasonMetricOutOfRange)
	if !strings.Contains(ended.Status.Message, "error-rate") || !strings.Contains(ended.Status.Message, "[0, 0.05]") {
		t.Errorf("the message names no metric and range: %s", ended.Status.Message)
	}
	s.wantEvents("Held", "CanaryStarted", "CanaryReady", "MeasurementFailed", "Reverted")

	before := s.deployment("web")
	said := s.apply("v2", "--error-rate=0.2")
	if !strings.Contains(said, "not tried again") || !strings.Contains(said, run.Name) {
		t.Errorf("applied again, kubectl says:\n%s", said)
	}
	after := s.deployment("web")
	if diff := cmp.Diff(before.Spec, after.Spec); diff != "" {
		t.Errorf("applied again, the rejected update changed the spec:\n%s", diff)
	}
	s.wantImage("v1")

	s.must("apply", "-f", "-", patient) // the second try is to be withdrawn before a verdict
	s.must("annotate", "deployment", "web", "holdfast.dev/retry=1")
	again := s.holdV2("--error-rate=0.2")
	if again.Name == run.Name {
		t.Errorf("the second try has the name of the first, %s", run.Name)
	}
	s.apply("v1")
	s.awaitPhase(again.Name, v1alpha1.PhaseCanceled)
}

func TestJudgingFreezesOrReverts(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: strings.Replace(quickPlan, "  readyDeadline", "  onFailure: Freeze\n  readyDeadline", 1)})
	run := s.holdV2("--error-rate=0.5")
	s.awaitPhase(run.Name, v1alpha1.PhaseFrozen)
	awaitEvent(s, v1alpha1.EventPodQuarantined) // told after the last of two writes to the labels of its pod
	s.wantCanaryPods(run, "v2")
	s.wantImage("v1")
	s.apply("v1")
	s.awaitPhase(run.Name, v1alpha1.PhaseCanceled)
	s.wantNoCanary()
}

func metricOf(t *testing.T, run *v1alpha1.CanaryRun, name string) v1alpha1.MetricStatus {
	t.Helper()
	for _, m := range run.Status.Metrics {
		if m.Name == name && len(m.Last) > 0 {
			return m
		}
	}
	t.Fatalf("run %s has measured no %s: %+v", run.Name, name, run.Status.Metrics)
	return v1alpha1.MetricStatus{}
}

// wantCanaryPods checks what a run runs: owned by it, its pods behind the Service or in quarantine, and its
// ReplicaSet none of the Deployment's.
func (s *shop) wantCanaryPods(run *v1alpha1.CanaryRun, version string) {
	s.t.Helper()
	rs := get(s, run.Name, &appsv1.ReplicaSet{})
	if len(rs.OwnerReferences) != 1 || rs.OwnerReferences[0].UID != run.UID {
		s.t.Errorf("the canary ReplicaSet is owned by %+v", rs.OwnerReferences)
	}
	var pods corev1.PodList
	if err := world.client.List(s.t.Context(), &pods, inNamespace(s), withRole); err != nil {
		s.t.Fatal(err)
	}
	if len(pods.Items) != 1 {
		s.t.Fatalf("there are %d canary pods", len(pods.Items))
	}
	pod := pods.Items[0]
	ofWeb := (pod.Labels["app"] == "web") != (pod.Labels[v1alpha1.QuarantineLabel] != "")
	if !strings.HasSuffix(pod.Spec.Containers[0].Image, ":"+version) || !ofWeb || pod.Labels["canary"] != "true" {
		s.t.Errorf("the canary pod runs %s with labels %v", pod.Spec.Containers[0].Image, pod.Labels)
	}
}

// wantEvents waits for events on the Deployment.
func (s *shop) wantEvents(reasons ...string) {
	s.t.Helper()
	for _, reason := range reasons {
		awaitSome(s, "event "+reason+" on the Deployment", &corev1.EventList{}, matchingFields(
			"involvedObject.kind", "Deployment", "involvedObject.name", "web", "reason", reason))
	}
}
