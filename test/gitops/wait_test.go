package gitops_test

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// patience is how long anything may take that is waited for. It is a bound for
// a stuck scenario, not an assertion on speed.
const patience = 2 * time.Minute

// await watches the objects of a kind in the shop until one of them is as said.
func await[T client.Object](s *shop, what string, list client.ObjectList, is func(T) bool) T {
	s.t.Helper()
	var found T
	err := s.watch(list, func(e watch.Event) bool {
		object, ok := e.Object.(T)
		if !ok || e.Type == watch.Deleted || !is(object) {
			return false
		}
		found = object
		return true
	})
	if err != nil {
		s.t.Fatalf("waiting until %s: %v", what, err)
	}
	return found
}

// awaitGone watches the objects of a kind in the shop until there are none.
func (s *shop) awaitGone(list client.ObjectList) {
	s.t.Helper()
	for {
		if err := world.client.List(s.t.Context(), list, client.InNamespace(s.namespace)); err != nil {
			s.t.Fatalf("list %T: %v", list, err)
		}
		if meta.LenList(list) == 0 {
			return
		}
		if err := s.watch(list, func(e watch.Event) bool { return e.Type == watch.Deleted }); err != nil {
			s.t.Fatalf("waiting until there are no %T: %v", list, err)
		}
	}
}

// watch sees every object of a kind in the shop and what becomes of it, until one look is enough.
func (s *shop) watch(list client.ObjectList, enough func(watch.Event) bool) error {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	none := func(store cache.Store) (bool, error) {
		return len(store.List()) == 0 && enough(watch.Event{Type: watch.Deleted}), nil
	}
	options := func(raw metav1.ListOptions) *client.ListOptions {
		return &client.ListOptions{Namespace: s.namespace, Raw: &raw}
	}
	fresh := func() client.ObjectList { return list.DeepCopyObject().(client.ObjectList) }
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, raw metav1.ListOptions) (runtime.Object, error) {
			l := fresh()
			return l, world.client.List(ctx, l, options(raw))
		},
		WatchFuncWithContext: func(ctx context.Context, raw metav1.ListOptions) (watch.Interface, error) {
			return world.client.Watch(ctx, fresh(), options(raw))
		},
	}
	_, err := watchtools.UntilWithSync(ctx, lw, elementOf(list), none, func(e watch.Event) (bool, error) { return enough(e), nil })
	return err
}

func elementOf(list client.ObjectList) runtime.Object {
	switch list.(type) {
	case *appsv1.DeploymentList:
		return &appsv1.Deployment{}
	case *appsv1.ReplicaSetList:
		return &appsv1.ReplicaSet{}
	case *v1alpha1.CanaryRunList:
		return &v1alpha1.CanaryRun{}
	}
	panic(fmt.Sprintf("no scenario waits for %T", list))
}

// awaitRolledOut waits until every pod of web is of its template, and Ready, and
// Holdfast has put its stamp on the template, the last thing that is written.
func (s *shop) awaitRolledOut() {
	s.t.Helper()
	await(s, "web has rolled out", &appsv1.DeploymentList{}, func(d *appsv1.Deployment) bool {
		return d.Status.ObservedGeneration >= d.Generation && d.Status.UpdatedReplicas == *d.Spec.Replicas &&
			d.Status.AvailableReplicas == *d.Spec.Replicas && d.Status.Replicas == *d.Spec.Replicas && progressed(d) &&
			d.Annotations[v1alpha1.StableAnnotation] != ""
	})
}

// progressed: the deployment controller has said its last word on a rollout.
func progressed(d *appsv1.Deployment) bool {
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing {
			return c.Reason == "NewReplicaSetAvailable"
		}
	}
	return false
}

// awaitPhase waits for a phase of a run. It fails at once if the run ends in another.
func (s *shop) awaitPhase(run string, phase v1alpha1.Phase) *v1alpha1.CanaryRun {
	s.t.Helper()
	reached := await(s, fmt.Sprintf("run %s is %s", run, phase), &v1alpha1.CanaryRunList{}, func(r *v1alpha1.CanaryRun) bool {
		return r.Name == run && (r.Status.Phase == phase || r.Status.Phase.Ended())
	})
	if reached.Status.Phase != phase {
		s.t.Fatalf("run %s is %s (%s: %s), want %s", run, reached.Status.Phase, reached.Status.Reason, reached.Status.Message, phase)
	}
	return reached
}

// newRun waits for a run that is none of those known.
func (s *shop) newRun(known ...string) *v1alpha1.CanaryRun {
	s.t.Helper()
	return await(s, "there is a new run", &v1alpha1.CanaryRunList{}, func(r *v1alpha1.CanaryRun) bool {
		for _, name := range known {
			if r.Name == name {
				return false
			}
		}
		return true
	})
}
