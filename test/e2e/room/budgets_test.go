package room

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// budgetOf lets one pod of shaped at a time be evicted, and makes its pods known to a Service.
const budgetOf = `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: shaped}
spec:
  maxUnavailable: 1
  selector: {matchLabels: {app: shaped}}
---
apiVersion: v1
kind: Service
metadata: {name: shaped}
spec:
  selector: {app: shaped}
  ports: [{port: 80, targetPort: 8080}]
`

// budgeted has a budget for the Deployment shaped, and the second version of it held, whose app has these
// args.
func budgeted(s *shop.Shop, args ...string) *v1alpha1.CanaryRun {
	s.T.Helper()
	s.Must("apply", "-f", "-", budgetOf)
	return s.HoldSecond(func(version string) string {
		manifest := shop.Shaped(version, 3, "terminationGracePeriodSeconds: 30")
		switch {
		case version == "v1":
		case slices.Equal(args, noImage):
			manifest = strings.Replace(manifest, "holdfast.test/app:v2", "holdfast.test/missing:v2", 1)
		default:
			manifest = strings.Replace(manifest, "app:v2", "app:v2\n        args: ["+strings.Join(args, ", ")+"]", 1)
		}
		return manifest
	})
}

// noImage stands for the args of an app whose image is not there.
var noImage = []string{"no image"}

// awaitAllowed waits until so many pods may be evicted.
func awaitAllowed(s *shop.Shop, n int32) {
	s.T.Helper()
	shop.Await(s, fmt.Sprintf("the budget allows %d disruptions", n), "shaped", &policyv1.PodDisruptionBudget{}, func(b *policyv1.PodDisruptionBudget) bool {
		return b.Status.ObservedGeneration > 0 && b.Status.DisruptionsAllowed == n
	})
}

// evict has a stable pod evicted, as kubectl drain does: where the budget does not allow it now, it is asked
// again, for the disruption controller takes a moment to count what has become of the pods.
func evict(s *shop.Shop) {
	s.T.Helper()
	var pods corev1.PodList
	if err := shop.World.Client.List(s.T.Context(), &pods, client.InNamespace(s.Namespace), client.MatchingLabels{"app": "shaped"}); err != nil {
		s.T.Fatal(err)
	}
	stable := slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool { return p.Labels[v1alpha1.RunLabel] != "" })
	shop.Until(s, "a healthy pod may be evicted", func() bool {
		err := shop.World.Client.SubResource("eviction").Create(s.T.Context(), &stable[0], &policyv1.Eviction{})
		if err != nil && !apierrors.IsTooManyRequests(err) {
			s.T.Fatalf("evict a healthy pod: %v", err)
		}
		return err == nil
	})
}

// awaitInService waits until a Service has a pod among its endpoints.
func awaitInService(s *shop.Shop, pod string) {
	s.T.Helper()
	shop.AwaitList(s, "it serves requests", &discoveryv1.EndpointSliceList{}, func(int) bool { return inService(s, pod) }, nil)
}

// inService says whether a Service has a pod among its endpoints.
func inService(s *shop.Shop, pod string) bool {
	s.T.Helper()
	var list discoveryv1.EndpointSliceList
	if err := shop.World.Client.List(s.T.Context(), &list, client.InNamespace(s.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: "shaped"}); err != nil {
		s.T.Fatal(err)
	}
	return slices.ContainsFunc(list.Items, func(slice discoveryv1.EndpointSlice) bool {
		return slices.ContainsFunc(slice.Endpoints, func(e discoveryv1.Endpoint) bool { return e.TargetRef != nil && e.TargetRef.Name == pod })
	})
}

// TestWhatIsKeptOfACanaryKeepsNoNodeFromBeingDrained: kubernetes/kubernetes#72320 and
// Azure/azure-service-operator#5677 (a pod that is not healthy counts in the budget),
// gardener/machine-controller-manager#684 (so do pods that crash again and again),
// ministryofjustice/cloud-platform#1549 (and those without an image).
func TestWhatIsKeptOfACanaryKeepsNoNodeFromBeingDrained(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		// by is what keeps the canary, "" for its failure.
		by string
	}{
		"that never gets Ready":      {[]string{"--never-ready"}, ""},
		"that crashes":               {[]string{"--never-ready", "--crash-after=1s"}, ""},
		"that is paused by a person": {[]string{"--never-ready"}, `"paused":true`},
		"whose image is not there":   {noImage, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.Frozen(), Replicas: 1})
			run := budgeted(s, tc.args...)
			if tc.by != "" {
				shop.Await(s, "there is a canary", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.CreatedAt != nil })
				s.Decide(run.Name, tc.by)
				shop.AwaitSome(s, "a canary pod", &corev1.PodList{}, client.MatchingLabels{v1alpha1.RunLabel: run.Name})
			} else {
				s.AwaitPhase(run.Name, v1alpha1.PhaseFrozen)
			}
			s.AwaitQuarantined(run, true)
			awaitAllowed(s, 1)
			shop.AwaitEvent(s, v1alpha1.EventPodQuarantined)
			evict(s)
		})
	}
}

// TestWhatFailedServesNoRequests, although it is Ready, and is there to be looked at; behind a gate it serves
// on.
func TestWhatFailedServesNoRequests(t *testing.T) {
	t.Parallel()
	bad := func(more ...string) string { // there is time to look at what runs before it fails
		return strings.NewReplacer("readyDeadline: 8s", "readyDeadline: 30s", "initialDelay: 1s", "initialDelay: 5s",
			"failureLimit: 2}", "failureLimit: 1, metrics: [{name: bad, query: 'vector(1)', range: {max: 0}}]}").Replace(shop.Frozen(more...))
	}
	t.Run("failed", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: bad(), Replicas: 1})
		run := budgeted(s)
		run = s.AwaitPhase(run.Name, v1alpha1.PhaseFrozen)
		pod := s.AwaitQuarantined(run, true)
		shop.AwaitList(s, "endpoints without it", &discoveryv1.EndpointSliceList{}, func(int) bool { return !inService(s, pod.Name) }, nil)
		if says := s.Says(pod.Name, "CANARY_ENABLED"); says != "1" {
			t.Errorf("it cannot be looked at: %q", says)
		}
		if run.Status.Traffic != "none" {
			t.Errorf("its traffic is %q", run.Status.Traffic)
		}
		awaitAllowed(s, 1)
		// A retry has fresh pods, which are a part of the application: from their beginning, and soon they fail
		// too.
		s.Decide(run.Name, `"attempt":2`)
		var fresh []corev1.Pod
		shop.Until(s, "the retry has a pod", func() bool {
			fresh = slices.DeleteFunc(s.PodsOfRole(run, v1alpha1.RoleCanary), func(p corev1.Pod) bool { return p.Name == pod.Name })
			return len(fresh) > 0
		})
		if len(fresh) != 1 || fresh[0].Labels["app"] != "shaped" {
			t.Errorf("the pods of the retry are %v", fresh)
		}
		shop.Await(s, "it is Running again", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
			return r.Status.Attempt == 2 && r.Status.Phase == v1alpha1.PhaseRunning
		})
	})
	t.Run("failed, where the plan keeps it", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: bad("quarantine: Never"), Replicas: 1})
		run := budgeted(s)
		s.AwaitPhase(run.Name, v1alpha1.PhaseFrozen)
		awaitInService(s, s.AwaitQuarantined(run, false).Name)
	})
	t.Run("at a gate", func(t *testing.T) {
		t.Parallel()
		plan := strings.NewReplacer("period: 6s", "period: 3s", "readyDeadline: 8s", "readyDeadline: 15s").Replace(shop.Frozen("steps: [{replicas: 1, approval: true}]"))
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: plan, Replicas: 1})
		run := budgeted(s)
		gated := s.AwaitReason(run.Name, v1alpha1.ReasonApproval)
		shop.Until(s, "readyDeadline is over", func() bool { return time.Since(gated.Status.CreatedAt.Time) > 17*time.Second })
		awaitInService(s, s.AwaitQuarantined(run, false).Name)
	})
	t.Run("paused by a person and resumed", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.Frozen(), Replicas: 1})
		run := budgeted(s, "--ready-after=16s")
		shop.AwaitSome(s, "a canary pod", &corev1.PodList{}, client.MatchingLabels{v1alpha1.RunLabel: run.Name})
		s.Decide(run.Name, `"paused":true`)
		s.AwaitQuarantined(run, true)
		s.AwaitQuarantined(run, false) // it is Ready
		shop.AwaitEvent(s, v1alpha1.EventPodQuarantined)
		shop.AwaitEvent(s, v1alpha1.EventPodReadmitted)
		s.Decide(run.Name, `"paused":false`)
		s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	})
}

// TestABudgetHoldsWhileACanaryEnds: the disruption controller gives up on a budget one of whose pods has lost
// its ReplicaSet (kubernetes/kubernetes#130723 and #78427, elastic/cloud-on-k8s#1455), and nothing may be
// evicted. Pods of canaries that take long to end are no reason.
func TestABudgetHoldsWhileACanaryEnds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		plan string
		end  func(*shop.Shop, *v1alpha1.CanaryRun)
		// flashes: between two others, the budget may fail for a moment.
		flashes bool
	}{
		"of a run that is aborted": {strings.Replace(shop.ShapePlan, "period: 6s", "period: 10m", 1), func(s *shop.Shop, run *v1alpha1.CanaryRun) {
			s.Decide(run.Name, `"decision":"Abort"`)
			s.AwaitPhase(run.Name, v1alpha1.PhaseReverted)
		}, false},
		"of a run with a baseline that is withdrawn": {strings.Replace(strings.Replace(shop.ShapePlan, "period: 6s", "period: 10m", 1), "  replicas: 1", "  baseline: {}", 1), func(s *shop.Shop, run *v1alpha1.CanaryRun) {
			s.Must("apply", "-f", "-", shop.Shaped("v1", 3, "terminationGracePeriodSeconds: 30"))
			s.AwaitPhase(run.Name, v1alpha1.PhaseCanceled)
		}, false},
		"of an attempt that is followed by another": {strings.Replace(shop.ShapePlan, "period: 6s", "period: 10m", 1), func(s *shop.Shop, run *v1alpha1.CanaryRun) {
			s.Decide(run.Name, `"attempt":2`)
			shop.Await(s, "it is Running again", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
				return r.Status.Attempt == 2 && r.Status.Phase == v1alpha1.PhaseRunning
			})
		}, false},
		"of a run that is released": {shop.ShapePlan, func(s *shop.Shop, run *v1alpha1.CanaryRun) {
			s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
		}, false},
		"of a run that is superseded": {strings.Replace(shop.ShapePlan, "period: 6s", "period: 10m", 1), func(s *shop.Shop, run *v1alpha1.CanaryRun) {
			s.Must("set", "env", "deployment/shaped", "NEWER=yes")
			s.AwaitPhase(run.Name, v1alpha1.PhaseSuperseded)
		}, false},
		"of a run that is deleted": {strings.Replace(shop.ShapePlan, "period: 6s", "period: 10m", 1), func(s *shop.Shop, run *v1alpha1.CanaryRun) {
			s.Must("apply", "-f", "-", shop.Shaped("v1", 3, "terminationGracePeriodSeconds: 30"))
			s.Must("delete", "canaryrun", run.Name)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: tc.plan, Replicas: 1})
			run := budgeted(s, "--drain=12s")
			s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			pod := s.PodsOfRole(run, v1alpha1.RoleCanary)[0]
			awaitAllowed(s, 1)
			failures := watchBudget(s)
			tc.end(s, run)
			shop.Await(s, "the canary's pod ends", pod.Name, &corev1.Pod{}, func(p *corev1.Pod) bool { return p.DeletionTimestamp != nil })
			if tc.flashes {
				awaitAllowed(s, 1)
				if err := shop.World.Client.Get(t.Context(), client.ObjectKeyFromObject(&pod), &pod); err != nil {
					t.Errorf("the budget was good again, and the pod gone: %v", err)
				}
			}
			shop.AwaitGone(s, pod.Name, &corev1.Pod{})
			if failed := failures(); len(failed) > 0 && !tc.flashes {
				t.Errorf("the budget failed: %s", failed[0])
			}
			shop.AwaitNone(s, "ReplicaSets of the first attempt", &appsv1.ReplicaSetList{}, client.MatchingFields{"metadata.name": v1alpha1.CanaryName(run.Name, 1)})
		})
	}
}

// watchBudget notes what the disruption controller says of a budget that it cannot keep, until it is asked.
func watchBudget(s *shop.Shop) (failures func() []string) {
	s.T.Helper()
	ctx, cancel := context.WithCancel(s.T.Context())
	watching, err := shop.World.Client.Watch(ctx, &policyv1.PodDisruptionBudgetList{}, client.InNamespace(s.Namespace))
	if err != nil {
		s.T.Fatal(err)
	}
	done := make(chan []string, 1)
	go func() {
		var out []string
		for event := range watching.ResultChan() {
			budget, ok := event.Object.(*policyv1.PodDisruptionBudget)
			if !ok {
				continue
			}
			if c := meta.FindStatusCondition(budget.Status.Conditions, policyv1.DisruptionAllowedCondition); c != nil && c.Reason == policyv1.SyncFailedReason {
				out = append(out, c.Message)
			}
		}
		done <- out
	}()
	return func() []string {
		cancel()
		watching.Stop()
		return <-done
	}
}

// TestWhatABudgetAllowsBesideACanary is what docs/how-to/budgets.md says.
func TestWhatABudgetAllowsBesideACanary(t *testing.T) {
	t.Parallel()
	for budget, tc := range map[string]struct{ without, with int32 }{
		"maxUnavailable: 1":   {1, 1},
		"maxUnavailable: 25%": {1, 2},
		"minAvailable: 75%":   {1, 1},
		"minAvailable: 3":     {1, 2},
		// projectcalico/calico#4211, kubernetes/website#4140: they allow nothing, and a canary changes nothing
		// about it.
		"maxUnavailable: 0":  {0, 0},
		"minAvailable: 100%": {0, 0},
	} {
		t.Run(budget, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: strings.Replace(shop.ShapePlan, "period: 6s", "period: 10m", 1), Replicas: 1})
			s.Must("apply", "-f", "-", strings.Replace(budgetOf, "maxUnavailable: 1", budget, 1))
			s.Must("apply", "-f", "-", shop.Shaped("v1", 4))
			shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
			awaitAllowed(s, tc.without)
			run := s.NewestRun(s.Must("apply", "-f", "-", shop.Shaped("v2", 4)))
			s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			shop.Await(s, "the budget counts the canary", "shaped", &policyv1.PodDisruptionBudget{}, func(b *policyv1.PodDisruptionBudget) bool {
				return b.Status.ExpectedPods == 5 && b.Status.CurrentHealthy == 5 && b.Status.DisruptionsAllowed == tc.with
			})
		})
	}
}
