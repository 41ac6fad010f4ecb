package uninstall

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// endKept ends what finalizers keep. A ReplicaSet that is deleted makes no more pods, but those that it has
// go on serving until the finalizer goes, and nobody looks after them: they are deleted. Finalizers are
// somebody's, so they stay, and are named.
func (e *ending) endKept(ctx context.Context) error {
	sets, err := e.sets(ctx)
	if err != nil {
		return err
	}
	kept := map[types.UID]bool{}
	for _, set := range sets {
		if set.goes && len(set.finalizers) > 0 {
			kept[set.uid] = true
			fmt.Fprintf(e.out, "the ReplicaSet %s of a canary is deleted, and kept by finalizers %q; its pods are deleted, take them off\n", set, set.finalizers)
		}
	}
	problems := []error{e.deletePods(ctx, kept)}
	if len(kept) == 0 {
		fmt.Fprintln(e.out, "no canary is left")
	}
	return errors.Join(append(problems, e.tellKept(ctx))...)
}

// deletePods deletes the pods of these ReplicaSets.
func (e *ending) deletePods(ctx context.Context, of map[types.UID]bool) error {
	if len(of) == 0 {
		return nil
	}
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "PodList"})
	var problems []error
	for {
		if err := e.List(ctx, list, client.HasLabels{v1alpha1.RunLabel}, client.Limit(page), client.Continue(list.Continue)); err != nil {
			return errors.Join(append(problems, fmt.Errorf("list the pods of canaries: %w", err))...)
		}
		for i := range list.Items {
			pod := &list.Items[i]
			owner := metav1.GetControllerOf(pod)
			if owner == nil || !of[owner.UID] {
				continue
			}
			if err := e.Delete(ctx, pod); client.IgnoreNotFound(err) != nil {
				problems = append(problems, fmt.Errorf("pod %s/%s of a canary is left: %w", pod.Namespace, pod.Name, err))
				continue
			}
			if len(pod.Finalizers) > 0 {
				fmt.Fprintf(e.out, "pod %s/%s of a canary is deleted, and kept by finalizers %q; take them off\n", pod.Namespace, pod.Name, pod.Finalizers)
			}
		}
		if list.Continue == "" {
			return errors.Join(problems...)
		}
	}
}

// tellKept names the plans and runs that finalizers would keep, and with them their kinds.
func (e *ending) tellKept(ctx context.Context) error {
	for _, kind := range []string{"CanaryPlan", "CanaryRun"} {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
		for {
			err := e.List(ctx, list, client.Limit(page), client.Continue(list.Continue))
			if meta.IsNoMatchError(err) {
				break // the kind is gone
			}
			if err != nil {
				return fmt.Errorf("list what is left of kind %s: %w", kind, err)
			}
			for _, o := range list.Items {
				if len(o.Finalizers) > 0 {
					fmt.Fprintf(e.out, "%s %s/%s has finalizers %q, by which its kind cannot be deleted; take them off\n", kind, o.Namespace, o.Name, o.Finalizers)
				}
			}
			if list.Continue == "" {
				break
			}
		}
	}
	return nil
}
