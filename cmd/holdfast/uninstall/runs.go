package uninstall

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
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
	canaries := map[types.UID][]canary{}
	for _, one := range left {
		canaries[one.run] = append(canaries[one.run], one)
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
			if run := &list.Items[i]; !run.Status.Phase.Ended() || len(canaries[run.UID]) > 0 {
				problems = append(problems, e.endRun(ctx, run, canaries[run.UID]))
			}
		}
		if list.Continue == "" {
			return errors.Join(problems...)
		}
	}
}

// endRun deletes a run. The garbage collector takes its canaries when it is gone, which it is not while
// somebody's finalizer keeps it: then they are deleted here.
func (e *ending) endRun(ctx context.Context, run *v1alpha1.CanaryRun, canaries []canary) error {
	if err := e.Delete(ctx, run); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete canary run %s/%s: %w", run.Namespace, run.Name, err)
	}
	fmt.Fprintf(e.out, "canary run %s/%s was ended\n", run.Namespace, run.Name)
	if len(run.Finalizers) == 0 {
		return nil
	}
	var problems []error
	for _, one := range canaries {
		set := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: one.Namespace, Name: one.Name}}
		set.SetGroupVersionKind(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "ReplicaSet"})
		err := e.Delete(ctx, set, client.Preconditions{UID: &one.uid}, client.PropagationPolicy(metav1.DeletePropagationBackground))
		if client.IgnoreNotFound(err) != nil {
			problems = append(problems, fmt.Errorf("delete the ReplicaSet %s of a canary: %w", one, err))
		}
	}
	return errors.Join(problems...)
}

// canaries are the ReplicaSets of runs that nobody has deleted yet. One that is
// deleted is not waited for, whatever finalizers somebody put on it (see endKept).
func (e *ending) canaries(ctx context.Context) ([]canary, error) {
	sets, err := e.sets(ctx)
	return slices.DeleteFunc(sets, func(c canary) bool { return c.goes }), err
}

// sets are the ReplicaSets of runs. One that has nothing but the label of a run is no canary.
func (e *ending) sets(ctx context.Context) ([]canary, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "ReplicaSetList"})
	var out []canary
	for {
		if err := e.List(ctx, list, client.HasLabels{v1alpha1.RunLabel}, client.Limit(page), client.Continue(list.Continue)); err != nil {
			return nil, fmt.Errorf("list canaries: %w", err)
		}
		for i := range list.Items {
			rs := &list.Items[i]
			owner := metav1.GetControllerOf(rs)
			if owner != nil && owner.Kind == "CanaryRun" && strings.HasPrefix(owner.APIVersion, v1alpha1.GroupVersion.Group+"/") {
				out = append(out, canary{client.ObjectKeyFromObject(rs), owner.UID, rs.UID, rs.DeletionTimestamp != nil, rs.Finalizers})
			}
		}
		if list.Continue == "" {
			return out, nil
		}
	}
}

// canary is the ReplicaSet of a run.
type canary struct {
	types.NamespacedName
	run, uid   types.UID
	goes       bool // it is being deleted
	finalizers []string
}

// awaitNoCanaries returns when the garbage collector has taken the canaries.
func (e *ending) awaitNoCanaries(ctx context.Context) error {
	var left []canary
	err := wait.PollUntilContextCancel(ctx, look, true, func(ctx context.Context) (done bool, err error) {
		left, err = e.canaries(ctx)
		return len(left) == 0, err
	})
	if err != nil {
		return fmt.Errorf("wait until the canaries are gone; there are %d, such as the ReplicaSets %v: %w", len(left), some(left), err)
	}
	return nil
}

// some are the names of the first few.
func some(left []canary) (names []string) {
	for _, one := range left[:min(5, len(left))] {
		names = append(names, one.String())
	}
	return names
}
