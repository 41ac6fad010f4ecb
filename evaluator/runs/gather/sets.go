package gather

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
)

// gatherSets reads the ReplicaSets of a run and their pods: the canary, the
// baseline, and what earlier attempts have left.
func (g *Gatherer) gatherSets(ctx context.Context, seen *Observed) error {
	of := objects.OfRun(seen.CanaryRun.Namespace, seen.CanaryRun.Name)
	var sets appsv1.ReplicaSetList
	if err := g.Objects.Cached.List(ctx, &sets, of); err != nil {
		return fmt.Errorf("list ReplicaSets of run %q: %w", seen.CanaryRun.Name, err)
	}
	var pods corev1.PodList
	if err := g.Objects.Cached.List(ctx, &pods, of); err != nil {
		return fmt.Errorf("list pods of run %q: %w", seen.CanaryRun.Name, err)
	}
	seen.Sets = map[string]*appsv1.ReplicaSet{}
	for i := range sets.Items {
		rs := &sets.Items[i]
		if !metav1.IsControlledBy(rs, seen.CanaryRun) {
			continue
		}
		seen.Sets[rs.Name] = rs
		switch rs.Name {
		case seen.CanaryName():
			seen.Pods = podsOf(rs, pods.Items)
			seen.Canary = viewSet(rs, seen.Pods)
		case seen.BaselineName():
			seen.BaselinePods = podsOf(rs, pods.Items)
			seen.Baseline = viewSet(rs, seen.BaselinePods)
		default:
			seen.Leftovers = append(seen.Leftovers, lifecycle.Leftover{Name: rs.Name, Canary: *viewSet(rs, podsOf(rs, pods.Items))})
		}
	}
	seen.Others.Left = LeftPods(seen.CanaryRun.Status.Phase.Ended() || seen.CanaryRun.DeletionTimestamp != nil, map[string]*appsv1.ReplicaSet{
		v1alpha1.RoleCanary: seen.Sets[seen.CanaryName()], v1alpha1.RoleBaseline: seen.Sets[seen.BaselineName()],
	}, sets.Items, pods.Items)
	seen.Others.Strays = Strays(sets.Items, pods.Items)
	return g.gatherEnding(ctx, seen, pods.Items)
}

// hasNone says whether the controller of ReplicaSets has seen the last pod of one go too. Where it counts
// pods that are ending, they are waited for: the disruption controller is a part of the same program and sees
// pods and ReplicaSets as that does, and gives up on a budget that has a pod without its ReplicaSet.
func hasNone(rs *appsv1.ReplicaSet) bool {
	ending := rs.Status.TerminatingReplicas
	return rs.Status.ObservedGeneration >= rs.Generation && rs.Status.Replicas == 0 && (ending == nil || *ending == 0)
}

func viewSet(rs *appsv1.ReplicaSet, pods []corev1.Pod) *lifecycle.Canary {
	out := &lifecycle.Canary{Deleting: rs.DeletionTimestamp != nil, Replicas: 1, Available: rs.Status.AvailableReplicas}
	if rs.Spec.Replicas != nil {
		out.Replicas = *rs.Spec.Replicas
	}
	out.Empty = out.Replicas == 0 && len(pods) == 0 && hasNone(rs)
	for _, c := range rs.Status.Conditions {
		if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
			out.CreateFailure = c.Message
		}
	}
	return out
}

func podsOf(rs *appsv1.ReplicaSet, pods []corev1.Pod) []corev1.Pod {
	var out []corev1.Pod
	for _, pod := range pods {
		if metav1.IsControlledBy(&pod, rs) {
			out = append(out, pod)
		}
	}
	return out
}
