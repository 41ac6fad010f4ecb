package uninstall

import (
	"context"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// forgetStamps has namespaces no longer say that each Deployment in them has a stamp: with those gone
// Holdfast, installed again with the same key, would take every one for a Deployment that has lost it.
func (e *ending) forgetStamps(ctx context.Context) error {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "NamespaceList"})
	var problems []error
	for {
		if err := e.List(ctx, list, client.Limit(page), client.Continue(list.Continue)); err != nil {
			return errors.Join(append(problems, fmt.Errorf("list namespaces: %w", err))...)
		}
		for i := range list.Items {
			ns := &list.Items[i]
			if _, there := ns.Annotations[v1alpha1.StampedAnnotation]; !there {
				continue
			}
			err := e.patch(ctx, ns, `{"metadata":{"annotations":{"`+v1alpha1.StampedAnnotation+`":null}}}`)
			if client.IgnoreNotFound(err) != nil {
				problems = append(problems, fmt.Errorf("take annotation %s off namespace %s: %w", v1alpha1.StampedAnnotation, ns.Name, err))
			}
		}
		if list.Continue == "" {
			return errors.Join(problems...)
		}
	}
}
