package uninstall

import (
	"context"
	"errors"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// endRuns deletes the runs that are under way. Those that have ended are history,
// and stay as long as their Deployments and their kind.
func (e *ending) endRuns(ctx context.Context) error {
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
			problems = append(problems, e.endRun(ctx, &list.Items[i]))
		}
		if list.Continue == "" {
			return errors.Join(problems...)
		}
	}
}

func (e *ending) endRun(ctx context.Context, run *v1alpha1.CanaryRun) error {
	if run.Status.Phase.Ended() {
		return nil
	}
	if err := e.Delete(ctx, run); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete canary run %s/%s: %w", run.Namespace, run.Name, err)
	}
	fmt.Fprintf(e.out, "canary run %s/%s was ended\n", run.Namespace, run.Name)
	return nil
}

// awaitNoCanaries returns when the garbage collector has taken the canaries: it has
// deleted them, whatever finalizers somebody put on them. A ReplicaSet that has
// nothing but the label of a run is no canary.
func (e *ending) awaitNoCanaries(ctx context.Context) error {
	var left []appsv1.ReplicaSet
	err := wait.PollUntilContextCancel(ctx, look, true, func(ctx context.Context) (bool, error) {
		var list appsv1.ReplicaSetList
		err := e.List(ctx, &list, client.HasLabels{v1alpha1.RunLabel})
		left = slices.DeleteFunc(list.Items, func(rs appsv1.ReplicaSet) bool {
			owner := metav1.GetControllerOf(&rs)
			return owner == nil || owner.Kind != "CanaryRun" || rs.DeletionTimestamp != nil
		})
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
