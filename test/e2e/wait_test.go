package e2e

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// patience is how long anything may take that is waited for. It is a bound for
// a stuck scenario, not an assertion on speed.
const patience = 90 * time.Second

// await watches an object until what is said of it is true, and returns it as
// it is then. The object need not exist yet.
func await[T client.Object](s *shop, what, name string, object T, is func(T) bool) T {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	var last T
	event, err := watchtools.UntilWithSync(ctx, listWatch(s, name, object), object, nil, func(e watch.Event) (bool, error) {
		seen, ok := e.Object.(T)
		if !ok || e.Type == watch.Deleted {
			return false, nil
		}
		last = seen
		return is(seen), nil
	})
	if err != nil {
		s.t.Fatalf("waiting until %s: %v; last seen: %s", what, err, brief(last))
	}
	return event.Object.(T)
}

// awaitGone watches an object until it is not there.
func awaitGone[T client.Object](s *shop, name string, object T) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	gone := func(store cache.Store) (bool, error) { return len(store.List()) == 0, nil }
	_, err := watchtools.UntilWithSync(ctx, listWatch(s, name, object), object, gone, func(e watch.Event) (bool, error) {
		return e.Type == watch.Deleted, nil
	})
	if err != nil {
		s.t.Fatalf("waiting until %T %s is gone: %v", object, name, err)
	}
}

// awaitNone waits until a list is empty.
func awaitNone(s *shop, what string, list client.ObjectList, options ...client.ListOption) {
	s.t.Helper()
	awaitList(s, "there are no "+what, list, func(n int) bool { return n == 0 }, options)
}

// awaitSome waits until a list is not empty.
func awaitSome(s *shop, what string, list client.ObjectList, options ...client.ListOption) {
	s.t.Helper()
	awaitList(s, "there is "+what, list, func(n int) bool { return n > 0 }, options)
}

// awaitList lists and watches what is in the shop until there are as many as wanted.
func awaitList(s *shop, what string, list client.ObjectList, wanted func(int) bool, options []client.ListOption) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	options = append(options, client.InNamespace(s.namespace))
	for {
		if err := world.client.List(ctx, list, options...); err != nil {
			s.t.Fatalf("list until %s: %v", what, err)
		}
		n := meta.LenList(list)
		if wanted(n) {
			return
		}
		if err := nextChange(ctx, list, options); err != nil {
			s.t.Fatalf("waiting until %s: %v; there are %d", what, err, n)
		}
	}
}

// nextChange returns when something of a list has changed.
func nextChange(ctx context.Context, list client.ObjectList, options []client.ListOption) error {
	version := client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.GetResourceVersion()}}
	w, err := world.client.Watch(ctx, list, append(options, &version)...)
	if err != nil {
		return err
	}
	defer w.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case _, open := <-w.ResultChan():
		if !open {
			return errors.New("the watch ended")
		}
		return nil
	}
}

func get[T client.Object](s *shop, name string, object T) T {
	s.t.Helper()
	if err := world.client.Get(s.t.Context(), client.ObjectKey{Namespace: s.namespace, Name: name}, object); err != nil {
		s.t.Fatalf("get %T %s: %v", object, name, err)
	}
	return object
}

// listWatch lists and watches one object by its name.
func listWatch(s *shop, name string, object client.Object) cache.ListerWatcher {
	kinds, _, err := world.client.Scheme().ObjectKinds(object)
	if err != nil {
		s.t.Fatal(err)
	}
	newList := func() client.ObjectList {
		list, err := world.client.Scheme().New(kinds[0].GroupVersion().WithKind(kinds[0].Kind + "List"))
		if err != nil {
			s.t.Fatal(err)
		}
		return list.(client.ObjectList)
	}
	options := func(raw metav1.ListOptions) *client.ListOptions {
		raw.FieldSelector = fields.OneTermEqualSelector("metadata.name", name).String()
		out := &client.ListOptions{Raw: &raw, FieldSelector: fields.OneTermEqualSelector("metadata.name", name)}
		if namespaced, err := world.client.IsObjectNamespaced(object); err == nil && namespaced {
			out.Namespace = s.namespace
		}
		return out
	}
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, raw metav1.ListOptions) (runtime.Object, error) {
			list := newList()
			return list, world.client.List(ctx, list, options(raw))
		},
		WatchFuncWithContext: func(ctx context.Context, raw metav1.ListOptions) (watch.Interface, error) {
			return world.client.Watch(ctx, newList(), options(raw))
		},
	}
}

func brief(object any) string {
	text := fmt.Sprintf("%+v", object)
	return text[:min(len(text), 1500)]
}
