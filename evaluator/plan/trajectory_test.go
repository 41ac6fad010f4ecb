package plan

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

func freeze(s *v1alpha1.CanaryPlanSpec) { s.OnFailure = v1alpha1.FailureFreeze }

// start brings a world to the phase Running, 3 s after noon.
func (w *world) start() {
	w.runFor(3 * time.Second)
	w.ready()
	w.runFor(0)
}

func TestTrajectories(t *testing.T) {
	for name, tc := range map[string]struct {
		plan   func(*v1alpha1.CanaryPlanSpec)
		script func(*world)
		want   string
		says   string // in the last message
	}{
		"a good canary is released": {
			script: func(w *world) {
				w.start()
				w.runFor(25 * time.Second)
				w.rollout = Rollout{State: RolloutComplete}
				w.runFor(time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event CanaryReady
				3s Running/Measuring
				23s event Passed
				23s Releasing/PeriodOver Pass
				23s do plan.Release
				23s event Released
				23s Releasing/DeploymentRollingOut Pass
				28s do plan.DeleteCanary
				28s event RolledOut
				28s Released/RolledOut Pass`,
		},
		"a metric that warms up past the period is waited for, whatever the limits": {
			plan: func(p *v1alpha1.CanaryPlanSpec) {
				a := &p.Analysis
				a.FailureLimit, a.ErrorLimit, a.NoDataLimit = new(int32), new(int32), new(int32)
			},
			script: func(w *world) {
				w.value = func(_ string, at time.Time) analysis.Observation {
					if at.Before(noon.Add(40 * time.Second)) {
						return analysis.Observation{WarmingUp: "37s"}
					}
					return good(0)
				}
				w.start()
				w.runFor(2 * time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event CanaryReady
				3s Running/Measuring
				43s event Passed
				43s Releasing/PeriodOver Pass
				43s do plan.Release
				43s event Released
				43s Releasing/DeploymentRollingOut Pass`,
		},
		"a metric out of range reverts": {
			script: func(w *world) {
				w.value = func(string, time.Time) analysis.Observation { return good(0.2) }
				w.start()
				w.runFor(time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event CanaryReady
				3s Running/Measuring
				3s event MeasurementFailed errors
				13s Running/MetricOutOfRange Fail
				13s do plan.Revert
				13s do plan.DeleteCanary
				13s event Reverted
				13s Reverted/MetricOutOfRange Fail`,
			says: "metric errors: 0.2 is above max 0.05 (range [-inf, 0.05]); failed 3 times in a row, limit 2; query: up",
		},
		"errors past their limit revert as inconclusive": {
			plan: func(s *v1alpha1.CanaryPlanSpec) { *s.Analysis.ErrorLimit = 1 },
			script: func(w *world) {
				w.value = func(string, time.Time) analysis.Observation { return analysis.Observation{Error: "down"} }
				w.start()
				w.runFor(time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event CanaryReady
				3s Running/Measuring
				3s event MeasurementError errors
				8s Running/ErrorLimit Inconclusive
				8s do plan.Revert
				8s do plan.DeleteCanary
				8s event Reverted
				8s Reverted/ErrorLimit Inconclusive`,
			says: "metric errors ended in an error 2 times in a row, limit 1: down",
		},
		"frozen until something else is applied": {
			plan: freeze,
			script: func(w *world) {
				w.runFor(3 * time.Second)
				w.pods[0] = restarted(w.pods[0], 1)
				w.runFor(time.Hour)
				w.deployment.Held = "hold-2"
				w.runFor(time.Hour)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event Frozen
				3s Frozen/Crashed Fail
				3603s do plan.DeleteCanary
				3603s event Superseded
				3603s Superseded/Superseded Fail`,
		},
		"frozen and no longer guarded is reverted, not released": {
			plan: freeze,
			script: func(w *world) {
				w.runFor(3 * time.Second)
				w.pods[0] = restarted(w.pods[0], 1)
				w.runFor(time.Second)
				w.deployment.Guarded = false
				w.runFor(time.Second)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event Frozen
				3s Frozen/Crashed Fail
				4s do plan.Revert
				4s do plan.DeleteCanary
				4s event Reverted
				4s Reverted/Crashed Fail`,
			says: "pod web-held-0: container web restarted 1 time, last with exit code 137 (OOMKilled); 1 restart in all, limit 0",
		},
		"an image that cannot be pulled has a moment to get better": {
			script: func(w *world) {
				w.runFor(3 * time.Second)
				w.pods[0] = waiting(w.pods[0], "ErrImagePull", "no such manifest")
				w.runFor(time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				20s Starting/ImagePull Fail
				20s do plan.Revert
				20s do plan.DeleteCanary
				20s event Reverted
				20s Reverted/ImagePull Fail`,
			says: "pod web-held-0: container web: ErrImagePull: no such manifest",
		},
		"a name that is no image is not waited for": {
			script: func(w *world) {
				w.runFor(3 * time.Second)
				w.pods[0] = waiting(w.pods[0], "InvalidImageName", "couldn't parse image reference")
				w.runFor(time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s Starting/ImagePull Fail
				3s do plan.Revert
				3s do plan.DeleteCanary
				3s event Reverted
				3s Reverted/ImagePull Fail`,
		},
		"a canary without a node": {
			script: func(w *world) {
				w.runFor(3 * time.Second)
				w.pods[0].Status.Conditions = []corev1.PodCondition{{
					Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes are available",
				}}
				w.runFor(2 * time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				60s Starting/Unschedulable Fail
				60s do plan.Revert
				60s do plan.DeleteCanary
				60s event Reverted
				60s Reverted/Unschedulable Fail`,
			says: "the canary was not Ready within 1m: 0 of 1 canary pods are Ready; pod web-held-0: Unschedulable: 0/3 nodes are available",
		},
		"a canary whose pods are not made": {
			script: func(w *world) {
				w.runFor(3 * time.Second)
				w.pods = nil
				w.canary.CreateFailure = "exceeded quota: compute"
				w.runFor(2 * time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				60s Starting/PodsNotCreated Fail
				60s do plan.Revert
				60s do plan.DeleteCanary
				60s event Reverted
				60s Reverted/PodsNotCreated Fail`,
			says: "0 of 1 pods are made: exceeded quota: compute",
		},
		"the webhook is down at the release": {
			script: func(w *world) {
				w.start()
				w.webhook = false
				w.runFor(25 * time.Second)
				w.webhook = true
				w.runFor(25 * time.Second)
				w.rollout = Rollout{State: RolloutStuck, Message: "1 of 3 pods are available"}
				w.runFor(time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event CanaryReady
				3s Running/Measuring
				23s event Passed
				23s Releasing/PeriodOver Pass
				23s do plan.Release
				25s do plan.Release
				27s do plan.Release
				28s do plan.Release
				28s event Released
				28s Releasing/DeploymentRollingOut Pass
				53s do plan.DeleteCanary
				53s event RolloutStuck
				53s Released/RolloutStuck Pass`,
			says: "released, but the Deployment made no progress within its deadline: 1 of 3 pods are available",
		},
		"the API server refuses the release": {
			script: func(w *world) {
				w.refuse = true
				w.start()
				w.runFor(time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event CanaryReady
				3s Running/Measuring
				23s event Passed
				23s Releasing/PeriodOver Pass
				23s do plan.Release
				23s event ReleaseRefused
				23s Releasing/ReleaseRefused Pass
				23s do plan.Revert
				23s do plan.DeleteCanary
				23s event Reverted
				23s Reverted/ReleaseRefused Pass`,
			says: "the release was refused: no such luck",
		},
		"the guard is lifted": {
			script: func(w *world) {
				w.start()
				w.deployment.Guarded = false
				w.runFor(time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event CanaryReady
				3s Running/Measuring
				3s event Unguarded
				3s Releasing/Unguarded
				3s do plan.Release
				3s do plan.DeleteCanary
				3s event Canceled
				3s Canceled/Unguarded`,
			says: "released without a verdict",
		},
		"the user withdraws the update": {
			script: func(w *world) {
				w.start()
				w.deployment.Held = ""
				w.runFor(time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event CanaryReady
				3s Running/Measuring
				3s do plan.DeleteCanary
				3s event Canceled
				3s Canceled/Withdrawn`,
		},
		"the update is let through by somebody who may": {
			script: func(w *world) {
				w.start()
				w.deployment.Held, w.deployment.Hash = "", heldHash
				w.runFor(time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event CanaryReady
				3s Running/Measuring
				3s do plan.DeleteCanary
				3s event Canceled
				3s Canceled/Bypassed`,
		},
		"the update is let through by a user who may skip it": {
			script: func(w *world) {
				w.start()
				w.deployment.Held, w.deployment.Hash, w.deployment.Skipped = "", heldHash, true
				w.runFor(time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event CanaryReady
				3s Running/Measuring
				3s do plan.DeleteCanary
				3s event Canceled
				3s Canceled/Skipped`,
			says: "as holdfast.dev/skip asked",
		},
		"the record was tampered with": {
			script: func(w *world) {
				w.start()
				w.deployment.Held, w.deployment.Unreadable = "", errors.New("no seal").Error()
				w.runFor(time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event CanaryReady
				3s Running/Measuring
				3s do plan.DeleteCanary
				3s event Canceled
				3s Canceled/RecordUnreadable`,
		},
		"released, and replaced before it had rolled out": {
			script: func(w *world) {
				w.start()
				w.runFor(25 * time.Second)
				w.deployment.Hash = stableHash
				w.runFor(time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event CanaryReady
				3s Running/Measuring
				23s event Passed
				23s Releasing/PeriodOver Pass
				23s do plan.Release
				23s event Released
				23s Releasing/DeploymentRollingOut Pass
				28s do plan.DeleteCanary
				28s event RolloutStuck
				28s Released/Superseded Pass`,
		},
		"released, and another update held meanwhile": {
			script: func(w *world) {
				w.start()
				w.runFor(25 * time.Second)
				w.deployment.Held = "hold-2"
				w.rollout = Rollout{State: RolloutComplete}
				w.runFor(time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event CanaryReady
				3s Running/Measuring
				23s event Passed
				23s Releasing/PeriodOver Pass
				23s do plan.Release
				23s event Released
				23s Releasing/DeploymentRollingOut Pass
				28s do plan.DeleteCanary
				28s event RolledOut
				28s Released/RolledOut Pass`,
		},
		"a Deployment that rolls out is waited for, a stuck one is not": {
			script: func(w *world) {
				w.rollout = Rollout{State: RolloutUnderWay, Message: "1 of 3 pods are available"}
				w.runFor(30 * time.Second)
				w.rollout.State = RolloutStuck
				w.runFor(time.Second)
			},
			want: `
				0s Waiting/DeploymentRollingOut
				30s do plan.CreateCanary
				30s event CanaryStarted
				30s Starting/CanaryStarting`,
		},
		"a plan that cannot be followed": {
			plan:   func(s *v1alpha1.CanaryPlanSpec) { s.Analysis.Metrics[0].Query = "up{" },
			script: func(w *world) { w.runFor(time.Hour) },
			want: `
				0s event PlanInvalid
				0s Waiting/PlanInvalid`,
			says: "the plan (CanaryPlan default) cannot be followed: spec.analysis.metrics[0].query: Invalid value: \"up{\": line 1, column 4: ",
		},
		"a template that cannot be a canary": {
			script: func(w *world) {
				w.invalid = "it uses the label pod-template-hash"
				w.runFor(time.Hour)
			},
			want: `
				0s Waiting/CanaryInvalid Fail
				0s do plan.Revert
				0s event Reverted
				0s Reverted/CanaryInvalid Fail`,
		},
		"a canary that was deleted or scaled is repaired": {
			script: func(w *world) {
				w.start()
				w.canary.Replicas = 3
				w.runFor(0)
				w.canary, w.pods = nil, nil
				w.runFor(0)
				w.ready()
				w.runFor(0)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event CanaryReady
				3s Running/Measuring
				3s do plan.ScaleCanary
				3s do plan.CreateCanary`,
		},
		"pods that lose their readiness fail": {
			script: func(w *world) {
				w.start()
				w.pods[0].Status.Conditions[0].Status = corev1.ConditionFalse
				w.pods[0].Status.Conditions[0].Message = "containers with unready status: [web]"
				w.runFor(time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event CanaryReady
				3s Running/Measuring
				8s event MeasurementFailed pods
				18s Running/NotReady Fail
				18s do plan.Revert
				18s do plan.DeleteCanary
				18s event Reverted
				18s Reverted/NotReady Fail`,
			says: "pod web-held-0 is not Ready: containers with unready status: [web]",
		},
		"a Deployment that is being deleted is left to the garbage collector": {
			script: func(w *world) {
				w.start()
				w.deployment.Deleting = true
				w.deployment.Held = ""
				w.runFor(time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event CanaryReady
				3s Running/Measuring`,
		},
		"a Deployment that is gone ends its run": {
			script: func(w *world) {
				w.start()
				w.deployment = Deployment{}
				w.runFor(time.Minute)
			},
			want: `
				0s do plan.CreateCanary
				0s event CanaryStarted
				0s Starting/CanaryStarting
				3s event CanaryReady
				3s Running/Measuring
				3s do plan.DeleteCanary
				3s event Canceled
				3s Canceled/DeploymentGone`,
		},
		"a canary left over by a lost leader is deleted": {
			script: func(w *world) {
				w.deployment.Held = ""
				w.runFor(0)
				w.canary = &Canary{Replicas: 1}
				w.runFor(time.Minute)
			},
			want: `
				0s event Canceled
				0s Canceled/Withdrawn
				0s do plan.DeleteCanary`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			edit := tc.plan
			if edit == nil {
				edit = func(*v1alpha1.CanaryPlanSpec) {}
			}
			w := newWorld(t, edit)
			tc.script(w)
			if diff := cmp.Diff(lines(tc.want), w.log); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if !strings.Contains(w.run.Status.Message, tc.says) {
				t.Errorf("message %q, want %q in it", w.run.Status.Message, tc.says)
			}
		})
	}
}

func lines(s string) []string {
	var out []string
	for line := range strings.SplitSeq(strings.TrimSpace(s), "\n") {
		out = append(out, strings.TrimSpace(line))
	}
	return out
}

func TestColumns(t *testing.T) {
	w := newWorld(t)
	w.value = func(_ string, at time.Time) analysis.Observation {
		if at.Equal(noon.Add(8 * time.Second)) {
			return good(0.2)
		}
		return good(0)
	}
	columns := func() []string {
		s := w.run.Status
		return []string{string(s.Phase), s.Service, s.Scale, s.Traffic, s.Validation, s.Duration}
	}
	for _, tc := range []struct {
		do   func()
		want []string
	}{
		{func() { w.runFor(time.Second) }, []string{"Starting", "web", "0/1", "service", "", ""}},
		{func() { w.now = noon.Add(3 * time.Second); w.ready(); w.runFor(0) }, []string{"Running", "web", "1/1", "service", "2/2", "0s/20s"}},
		{func() { w.runFor(11 * time.Second) }, []string{"Running", "web", "1/1", "service", "5/6", "10s/20s"}},
		{func() { w.runFor(10 * time.Second) }, []string{"Releasing", "web", "1/1", "service", "9/10", "20s/20s"}},
		{func() { w.rollout.State = RolloutComplete; w.runFor(time.Minute) }, []string{"Released", "web", "1/1", "service", "9/10", "20s/20s"}},
	} {
		tc.do()
		if diff := cmp.Diff(tc.want, columns()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}
