package gallery

import (
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Runs are those of the gallery.
func Runs(now time.Time) []*v1alpha1.CanaryRun {
	run := func(namespace, deployment, id string, ago time.Duration, edit func(*v1alpha1.CanaryRun)) *v1alpha1.CanaryRun {
		r := New(namespace, deployment, id, now.Add(-ago))
		edit(r)
		return r
	}
	end := func(phase v1alpha1.Phase, reason, message string, verdict v1alpha1.Verdict) func(*v1alpha1.CanaryRun) {
		return func(r *v1alpha1.CanaryRun) {
			r.Status = v1alpha1.CanaryRunStatus{Phase: phase, Reason: reason, Message: message, Verdict: verdict, FinishedAt: at(r.CreationTimestamp.Add(11 * time.Minute)), Validation: "31/31"}
		}
	}
	return []*v1alpha1.CanaryRun{
		run("shop", "web", "5phu7x2pnr", 4*time.Minute, func(r *v1alpha1.CanaryRun) {
			Measure(r, now.Add(-200*time.Second), 10, 2.2)
			r.Spec.Template = &runtime.RawExtension{Raw: []byte(`{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"web","image":"registry.example/web:1.42.0","env":[{"name":"CACHE","value":"128Mi"},{"name":"TRACE","value":"on"}],"resources":{"requests":{"cpu":"250m","memory":"384Mi"}}}]}}`)}
		}),
		run("shop", "api", "c81kq0w2ab", 6*time.Minute, func(r *v1alpha1.CanaryRun) {
			Measure(r, now.Add(-5*time.Minute), 12, 1)
			r.Status.Phase, r.Status.Reason, r.Status.Message = v1alpha1.PhasePaused, v1alpha1.ReasonApproval, "step 1 of 2 is good and waits for approval"
		}),
		run("shop", "search", "9dk3la77xq", 14*time.Minute, func(r *v1alpha1.CanaryRun) {
			Measure(r, now.Add(-13*time.Minute), 14, 5)
			r.Status.Phase, r.Status.Reason, r.Status.Message, r.Status.Verdict = v1alpha1.PhaseFrozen, v1alpha1.ReasonWorse, "metric errors-compared: the canary failed 384 of 5,600 requests, the baseline 70 of 5,600: 5.5 times as often (at least 2.3 times, 99.5 % sure)", v1alpha1.VerdictFail
			r.Status.Duration = "4m/10m"
		}),
		run("shop", "cart", "k2m4n6p8r0", 30*time.Second, func(r *v1alpha1.CanaryRun) {
			r.Status = v1alpha1.CanaryRunStatus{Phase: v1alpha1.PhaseStarting, Reason: v1alpha1.ReasonCanaryStarting, Message: "0 of 1 canary pods are Ready", Scale: "0/1", Traffic: "service 25%", CreatedAt: at(now.Add(-25 * time.Second)), Step: &v1alpha1.StepStatus{Number: 1, StartedAt: *at(now.Add(-25 * time.Second))}}
		}),
		run("payments", "ledger", "zz81q7ab3c", 40*time.Second, func(*v1alpha1.CanaryRun) {}),
		run("payments", "gateway", "m0n1o2p3q4", 12*time.Minute, func(r *v1alpha1.CanaryRun) {
			Measure(r, now.Add(-10*time.Minute), 10, 1)
			r.Status.Phase, r.Status.Reason, r.Status.Message, r.Status.Verdict = v1alpha1.PhaseReleasing, v1alpha1.ReasonPeriodOver, "all metrics were good for 10m; the Deployment rolls out", v1alpha1.VerdictPass
		}),
		run("shop", "web", "1a2b3c4d5e", 3*time.Hour, end(v1alpha1.PhaseReleased, v1alpha1.ReasonRolledOut, "the Deployment has rolled the released template out", v1alpha1.VerdictPass)),
		run("shop", "search", "f6g7h8i9j0", 5*time.Hour, end(v1alpha1.PhaseReverted, v1alpha1.ReasonCrashed, "container search restarted 3 times; exit code 137 (OOMKilled)", v1alpha1.VerdictFail)),
		run("payments", "ledger", "r5s6t7u8v9", 26*time.Hour, end(v1alpha1.PhaseSuperseded, v1alpha1.ReasonSuperseded, "a newer update is held in its place", "")),
	}
}
