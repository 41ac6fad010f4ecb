package gather

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
)

// shortGrace is how long a pod of a canary has to end of which there are too many, in seconds. With none it
// would be gone from the API server and go on where it runs.
const shortGrace = int64(1)

// A pod that is being deleted may answer until it ends, for as long as its template says. Its ReplicaSet
// makes another one at once, and so does the next run of the Deployment. Whoever deletes each canary pod as
// soon as it is Ready, or sends one update after another, would have any number of them behind the Service.

// gatherEnding finds pods of canaries of the run's Deployment that are not to take their time to end, own
// being the pods of the run. What earlier runs have left counts, those that are gone too: their pods are told
// by the selector of the Deployment.
func (g *Gatherer) gatherEnding(ctx context.Context, seen *Observed, own []corev1.Pod) error {
	if !seen.Deployment.Exists || !slices.ContainsFunc(own, takesItsTime) {
		return nil
	}
	selector, err := g.Objects.ParsedSelector(ctx, seen.DeploymentObject)
	if err != nil {
		return err
	}
	var all corev1.PodList
	if err := g.Objects.Cached.List(ctx, &all, client.InNamespace(seen.CanaryRun.Namespace), client.MatchingLabels{v1alpha1.RoleLabel: v1alpha1.RoleCanary}); err != nil {
		return fmt.Errorf("list pods of canaries: %w", err)
	}
	size := seen.CanaryRun.Status.Replicas
	var ending []corev1.Pod
	for _, pod := range all.Items {
		if !takesItsTime(pod) {
			continue
		}
		bears, err := g.Objects.Labels(ctx, corev1.SchemeGroupVersion.WithKind("Pod"), &pod)
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		if !selector.Matches(labels.Set(bears)) {
			continue
		}
		of, err := g.sizeOf(ctx, pod)
		if err != nil {
			return err
		}
		size, ending = max(size, of), append(ending, pod)
	}
	seen.Others.Left = append(tooManyEnding(int(size), ending), seen.Others.Left...)
	return nil
}

// sizeOf is how many pods the canary has, or had, of whose run a pod is; 0 where that is gone.
func (g *Gatherer) sizeOf(ctx context.Context, pod corev1.Pod) (int32, error) {
	var run v1alpha1.CanaryRun
	err := g.Objects.Cached.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: pod.Labels[v1alpha1.RunLabel]}, &run)
	return run.Status.Replicas, client.IgnoreNotFound(err)
}

// takesItsTime says whether a pod of a canary is being deleted and may go on answering.
func takesItsTime(pod corev1.Pod) bool {
	grace := pod.DeletionGracePeriodSeconds
	return pod.DeletionTimestamp != nil && grace != nil && *grace > shortGrace && pod.Labels[v1alpha1.RoleLabel] == v1alpha1.RoleCanary
}

// tooManyEnding are those of the pods of canaries that take their time to end which have to end at once: as
// many as a canary has may, as when a node is drained, those whose deletion began last.
func tooManyEnding(size int, ending []corev1.Pod) []lifecycle.UnwantedPod {
	size = max(size, 1)
	slices.SortFunc(ending, func(a, b corev1.Pod) int {
		return cmp.Or(deletionBegan(b).Compare(deletionBegan(a)), cmp.Compare(a.Name, b.Name))
	})
	var out []lifecycle.UnwantedPod
	for _, pod := range ending[min(size, len(ending)):] {
		left := unwanted(pod, fmt.Sprintf("it would take %s to end, and as many as the canary has (%d) are ending since",
			time.Duration(*pod.DeletionGracePeriodSeconds)*time.Second, size))
		left.Grace = new(shortGrace)
		out = append(out, left)
	}
	return out
}

// deletionBegan is when the deletion of a pod began. The timestamp is when it is to be over.
func deletionBegan(pod corev1.Pod) time.Time {
	return pod.DeletionTimestamp.Add(-time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second)
}
