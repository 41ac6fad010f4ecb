package e2e

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
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
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

// budgeted has a budget for the Deployment shaped, and the second version of it held, whose app has these args.
func (s *shop) budgeted(args ...string) *v1alpha1.CanaryRun {
	s.t.Helper()
	s.must("apply", "-f", "-", budgetOf)
	return s.holdSecond(func(version string) string {
		manifest := shaped(version, 3, "terminationGracePeriodSeconds: 30")
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
func (s *shop) awaitAllowed(n int32) {
	s.t.Helper()
	await(s, fmt.Sprintf("the budget allows %d disruptions", n), "shaped", &policyv1.PodDisruptionBudget{}, func(b *policyv1.PodDisruptionBudget) bool {
		return b.Status.ObservedGeneration > 0 && b.Status.DisruptionsAllowed == n
	})
}

// evict has a stable pod evicted, as kubectl drain does, and says what the API server answers.
func (s *shop) evict() error {
	s.t.Helper()
	var pods corev1.PodList
	if err := world.client.List(s.t.Context(), &pods, client.InNamespace(s.namespace), client.MatchingLabels{"app": "shaped"}); err != nil {
		s.t.Fatal(err)
	}
	stable := slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool { return p.Labels[v1alpha1.RunLabel] != "" })
	return world.client.SubResource("eviction").Create(s.t.Context(), &stable[0], &policyv1.Eviction{})
}

// inService says whether a Service has a pod among its endpoints.
func (s *shop) inService(pod string) bool {
	s.t.Helper()
	var list discoveryv1.EndpointSliceList
	if err := world.client.List(s.t.Context(), &list, client.InNamespace(s.namespace), client.MatchingLabels{discoveryv1.LabelServiceName: "shaped"}); err != nil {
		s.t.Fatal(err)
	}
	return slices.ContainsFunc(list.Items, func(slice discoveryv1.EndpointSlice) bool {
		return slices.ContainsFunc(slice.Endpoints, func(e discoveryv1.Endpoint) bool { return e.TargetRef != nil && e.TargetRef.Name == pod })
	})
}

// awaitQuarantined waits until the canary pod is in quarantine, or is not.
func (s *shop) awaitQuarantined(run *v1alpha1.CanaryRun, is bool) *corev1.Pod {
	s.t.Helper()
	pods := s.podsOfRole(run, v1alpha1.RoleCanary)
	if len(pods) == 0 {
		s.t.Fatalf("%s has no canary pod", run.Name)
	}
	return await(s, fmt.Sprintf("the canary pod is in quarantine: %t", is), pods[0].Name, &corev1.Pod{}, func(p *corev1.Pod) bool {
		return (p.Labels[v1alpha1.QuarantineLabel] == "true") == is && (p.Labels["app"] == "shaped") == !is
	})
}

// frozen is shapePlan with a canary that is kept when it failed.
func frozen(more ...string) string {
	plan := strings.Replace(shapePlan, "readyDeadline: 20s", "readyDeadline: 8s\n  onFailure: Freeze", 1)
	return strings.Replace(plan, "  replicas: 1", "  replicas: 1\n  "+strings.Join(more, "\n  "), 1)
}

// TestWhatIsKeptOfACanaryKeepsNoNodeFromBeingDrained: kubernetes/kubernetes#72320 and Azure/azure-service-operator#5677
// (a pod that is not healthy counts in the budget), gardener/machine-controller-manager#684 (so do pods that crash
// again and again), ministryofjustice/cloud-platform#1549 (and those without an image).
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
			s := open(t, settings{noLoad: true, plan: frozen(), replicas: 1})
			run := s.budgeted(tc.args...)
			if tc.by != "" {
				await(s, "there is a canary", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.CreatedAt != nil })
				s.decide(run.Name, tc.by)
				awaitSome(s, "a canary pod", &corev1.PodList{}, client.MatchingLabels{v1alpha1.RunLabel: run.Name})
			} else {
				s.awaitPhase(run.Name, v1alpha1.PhaseFrozen)
			}
			s.awaitQuarantined(run, true)
			s.awaitAllowed(1)
			awaitEvent(s, v1alpha1.EventPodQuarantined)
			if err := s.evict(); err != nil {
				t.Errorf("evict a healthy pod: %v", err)
			}
		})
	}
}

// TestWhatFailedServesNoRequests, although it is Ready, and is there to be looked at; behind a gate it serves on.
func TestWhatFailedServesNoRequests(t *testing.T) {
	t.Parallel()
	bad := func(more ...string) string {
		return strings.Replace(frozen(more...), "failureLimit: 2}", "failureLimit: 1, metrics: [{name: bad, query: 'vector(1)', range: {max: 0}}]}", 1)
	}
	t.Run("failed", func(t *testing.T) {
		t.Parallel()
		s := open(t, settings{noLoad: true, plan: bad(), replicas: 1})
		run := s.budgeted()
		run = s.awaitPhase(run.Name, v1alpha1.PhaseFrozen)
		pod := s.awaitQuarantined(run, true)
		awaitList(s, "endpoints without it", &discoveryv1.EndpointSliceList{}, func(int) bool { return !s.inService(pod.Name) }, nil)
		if says := s.says(pod.Name, "CANARY_ENABLED"); says != "1" {
			t.Errorf("it cannot be looked at: %q", says)
		}
		if run.Status.Traffic != "none" {
			t.Errorf("its traffic is %q", run.Status.Traffic)
		}
		s.awaitAllowed(1)
		// A retry has fresh pods, which are a part of the application.
		s.decide(run.Name, `"attempt":2`)
		await(s, "it is Running again", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
			return r.Status.Attempt == 2 && r.Status.Phase == v1alpha1.PhaseRunning
		})
		fresh := slices.DeleteFunc(s.podsOfRole(run, v1alpha1.RoleCanary), func(p corev1.Pod) bool { return p.Name == pod.Name })
		if len(fresh) != 1 || fresh[0].Labels["app"] != "shaped" {
			t.Errorf("the pods of the retry are %v", fresh)
		}
	})
	t.Run("failed, where the plan keeps it", func(t *testing.T) {
		t.Parallel()
		s := open(t, settings{noLoad: true, plan: bad("quarantine: Never"), replicas: 1})
		run := s.budgeted()
		s.awaitPhase(run.Name, v1alpha1.PhaseFrozen)
		pod := s.awaitQuarantined(run, false)
		if !s.inService(pod.Name) {
			t.Error("it serves no requests")
		}
	})
	t.Run("at a gate", func(t *testing.T) {
		t.Parallel()
		plan := strings.Replace(frozen("steps: [{replicas: 1, approval: true}]"), "period: 6s", "period: 3s", 1)
		s := open(t, settings{noLoad: true, plan: plan, replicas: 1})
		run := s.budgeted()
		s.awaitReason(run.Name, v1alpha1.ReasonApproval)
		time.Sleep(10 * time.Second) // longer than readyDeadline
		if pod := s.awaitQuarantined(run, false); !s.inService(pod.Name) {
			t.Error("it serves no requests")
		}
	})
	t.Run("paused by a person and resumed", func(t *testing.T) {
		t.Parallel()
		s := open(t, settings{noLoad: true, plan: frozen(), replicas: 1})
		run := s.budgeted("--ready-after=16s")
		awaitSome(s, "a canary pod", &corev1.PodList{}, client.MatchingLabels{v1alpha1.RunLabel: run.Name})
		s.decide(run.Name, `"paused":true`)
		s.awaitQuarantined(run, true)
		s.awaitQuarantined(run, false) // it is Ready
		awaitEvent(s, v1alpha1.EventPodQuarantined)
		awaitEvent(s, v1alpha1.EventPodReadmitted)
		s.decide(run.Name, `"paused":false`)
		s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	})
}

// TestABudgetHoldsWhileACanaryEnds: the disruption controller gives up on a budget one of whose pods has lost its
// ReplicaSet (kubernetes/kubernetes#130723 and #78427, elastic/cloud-on-k8s#1455), and nothing may be evicted. Pods
// of canaries that take long to end are no reason.
func TestABudgetHoldsWhileACanaryEnds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		plan string
		end  func(*shop, *v1alpha1.CanaryRun)
		// flashes: between two others, the budget may fail for a moment.
		flashes bool
	}{
		"of a run that is aborted": {strings.Replace(shapePlan, "period: 6s", "period: 10m", 1), func(s *shop, run *v1alpha1.CanaryRun) {
			s.decide(run.Name, `"decision":"Abort"`)
			s.awaitPhase(run.Name, v1alpha1.PhaseReverted)
		}, false},
		"of a run with a baseline that is withdrawn": {strings.Replace(strings.Replace(shapePlan, "period: 6s", "period: 10m", 1), "  replicas: 1", "  baseline: {}", 1), func(s *shop, run *v1alpha1.CanaryRun) {
			s.must("apply", "-f", "-", shaped("v1", 3, "terminationGracePeriodSeconds: 30"))
			s.awaitPhase(run.Name, v1alpha1.PhaseCanceled)
		}, false},
		"of an attempt that is followed by another": {strings.Replace(shapePlan, "period: 6s", "period: 10m", 1), func(s *shop, run *v1alpha1.CanaryRun) {
			s.decide(run.Name, `"attempt":2`)
			await(s, "it is Running again", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
				return r.Status.Attempt == 2 && r.Status.Phase == v1alpha1.PhaseRunning
			})
		}, false},
		"of a run that is deleted": {strings.Replace(shapePlan, "period: 6s", "period: 10m", 1), func(s *shop, run *v1alpha1.CanaryRun) {
			s.must("apply", "-f", "-", shaped("v1", 3, "terminationGracePeriodSeconds: 30"))
			s.must("delete", "canaryrun", run.Name)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, settings{noLoad: true, plan: tc.plan, replicas: 1})
			run := s.budgeted("--drain=12s")
			s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
			pod := s.podsOfRole(run, v1alpha1.RoleCanary)[0]
			s.awaitAllowed(1)
			failures := s.watchBudget()
			tc.end(s, run)
			await(s, "the canary's pod ends", pod.Name, &corev1.Pod{}, func(p *corev1.Pod) bool { return p.DeletionTimestamp != nil })
			if tc.flashes {
				s.awaitAllowed(1)
				if err := world.client.Get(t.Context(), client.ObjectKeyFromObject(&pod), &pod); err != nil {
					t.Errorf("the budget was good again, and the pod gone: %v", err)
				}
			}
			awaitGone(s, pod.Name, &corev1.Pod{})
			if failed := failures(); len(failed) > 0 && !tc.flashes {
				t.Errorf("the budget failed: %s", failed[0])
			}
			awaitNone(s, "ReplicaSets of the first attempt", &appsv1.ReplicaSetList{}, client.MatchingFields{"metadata.name": v1alpha1.CanaryName(run.Name, 1)})
		})
	}
}

// watchBudget notes what the disruption controller says of a budget that it cannot keep, until it is asked.
func (s *shop) watchBudget() (failures func() []string) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	watching, err := world.client.Watch(ctx, &policyv1.PodDisruptionBudgetList{}, client.InNamespace(s.namespace))
	if err != nil {
		s.t.Fatal(err)
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
	} {
		t.Run(budget, func(t *testing.T) {
			t.Parallel()
			s := open(t, settings{noLoad: true, plan: strings.Replace(shapePlan, "period: 6s", "period: 10m", 1), replicas: 1})
			s.must("apply", "-f", "-", strings.Replace(budgetOf, "maxUnavailable: 1", budget, 1))
			s.must("apply", "-f", "-", shaped("v1", 4))
			await(s, "shaped is available", "shaped", &appsv1.Deployment{}, rolledOut)
			s.awaitAllowed(tc.without)
			run := s.newestRun(s.must("apply", "-f", "-", shaped("v2", 4)))
			s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
			await(s, "the budget counts the canary", "shaped", &policyv1.PodDisruptionBudget{}, func(b *policyv1.PodDisruptionBudget) bool {
				return b.Status.ExpectedPods == 5 && b.Status.CurrentHealthy == 5 && b.Status.DisruptionsAllowed == tc.with
			})
		})
	}
}
