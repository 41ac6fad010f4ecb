package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	watchtools "k8s.io/client-go/tools/watch"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// shortPlan releases what stays healthy for some seconds.
const shortPlan = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  analysis: {interval: 1s, period: 4s}
`

// longPlan is shortPlan with a period that no scenario waits for.
var longPlan = strings.Replace(shortPlan, "period: 4s", "period: 1h", 1)

// nothingNew is what kubectl says of an update that is held.
const nothingNew = "0 out of 2 new replicas have been updated"

// waiters are tools that wait for a Deployment somebody else has updated.
func (s *shop) waiters() []*tool {
	s.t.Helper()
	out := []*tool{
		s.start("kubectl", "rollout", "status", "deployment/web"),
		s.startFunc("kstatus", s.kstatus()),
	}
	// This one looks at no generation: until the controller has seen an update it reads the status before it, guarded or not.
	await(s, "the status is of the update", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool { return d.Status.UpdatedReplicas == 0 })
	return append(out, s.start("kubectl", "wait", "deployment/web", "--for=jsonpath={.status.updatedReplicas}=2", "--timeout=10m"))
}

// kstatus waits as Flux does: until the library says that all is done, or has failed.
func (s *shop) kstatus() func(context.Context, *said) error {
	s.t.Helper()
	web := listWatch(s, "web", &appsv1.Deployment{})
	return func(ctx context.Context, out *said) error {
		var last *status.Result
		_, err := watchtools.UntilWithSync(ctx, web, &appsv1.Deployment{}, nil, func(e watch.Event) (bool, error) {
			object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(e.Object)
			if err != nil {
				return false, err
			}
			u := &unstructured.Unstructured{Object: object}
			u.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
			if last, err = status.Compute(u); err != nil {
				return false, err
			}
			fmt.Fprintln(out, last.Status, last.Message, last.Conditions)
			return last.Status == status.CurrentStatus || last.Status == status.FailedStatus, nil
		})
		if err == nil && last.Status == status.FailedStatus {
			err = errFailed
		}
		return err
	}
}

func TestToolsWaitForTheRelease(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: shortPlan, noLoad: true})
	run := s.holdV2()
	tools := s.waiters()
	s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
	for _, tool := range tools {
		if strings.Contains(tool.name, "jsonpath") { // it knows no old pods
			tool.wantSuccess("v2 Ready: ")
			continue
		}
		tool.wantSuccess("v2 Ready: 2; others: 0")
	}
}

func TestToolsFailAfterARevert(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: longPlan, noLoad: true})
	run := s.holdV2("--crash-after=2s")
	rollout := s.start("kubectl", "rollout", "status", "deployment/web")
	condition := s.start("kubectl", "wait", "deployment/web", "--for=condition=Progressing=False", "--timeout=10m")
	library := s.startFunc("kstatus", s.kstatus())
	s.wantReverted(run.Name, v1alpha1.ReasonCrashed)
	rollout.wantFailure("exceeded its progress deadline")
	library.wantFailure("canary run " + run.Name + " rejected the update")
	condition.wantSuccess("v1 Ready: 2; others: 0")
	if said := s.must("describe", "deployment", "web"); !strings.Contains(said, "ProgressDeadlineExceeded") {
		t.Errorf("kubectl describe shows no failure:\n%s", said)
	}
}

// TestAFailureEndsWithTheNextRequestForAnotherTemplate, and with no other.
func TestAFailureEndsWithTheNextRequestForAnotherTemplate(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: longPlan, noLoad: true})
	run := s.holdV2("--crash-after=2s")
	s.wantReverted(run.Name, v1alpha1.ReasonCrashed)
	fails := func(after string) {
		t.Helper()
		if stdout, stderr, code := s.kubectl("rollout", "status", "deployment/web"); code == 0 || !strings.Contains(stderr, "exceeded its progress deadline") {
			t.Errorf("%s, kubectl rollout status ends with %d:\n%s%s", after, code, stdout, stderr)
		}
	}
	fails("after the revert")
	s.must("scale", "deployment", "web", "--replicas=3")
	fails("scaled")
	s.must("label", "deployment", "web", "team=shop")
	fails("labelled")
	s.apply("v2", "--crash-after=2s")
	fails("asked for again")
	s.apply("v1")
	s.must("rollout", "status", "deployment/web")
	s.apply("v2", "--crash-after=2s")
	fails("asked for after the stable one")
	s.must("rollout", "restart", "deployment/web")
	fails("restarted")
	second := s.newestRun(s.apply("v3"))
	held := s.start("kubectl", "rollout", "status", "deployment/web")
	s.awaitPhase(second.Name, v1alpha1.PhaseRunning)
	held.awaitWords(t, nothingNew, 0)
	s.must("apply", "--server-side", "--force-conflicts", "-f", "-", s.web("v1"))
	held.wantSuccess("v1 Ready: 2; others: 0")
}

// TestAHoldIsWaitedForThroughScalingAndPausing: kubectl sees every state of the
// Deployment in turn, so what it says after the change shows that it has seen it.
func TestAHoldIsWaitedForThroughScalingAndPausing(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: longPlan, noLoad: true})
	run := s.holdV2()
	rollout := s.start("kubectl", "rollout", "status", "deployment/web")
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	rollout.awaitWords(t, nothingNew, 0)

	s.must("scale", "deployment", "web", "--replicas=0")
	await(s, "nothing runs, and nobody has observed it", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return d.Status.Replicas == 0 && d.Status.ObservedGeneration == d.Generation-1
	})
	rollout.wantWaiting("when the Deployment was scaled to zero")
	before := rollout.count(nothingNew)
	s.must("scale", "deployment", "web", "--replicas=2")
	rollout.awaitWords(t, nothingNew, before)

	s.must("rollout", "pause", "deployment/web")
	s.awaitProgressing("DeploymentPaused")
	s.must("rollout", "resume", "deployment/web")
	s.awaitProgressing("NewReplicaSetAvailable")
	rollout.wantWaiting("when the Deployment was paused and resumed")
	s.apply("v1")
	rollout.wantSuccess("v1 Ready: 2; others: 0")
}

// awaitProgressing waits for a reason of the condition Progressing.
func (s *shop) awaitProgressing(reason string) *appsv1.Deployment {
	s.t.Helper()
	return await(s, "the rollout is in state "+reason, "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		for _, c := range d.Status.Conditions {
			if c.Type == appsv1.DeploymentProgressing && c.Reason == reason && d.Status.ObservedGeneration >= d.Generation {
				return true
			}
		}
		return false
	})
}
