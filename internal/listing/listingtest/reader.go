// Package listingtest stands in for an API server whose lists are read one object at a time.
package listingtest

import (
	"context"
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/internal/listing"
)

// APIServer makes a listing.Lister of any other.
type APIServer struct{ client.Reader }

// Each implements listing.Lister.
func (r APIServer) Each(ctx context.Context, q listing.Query, visit func([]byte) error) error {
	options := &client.ListOptions{Namespace: q.Namespace, LabelSelector: q.Selector}
	if q.Cached {
		options.Raw = &metav1.ListOptions{ResourceVersion: "0"}
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(q.Kind.GroupVersion().WithKind(q.Kind.Kind + "List"))
	if err := r.List(ctx, list, options); err != nil {
		return err
	}
	read := int64(0)
	for _, item := range list.Items {
		if q.MetadataOnly {
			item.Object = map[string]any{"metadata": item.Object["metadata"]}
		}
		text, err := json.Marshal(item.Object)
		if err != nil {
			return err
		}
		if read += int64(len(text)); read > most(q) {
			return listing.ErrTooMuch
		}
		if err := visit(text); err != nil {
			return err
		}
	}
	return nil
}

func most(q listing.Query) int64 {
	switch q.Most {
	case 0:
		return listing.DefaultMost
	case listing.NoLimit:
		return 1 << 40
	}
	return q.Most
}
