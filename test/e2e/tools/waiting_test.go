package tools

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
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

// nothingNew is what kubectl says of an update that is held.
const nothingNew = "0 out of 2 new replicas have been updated"

// waiters are tools that wait for a Deployment somebody else has updated.
func waiters(s *shop.Shop) []*tool {
	s.T.Helper()
	out := []*tool{
		start(s, "kubectl", "rollout", "status", "deployment/web"),
		startFunc(s, "kstatus", kstatus(s)),
	}
	// This one looks at no generation: until the controller has seen an update it reads the status before it,
	// guarded or not.
	shop.Await(s, "the status is of the update", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool { return d.Status.UpdatedReplicas == 0 })
	return append(out, start(s, "kubectl", "wait", "deployment/web", "--for=jsonpath={.status.updatedReplicas}=2", "--timeout=10m"))
}

// kstatus waits as Flux does: until the library says that all is done, or has failed.
func kstatus(s *shop.Shop) func(context.Context, *said) error {
	s.T.Helper()
	web := shop.ListWatch(s, "web", &appsv1.Deployment{})
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
	s := shop.Open(t, shop.Settings{Plan: shop.ShortPlan, NoLoad: true})
	run := s.HoldV2()
	tools := waiters(s)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
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
	s := shop.Open(t, shop.Settings{Plan: shop.LongPlan, NoLoad: true})
	run := s.HoldV2("--crash-after=2s")
	rollout := start(s, "kubectl", "rollout", "status", "deployment/web")
	condition := start(s, "kubectl", "wait", "deployment/web", "--for=condition=Progressing=False", "--timeout=10m")
	library := startFunc(s, "kstatus", kstatus(s))
	s.WantReverted(run.Name, v1alpha1.ReasonCrashed)
	rollout.wantFailure("exceeded its progress deadline")
	library.wantFailure("canary run " + run.Name + " rejected the update")
	condition.wantSuccess("v1 Ready: 2; others: 0")
	if said := s.Must("describe", "deployment", "web"); !strings.Contains(said, "ProgressDeadlineExceeded") {
		t.Errorf("kubectl describe shows no failure:\n%s", said)
	}
}

// TestAFailureEndsWithTheNextRequestForAnotherTemplate, and with no other.
func TestAFailureEndsWithTheNextRequestForAnotherTemplate(t *testing.T) {
	stage.Long(t)
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.LongPlan, NoLoad: true})
	run := s.HoldV2("--crash-after=2s")
	s.WantReverted(run.Name, v1alpha1.ReasonCrashed)
	fails := func(after string) {
		t.Helper()
		if stdout, stderr, code := s.Kubectl("rollout", "status", "deployment/web"); code == 0 || !strings.Contains(stderr, "exceeded its progress deadline") {
			t.Errorf("%s, kubectl rollout status ends with %d:\n%s%s", after, code, stdout, stderr)
		}
	}
	fails("after the revert")
	s.Must("scale", "deployment", "web", "--replicas=3")
	fails("scaled")
	s.Must("label", "deployment", "web", "team=shop")
	fails("labelled")
	s.Apply("v2", "--crash-after=2s")
	fails("asked for again")
	s.Apply("v1")
	s.Must("rollout", "status", "deployment/web")
	s.Apply("v2", "--crash-after=2s")
	fails("asked for after the stable one")
	s.Must("rollout", "restart", "deployment/web")
	fails("restarted")
	second := s.NewestRun(s.Apply("v3"))
	held := start(s, "kubectl", "rollout", "status", "deployment/web")
	s.AwaitPhase(second.Name, v1alpha1.PhaseRunning)
	held.awaitWords(t, nothingNew, 0)
	s.Must("apply", "--server-side", "--force-conflicts", "-f", "-", s.Web("v1"))
	held.wantSuccess("v1 Ready: 2; others: 0")
}

// TestAHoldIsWaitedForThroughScalingAndPausing: kubectl sees every state of the
// Deployment in turn, so what it says after the change shows that it has seen it.
func TestAHoldIsWaitedForThroughScalingAndPausing(t *testing.T) {
	stage.Long(t)
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.LongPlan, NoLoad: true})
	run := s.HoldV2()
	rollout := start(s, "kubectl", "rollout", "status", "deployment/web")
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	rollout.awaitWords(t, nothingNew, 0)

	s.Must("scale", "deployment", "web", "--replicas=0")
	shop.Await(s, "nothing runs, and nobody has observed it", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return d.Status.Replicas == 0 && d.Status.ObservedGeneration == d.Generation-1
	})
	rollout.wantWaiting("when the Deployment was scaled to zero")
	before := rollout.count(nothingNew)
	s.Must("scale", "deployment", "web", "--replicas=2")
	rollout.awaitWords(t, nothingNew, before)

	s.Must("rollout", "pause", "deployment/web")
	s.AwaitProgressing("DeploymentPaused")
	s.Must("rollout", "resume", "deployment/web")
	s.AwaitProgressing("NewReplicaSetAvailable")
	rollout.wantWaiting("when the Deployment was paused and resumed")
	s.Apply("v1")
	rollout.wantSuccess("v1 Ready: 2; others: 0")
}
