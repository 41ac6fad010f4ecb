package outages

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
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

// killLeader kills the replica that evaluates as kill -9 does.
func killLeader(s *shop.Shop) {
	s.T.Helper()
	system := &shop.Shop{T: s.T, Namespace: shop.HoldfastNamespace}
	lease := shop.Get(system, "holdfast", &coordinationv1.Lease{})
	pod, _, _ := strings.Cut(*lease.Spec.HolderIdentity, "_")
	if err := shop.World.Cluster.SignalPod(s.T.Context(), shop.HoldfastNamespace, pod, syscall.SIGKILL); err != nil {
		s.T.Fatalf("kill leader %s: %v", pod, err)
	}
}

// TestTheLeaderIsKilledInEachPhase: whoever leads next goes on where the run was.
func TestTheLeaderIsKilledInEachPhase(t *testing.T) {
	stage.Long(t)
	// Nothing is measured before the windows of the query are full, so that every
	// round measures every metric.
	slow := strings.NewReplacer("period: 8s", "period: 14s", "initialDelay: 3s", "initialDelay: 6s").Replace(shop.QuickPlan)
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
			s := shop.Open(t, shop.Settings{Plan: slow})
			run := s.HoldV2(tc.args...)
			shop.Await(s, "the run is "+tc.when, run.Name, &v1alpha1.CanaryRun{}, tc.at)
			killLeader(s)
			ended := s.AwaitPhase(run.Name, tc.end)
			want := map[v1alpha1.Phase]string{v1alpha1.PhaseReleased: "v2", v1alpha1.PhaseReverted: "v1"}[tc.end]
			s.WantImage(want)
			s.WantNoCanary()
			wantCountedOnce(s, ended)
			if got := s.OnlyRun(); got.UID != run.UID {
				t.Errorf("the run was made anew as %s", got.Name)
			}
		})
	}
}

// TestTheLeaderIsKilledWhileARunWaits for its Deployment to be resumed.
func TestTheLeaderIsKilledWhileARunWaits(t *testing.T) {
	s := shop.Open(t, shop.Settings{Plan: shop.QuickPlan})
	s.Must("rollout", "pause", "deployment/web")
	run := s.HoldV2()
	shop.Await(s, "the run waits", run.Name, &v1alpha1.CanaryRun{}, inPhase(v1alpha1.PhaseWaiting))
	killLeader(s)
	s.Must("rollout", "resume", "deployment/web")
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
}

func inPhase(phase v1alpha1.Phase) func(*v1alpha1.CanaryRun) bool {
	return func(r *v1alpha1.CanaryRun) bool { return r.Status.Phase == phase }
}

// TestALeaderThatLosesItsLeaseGoesOnAnswering: while somebody else has the lease, updates are held and no
// replica ends; who leads next goes on where the run was.
func TestALeaderThatLosesItsLeaseGoesOnAnswering(t *testing.T) {
	stage.Long(t)
	s := shop.Open(t, shop.Settings{Plan: strings.NewReplacer("period: 8s", "period: 10m", "initialDelay: 3s", "initialDelay: 6s").Replace(shop.QuickPlan)})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	before := shop.Restarts(t)
	system := &shop.Shop{T: t, Namespace: shop.HoldfastNamespace}
	holder := func() *coordinationv1.Lease { return shop.Get(system, "holdfast", &coordinationv1.Lease{}) }
	leader := *holder().Spec.HolderIdentity
	for start := time.Now(); time.Since(start) < 14*time.Second; time.Sleep(time.Second) {
		system.Must("patch", "lease", "holdfast", "--type=merge", "-p",
			fmt.Sprintf(`{"spec":{"holderIdentity":"somebody","renewTime":%q}}`, time.Now().UTC().Format(metav1.RFC3339Micro)))
	}
	other := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true, Replicas: 1})
	other.Must("set", "image", "deployment/web", "app=holdfast.test/app:v2")
	other.WantImage("v1")
	shop.Await(system, "a replica leads", "holdfast", &coordinationv1.Lease{}, func(l *coordinationv1.Lease) bool {
		return l.Spec.HolderIdentity != nil && *l.Spec.HolderIdentity != "somebody" && *l.Spec.HolderIdentity != ""
	})
	measured := shop.Get(s, run.Name, &v1alpha1.CanaryRun{}).Status.Measured
	ended := shop.Await(s, "it is measured on", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.Measured >= measured+3 })
	wantCountedOnce(s, ended)
	other.AwaitPhase(other.OnlyRun().Name, v1alpha1.PhaseRunning)
	shop.WantNoRestart(t, before)
	t.Logf("%s led before, %s does now", leader, *holder().Spec.HolderIdentity)
}

// TestJudgingGoesOnAfterARestart: failures in a row that were counted before count
// after it too.
func TestJudgingGoesOnAfterARestart(t *testing.T) {
	plan := strings.NewReplacer("period: 8s", "period: 10m", "failureLimit: 1", "failureLimit: 9", "initialDelay: 3s", "initialDelay: 6s").Replace(shop.QuickPlan)
	s := shop.Open(t, shop.Settings{Plan: plan})
	run := s.HoldV2("--error-rate=0.5")
	failing := func(r *v1alpha1.CanaryRun) int32 {
		for _, m := range r.Status.Metrics {
			if m.Name == "error-rate" {
				return m.ConsecutiveFailures
			}
		}
		return 0
	}
	shop.Await(s, "three failures are counted", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return failing(r) >= 3 })
	killLeader(s)
	ended := s.WantReverted(run.Name, v1alpha1.ReasonMetricOutOfRange)
	wantCountedOnce(s, ended)
	if m := shop.MetricOf(t, ended, "error-rate"); m.Failed != 10 || m.ConsecutiveFailures != 10 {
		t.Errorf("reverted after %d failures, %d of them in a row; one more than 9 were wanted", m.Failed, m.ConsecutiveFailures)
	}
}

// wantCountedOnce checks that each measurement stands once in the status.
func wantCountedOnce(s *shop.Shop, run *v1alpha1.CanaryRun) {
	s.T.Helper()
	for _, m := range run.Status.Metrics {
		if sum := m.Passed + m.Failed + m.Errors + m.NoData; sum != run.Status.Measured {
			s.T.Errorf("metric %s counts %d measurements, the run %d", m.Name, sum, run.Status.Measured)
		}
		for i := 1; i < len(m.Last); i++ {
			if !m.Last[i-1].Time.Before(&m.Last[i].Time) {
				s.T.Errorf("metric %s was measured at %s after %s", m.Name, m.Last[i].Time, m.Last[i-1].Time)
			}
		}
	}
}

// TestPrometheusGoesAndComesBack: errors never release, and what was measured stands.
func TestPrometheusGoesAndComesBack(t *testing.T) {
	plan := strings.NewReplacer("period: 8s", "period: 6s", "errorLimit: 30", "errorLimit: 300").Replace(shop.QuickPlan)
	s := shop.Open(t, shop.Settings{Plan: plan})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.Decide(run.Name, `"paused":true`) // it does not end meanwhile
	if err := shop.World.Cluster.StopComponent(t.Context(), "prometheus"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // for the scenarios after this one, should it fail
		_ = shop.World.Cluster.StartComponent(context.Background(), "prometheus")
	})
	s.Decide(run.Name, `"paused":false`)
	erring := shop.Await(s, "errors are counted beyond the period", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
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
	s.WantImage("v1")
	s.WantEvents("MeasurementError")
	if err := shop.World.Cluster.StartComponent(t.Context(), "prometheus"); err != nil {
		t.Fatal(err)
	}
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
}
