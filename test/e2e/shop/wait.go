package shop

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Patience is how long anything may take that is waited for. It is a bound for
// a stuck scenario, not an assertion on speed.
const Patience = 3 * time.Minute

// Await watches an object until what is said of it is true, and returns it as
// it is then. The object need not exist yet.
func Await[T client.Object](s *Shop, what, name string, object T, is func(T) bool) T {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(s.T.Context(), Patience)
	defer cancel()
	var last T
	event, err := watchtools.UntilWithSync(ctx, ListWatch(s, name, object), object, nil, func(e watch.Event) (bool, error) {
		seen, ok := e.Object.(T)
		if !ok || e.Type == watch.Deleted {
			return false, nil
		}
		last = seen
		return is(seen), nil
	})
	if err != nil {
		s.T.Fatalf("waiting until %s: %v; last seen: %s", what, err, brief(last))
	}
	return event.Object.(T)
}

// AwaitGone watches an object until it is not there.
func AwaitGone[T client.Object](s *Shop, name string, object T) {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(s.T.Context(), Patience)
	defer cancel()
	gone := func(store cache.Store) (bool, error) { return len(store.List()) == 0, nil }
	_, err := watchtools.UntilWithSync(ctx, ListWatch(s, name, object), object, gone, func(e watch.Event) (bool, error) {
		return e.Type == watch.Deleted, nil
	})
	if err != nil {
		s.T.Fatalf("waiting until %T %s is gone: %v", object, name, err)
	}
}

// AwaitNone waits until a list is empty.
func AwaitNone(s *Shop, what string, list client.ObjectList, options ...client.ListOption) {
	s.T.Helper()
	AwaitList(s, "there are no "+what, list, func(n int) bool { return n == 0 }, options)
}

// AwaitSome waits until a list is not empty.
func AwaitSome(s *Shop, what string, list client.ObjectList, options ...client.ListOption) {
	s.T.Helper()
	AwaitList(s, "there is "+what, list, func(n int) bool { return n > 0 }, options)
}

// AwaitList lists and watches what is in the shop until there are as many as wanted.
func AwaitList(s *Shop, what string, list client.ObjectList, wanted func(int) bool, options []client.ListOption) {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(s.T.Context(), Patience)
	defer cancel()
	options = append(options, client.InNamespace(s.Namespace))
	for {
		if err := World.Client.List(ctx, list, options...); err != nil {
			s.T.Fatalf("list until %s: %v", what, err)
		}
		n := meta.LenList(list)
		if wanted(n) {
			return
		}
		if err := nextChange(ctx, list, options); err != nil {
			s.T.Fatalf("waiting until %s: %v; there are %d", what, err, n)
		}
	}
}

// nextChange returns when something of a list has changed.
func nextChange(ctx context.Context, list client.ObjectList, options []client.ListOption) error {
	version := client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.GetResourceVersion()}}
	w, err := World.Client.Watch(ctx, list, append(options, &version)...)
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

// Get reads an object of the shop.
func Get[T client.Object](s *Shop, name string, object T) T {
	s.T.Helper()
	if err := World.Client.Get(s.T.Context(), client.ObjectKey{Namespace: s.Namespace, Name: name}, object); err != nil {
		s.T.Fatalf("get %T %s: %v", object, name, err)
	}
	return object
}

// ListWatch lists and watches one object by its name.
func ListWatch(s *Shop, name string, object client.Object) cache.ListerWatcher {
	kinds, _, err := World.Client.Scheme().ObjectKinds(object)
	if err != nil {
		s.T.Fatal(err)
	}
	newList := func() client.ObjectList {
		kind := kinds[0].GroupVersion().WithKind(kinds[0].Kind + "List")
		if _, any := object.(*unstructured.Unstructured); any {
			list := &unstructured.UnstructuredList{}
			list.SetGroupVersionKind(kind)
			return list
		}
		list, err := World.Client.Scheme().New(kind)
		if err != nil {
			s.T.Fatal(err)
		}
		return list.(client.ObjectList)
	}
	options := func(raw metav1.ListOptions) *client.ListOptions {
		raw.FieldSelector = fields.OneTermEqualSelector("metadata.name", name).String()
		out := &client.ListOptions{Raw: &raw, FieldSelector: fields.OneTermEqualSelector("metadata.name", name)}
		if namespaced, err := World.Client.IsObjectNamespaced(object); err == nil && namespaced {
			out.Namespace = s.Namespace
		}
		return out
	}
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, raw metav1.ListOptions) (runtime.Object, error) {
			list := newList()
			return list, World.Client.List(ctx, list, options(raw))
		},
		WatchFuncWithContext: func(ctx context.Context, raw metav1.ListOptions) (watch.Interface, error) {
			return World.Client.Watch(ctx, newList(), options(raw))
		},
	}
}

func brief(object any) string {
	text := fmt.Sprintf("%+v", object)
	return text[:min(len(text), 1500)]
}

// AwaitCan waits until the API server knows that a user may do something.
func (s *Shop) AwaitCan(user, verb, resource string) { s.AwaitAccess("yes", user, verb, resource) }

// AwaitAccess waits for an answer, "yes" or "no", of kubectl auth can-i.
func (s *Shop) AwaitAccess(answer, user, verb, resource string) {
	deadline := time.After(Patience)
	for {
		result, err := World.Cluster.Kubectl(context.Background(), "", "auth", "can-i", verb, resource, "-n", s.Namespace, "--as", user)
		if err != nil {
			s.T.Fatal(err)
		}
		if strings.TrimSpace(result.Stdout) == answer {
			return
		}
		select {
		case <-deadline:
			s.T.Fatalf("may %s %s %s: %s, not %s", user, verb, resource, result.Stdout, answer)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// AwaitReason waits until a run says why it is where it is.
func (s *Shop) AwaitReason(run, reason string) *v1alpha1.CanaryRun {
	s.T.Helper()
	return Await(s, fmt.Sprintf("run %s says %s", run, reason), run, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
		return r.Status.Reason == reason
	})
}

// AwaitEvent waits for an event of a reason about the Deployment.
func AwaitEvent(s *Shop, reason string) {
	s.T.Helper()
	AwaitSome(s, "event "+reason, &eventsv1.EventList{}, MatchingFields("reason", reason))
}

// Until asks again and again, as AwaitGuarded does.
func Until(s *Shop, what string, is func() bool) {
	s.T.Helper()
	deadline := time.After(Patience)
	for !is() {
		select {
		case <-deadline:
			s.T.Fatalf("waiting until %s", what)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// WantEvents waits for events on the Deployment.
func (s *Shop) WantEvents(reasons ...string) {
	s.T.Helper()
	for _, reason := range reasons {
		AwaitSome(s, "event "+reason+" on the Deployment", &corev1.EventList{}, MatchingFields(
			"involvedObject.kind", "Deployment", "involvedObject.name", "web", "reason", reason))
	}
}

// AwaitProgressing waits for a reason of the condition Progressing.
func (s *Shop) AwaitProgressing(reason string) *appsv1.Deployment {
	s.T.Helper()
	return Await(s, "the rollout is in state "+reason, "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		for _, c := range d.Status.Conditions {
			if c.Type == appsv1.DeploymentProgressing && c.Reason == reason && d.Status.ObservedGeneration >= d.Generation {
				return true
			}
		}
		return false
	})
}

// AwaitRecorded waits until Prometheus has scraped both pods of a ReplicaSet of
// web several times, each with more requests answered than the time before.
func (s *Shop) AwaitRecorded(set string) {
	s.T.Helper()
	query := fmt.Sprintf(`count(increase(http_requests_total{namespace=%q, pod=~"%s-[a-z0-9]+", code="200"}[10s]) > 0)`, s.Namespace, set)
	Until(s, "Prometheus has seen both pods of "+set+" answer", func() bool { return s.Answer(query) == "2" })
}
