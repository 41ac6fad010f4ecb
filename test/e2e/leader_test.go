package e2e

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

const holdfastNamespace = "holdfast-system"

// killLeader kills the replica that evaluates as kill -9 does.
func (s *shop) killLeader() {
	s.t.Helper()
	system := &shop{t: s.t, namespace: holdfastNamespace}
	lease := get(system, "holdfast", &coordinationv1.Lease{})
	pod, _, _ := strings.Cut(*lease.Spec.HolderIdentity, "_")
	if err := world.cluster.SignalPod(s.t.Context(), holdfastNamespace, pod, syscall.SIGKILL); err != nil {
		s.t.Fatalf("kill leader %s: %v", pod, err)
	}
}

// TestTheLeaderIsKilledInEachPhase: whoever leads next goes on where the run was.
func TestTheLeaderIsKilledInEachPhase(t *testing.T) {
	// Nothing is measured before the windows of the query are full, so that every
	// round measures every metric.
	slow := strings.NewReplacer("period: 8s", "period: 14s", "initialDelay: 3s", "initialDelay: 6s").Replace(quickPlan)
	for _, tc := range []struct {
		when string
		args []string
		at   func(*v1alpha1.CanaryRun) bool
		end  v1alpha1.Phase
	}{
		{"Starting", []string{"--ready-after=5s"}, inPhase(v1alpha1.PhaseStarting), v1alpha1.PhaseReleased},
		{"Running", nil, func(r *v1alpha1.CanaryRun) bool { return r.Status.Measured >= 3 }, v1alpha1.PhaseReleased},
		{"Releasing", []string{"--ready-after=3s"}, inPhase(v1alpha1.PhaseReleasing), v1alpha1.PhaseReleased},
		{"failing", []string{"--error-rate=0.5"}, func(r *v1alpha1.CanaryRun) bool { return r.Status.Verdict == v1alpha1.VerdictFail }, v1alpha1.PhaseReverted},
	} {
		t.Run(tc.when, func(t *testing.T) {
			s := open(t, settings{plan: slow})
			run := s.holdV2(tc.args...)
			await(s, "the run is "+tc.when, run.Name, &v1alpha1.CanaryRun{}, tc.at)
			s.killLeader()
			ended := s.awaitPhase(run.Name, tc.end)
			want := map[v1alpha1.Phase]string{v1alpha1.PhaseReleased: "v2", v1alpha1.PhaseReverted: "v1"}[tc.end]
			s.wantImage(want)
			s.wantNoCanary()
			s.wantCountedOnce(ended)
			if got := s.onlyRun(); got.UID != run.UID {
				t.Errorf("the run was made anew as %s", got.Name)
			}
		})
	}
}

// TestTheLeaderIsKilledWhileARunWaits for the Deployment's own rollout.
func TestTheLeaderIsKilledWhileARunWaits(t *testing.T) {
	s := open(t, settings{plan: quickPlan, args: []string{"--ready-after=5s"}})
	s.must("rollout", "restart", "deployment/web")
	run := s.holdV2()
	await(s, "the run waits", run.Name, &v1alpha1.CanaryRun{}, inPhase(v1alpha1.PhaseWaiting))
	s.killLeader()
	s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.wantImage("v2")
}

func inPhase(phase v1alpha1.Phase) func(*v1alpha1.CanaryRun) bool {
	return func(r *v1alpha1.CanaryRun) bool { return r.Status.Phase == phase }
}

// TestALeaderThatLosesItsLeaseGoesOnAnswering: while somebody else has the lease, updates are held and no
// replica ends; who leads next goes on where the run was.
func TestALeaderThatLosesItsLeaseGoesOnAnswering(t *testing.T) {
	s := open(t, settings{plan: strings.NewReplacer("period: 8s", "period: 10m", "initialDelay: 3s", "initialDelay: 6s").Replace(quickPlan)})
	run := s.holdV2()
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	before := restarts(t)
	system := &shop{t: t, namespace: holdfastNamespace}
	holder := func() *coordinationv1.Lease { return get(system, "holdfast", &coordinationv1.Lease{}) }
	leader := *holder().Spec.HolderIdentity
	for start := time.Now(); time.Since(start) < 14*time.Second; time.Sleep(time.Second) {
		system.must("patch", "lease", "holdfast", "--type=merge", "-p",
			fmt.Sprintf(`{"spec":{"holderIdentity":"somebody","renewTime":%q}}`, time.Now().UTC().Format(metav1.RFC3339Micro)))
	}
	other := open(t, settings{plan: patient, noLoad: true, replicas: 1})
	other.must("set", "image", "deployment/web", "app=holdfast.test/app:v2")
	other.wantImage("v1")
	await(system, "a replica leads", "holdfast", &coordinationv1.Lease{}, func(l *coordinationv1.Lease) bool {
		return l.Spec.HolderIdentity != nil && *l.Spec.HolderIdentity != "somebody" && *l.Spec.HolderIdentity != ""
	})
	measured := get(s, run.Name, &v1alpha1.CanaryRun{}).Status.Measured
	ended := await(s, "it is measured on", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.Measured >= measured+3 })
	s.wantCountedOnce(ended)
	other.awaitPhase(other.onlyRun().Name, v1alpha1.PhaseRunning)
	wantNoRestart(t, before)
	t.Logf("%s led before, %s does now", leader, *holder().Spec.HolderIdentity)
}

// TestJudgingGoesOnAfterARestart: failures in a row that were counted before count
// after it too.
func TestJudgingGoesOnAfterARestart(t *testing.T) {
	plan := strings.NewReplacer("period: 8s", "period: 10m", "failureLimit: 1", "failureLimit: 9", "initialDelay: 3s", "initialDelay: 6s").Replace(quickPlan)
	s := open(t, settings{plan: plan})
	run := s.holdV2("--error-rate=0.5")
	failing := func(r *v1alpha1.CanaryRun) int32 {
		for _, m := range r.Status.Metrics {
			if m.Name == "error-rate" {
				return m.ConsecutiveFailures
			}
		}
		return 0
	}
	await(s, "three failures are counted", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return failing(r) >= 3 })
	s.killLeader()
	ended := s.wantReverted(run.Name, v1alpha1.ReasonMetricOutOfRange)
	s.wantCountedOnce(ended)
	if m := metricOf(t, ended, "error-rate"); m.Failed != 10 || m.ConsecutiveFailures != 10 {
		t.Errorf("reverted after %d failures, %d of them in a row; one more than 9 were wanted", m.Failed, m.ConsecutiveFailures)
	}
}

// wantCountedOnce checks that each measurement stands once in the status.
func (s *shop) wantCountedOnce(run *v1alpha1.CanaryRun) {
	s.t.Helper()
	for _, m := range run.Status.Metrics {
		if sum := m.Passed + m.Failed + m.Errors + m.NoData; sum != run.Status.Measured {
			s.t.Errorf("metric %s counts %d measurements, the run %d", m.Name, sum, run.Status.Measured)
		}
		for i := 1; i < len(m.Last); i++ {
			if !m.Last[i-1].Time.Before(&m.Last[i].Time) {
				s.t.Errorf("metric %s was measured at %s after %s", m.Name, m.Last[i].Time, m.Last[i-1].Time)
			}
		}
	}
}

// TestPrometheusGoesAndComesBack: errors never release, and what was measured stands.
func TestPrometheusGoesAndComesBack(t *testing.T) {
	s := open(t, settings{plan: strings.Replace(quickPlan, "period: 8s", "period: 6s", 1)})
	run := s.holdV2()
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	if err := world.cluster.StopComponent(t.Context(), "prometheus"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // for the scenarios after this one, should it fail
		_ = world.cluster.StartComponent(context.Background(), "prometheus")
	})
	erring := await(s, "errors are counted beyond the period", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
		for _, m := range r.Status.Metrics {
			if m.Name == "error-rate" && m.Errors >= 8 {
				return true
			}
		}
		return false
	})
	if erring.Status.Phase != v1alpha1.PhaseRunning || erring.Status.Verdict != "" {
		t.Errorf("without Prometheus the run is %s, verdict %q", erring.Status.Phase, erring.Status.Verdict)
	}
	s.wantImage("v1")
	s.wantEvents("MeasurementError")
	if err := world.cluster.StartComponent(t.Context(), "prometheus"); err != nil {
		t.Fatal(err)
	}
	s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.wantImage("v2")
}
