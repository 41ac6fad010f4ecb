package evaluatortest

import (
	"context"
	"reflect"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/evaluator/objects"
)

// Trimming reads objects as the cache of CacheOptions shows them.
type Trimming struct{ client.Reader }

// Get implements client.Reader.
func (r Trimming) Get(ctx context.Context, name client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if err := r.Reader.Get(ctx, name, o, opts...); err != nil {
		return err
	}
	return trim(o)
}

// List implements client.Reader.
func (r Trimming) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if err := r.Reader.List(ctx, list, opts...); err != nil {
		return err
	}
	return meta.EachListItem(list, func(o runtime.Object) error { return trim(o.(client.Object)) })
}

// trim makes an object what the cache would keep of it.
func trim(o client.Object) error {
	for kind, by := range kept() {
		if reflect.TypeOf(kind) != reflect.TypeOf(o) || kind.GetObjectKind().GroupVersionKind() != o.GetObjectKind().GroupVersionKind() && !isTyped(o) {
			continue
		}
		trimmed, err := by.Transform(o)
		if u, ok := trimmed.(*unstructured.Unstructured); ok {
			o.(*unstructured.Unstructured).Object = u.Object
		}
		return err
	}
	return nil
}

var kept = sync.OnceValue(func() map[client.Object]cache.ByObject { return objects.CacheOptions(Key).ByObject })

// isTyped says whether the Go type of an object tells its kind.
func isTyped(o client.Object) bool {
	switch o.(type) {
	case *unstructured.Unstructured, *metav1.PartialObjectMetadata:
		return false
	}
	return true
}
