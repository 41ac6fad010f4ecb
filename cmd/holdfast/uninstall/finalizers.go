package uninstall

import (
	"context"
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/surround"
)

// pageOfConfigMaps is how many of them are read at once, by their metadata: there may be very many, and it is
// smaller than that of Deployments, which has what is held.
const pageOfConfigMaps = 100

// takeFinalizers takes Holdfast's finalizer off all ConfigMaps: with nobody to do so they, and their
// namespaces, could never be deleted. What was deleted already goes.
func (e *ending) takeFinalizers(ctx context.Context) error {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "ConfigMapList"})
	var problems []error
	for {
		if err := e.List(ctx, list, client.Limit(pageOfConfigMaps), client.Continue(list.Continue)); err != nil {
			return errors.Join(append(problems, fmt.Errorf("list ConfigMaps: %w", err))...)
		}
		for i := range list.Items {
			if c := &list.Items[i]; slices.Contains(c.Finalizers, v1alpha1.ProtectFinalizer) {
				problems = append(problems, e.takeFinalizer(ctx, c))
			}
		}
		if list.Continue == "" {
			return errors.Join(problems...)
		}
	}
}

func (e *ending) takeFinalizer(ctx context.Context, c *metav1.PartialObjectMetadata) error {
	goes := ""
	if c.DeletionTimestamp != nil {
		goes = ", and it goes: it was deleted while the stable pods needed it"
	}
	patch := client.RawPatch(types.StrategicMergePatchType, surround.FinalizerPatch(string(c.UID), false))
	if err := e.Patch(ctx, c, patch); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("take finalizer %s off ConfigMap %s/%s: %w", v1alpha1.ProtectFinalizer, c.Namespace, c.Name, err)
	}
	fmt.Fprintf(e.out, "ConfigMap %s/%s is no longer protected%s\n", c.Namespace, c.Name, goes)
	return nil
}
