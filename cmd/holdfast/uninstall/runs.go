package uninstall

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// endRuns deletes the runs that are under way, or that have a canary still: with
// them it goes. The others have ended and are history, which stays as long as
// their Deployments and their kind.
func (e *ending) endRuns(ctx context.Context) error {
	left, err := e.canaries(ctx)
	if err != nil {
		return err
	}
	hasCanary := map[types.UID]bool{}
	for i := range left {
		hasCanary[metav1.GetControllerOf(&left[i]).UID] = true
	}
	var list v1alpha1.CanaryRunList
	var problems []error
	for {
		err := e.List(ctx, &list, client.Limit(page), client.Continue(list.Continue))
		if meta.IsNoMatchError(err) {
			return nil // the kind is gone, and with it every run
		}
		if err != nil {
			return errors.Join(append(problems, fmt.Errorf("list canary runs: %w", err))...)
		}
		for i := range list.Items {
			if run := &list.Items[i]; !run.Status.Phase.Ended() || hasCanary[run.UID] {
				problems = append(problems, e.endRun(ctx, run))
			}
		}
		if list.Continue == "" {
			return errors.Join(problems...)
		}
	}
}

func (e *ending) endRun(ctx context.Context, run *v1alpha1.CanaryRun) error {
	if err := e.Delete(ctx, run); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete canary run %s/%s: %w", run.Namespace, run.Name, err)
	}
	fmt.Fprintf(e.out, "canary run %s/%s was ended\n", run.Namespace, run.Name)
	return nil
}

// canaries are the ReplicaSets of runs that nobody has deleted yet. One that has
// nothing but the label of a run is no canary, and one that is deleted is gone,
// whatever finalizers somebody put on it.
func (e *ending) canaries(ctx context.Context) ([]appsv1.ReplicaSet, error) {
	var list appsv1.ReplicaSetList
	if err := e.List(ctx, &list, client.HasLabels{v1alpha1.RunLabel}); err != nil {
		return nil, fmt.Errorf("list canaries: %w", err)
	}
	return slices.DeleteFunc(list.Items, func(rs appsv1.ReplicaSet) bool {
		owner := metav1.GetControllerOf(&rs)
		return rs.DeletionTimestamp != nil || owner == nil || owner.Kind != "CanaryRun" ||
			!strings.HasPrefix(owner.APIVersion, v1alpha1.GroupVersion.Group+"/")
	}), nil
}

// awaitNoCanaries returns when the garbage collector has taken the canaries.
func (e *ending) awaitNoCanaries(ctx context.Context) error {
	var left []appsv1.ReplicaSet
	err := wait.PollUntilContextCancel(ctx, look, true, func(ctx context.Context) (done bool, err error) {
		left, err = e.canaries(ctx)
		return len(left) == 0, err
	})
	if err != nil {
		return fmt.Errorf("wait until the canaries are gone; there are %d, such as the ReplicaSets %v: %w", len(left), some(left), err)
	}
	fmt.Fprintln(e.out, "no canary is left")
	return nil
}

// some are the names of the first few.
func some(left []appsv1.ReplicaSet) (names []string) {
	for i := range left[:min(5, len(left))] {
		names = append(names, left[i].Namespace+"/"+left[i].Name)
	}
	return names
}
