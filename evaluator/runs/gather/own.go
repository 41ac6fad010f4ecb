package gather

import (
	"context"
	"errors"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/canary"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/hold"
)

// gatherOwn tells the run's own ReplicaSets and pods from what others made or
// changed. Whoever may write pods can have a ReplicaSet adopt some, or change the
// image of one, or an annotation that it reads: a pod is looked at when it is new and
// when its print changes, and what was found to be own stands in the status.
func (g *Gatherer) gatherOwn(ctx context.Context, seen *Observed) error {
	status := seen.CanaryRun.Status
	if status.Phase.Ended() || status.ReadyAt != nil { // its pods have come
		g.made.forget(client.ObjectKeyFromObject(seen.CanaryRun))
	}
	if status.Phase.Ended() {
		return nil
	}
	for _, set := range []*ownSet{
		{role: v1alpha1.RoleCanary, name: seen.CanaryName(), view: seen.Canary, pods: &seen.Pods, was: seen.CanaryRun.Status.Canary, is: &seen.ownCanary},
		{role: v1alpha1.RoleBaseline, name: seen.BaselineName(), view: seen.Baseline, pods: &seen.BaselinePods, was: seen.CanaryRun.Status.Baseline, is: &seen.ownBaseline},
	} {
		if err := g.gatherOwnSet(ctx, seen, set); err != nil {
			return err
		}
	}
	return nil
}

// ownSet is a ReplicaSet of a run whose pods are told from others.
type ownSet struct {
	role, name string
	// view is nil where there is no such ReplicaSet.
	view *lifecycle.Canary
	// pods are all that it controls, then its own.
	pods *[]corev1.Pod
	// was is what was known of it, is what is known now.
	was *v1alpha1.OwnSet
	is  **v1alpha1.OwnSet
	// live is the ReplicaSet as the API server has it, read when it is needed.
	live *unstructured.Unstructured
	// admitted is what admission makes of its template, likewise.
	admitted hold.Template
}

func (g *Gatherer) gatherOwnSet(ctx context.Context, seen *Observed, set *ownSet) error {
	own := &v1alpha1.OwnSet{Name: set.name}
	if set.was != nil && set.was.Name == set.name {
		own = set.was.DeepCopy()
	}
	*set.is = own
	rs := seen.Sets[set.name]
	if set.view == nil || rs == nil {
		return nil
	}
	all := *set.pods
	*set.pods = nil
	print := objects.PrintOfSet(rs)
	if own.UID != rs.UID || own.Print != string(print) {
		ours, err := g.isAsBuilt(ctx, seen, set)
		switch {
		case err != nil:
			return err
		case !ours && own.UID == rs.UID:
			seen.Others.Changed = fmt.Sprintf("the template of ReplicaSet %s was changed by others", rs.Name)
			return nil
		case !ours:
			set.view.Foreign = true
			return nil
		}
		own.UID, own.Print = rs.UID, string(print)
	}
	var found []corev1.Pod
	for _, pod := range all {
		ours, err := g.isOwnPod(ctx, seen, set, rs, pod)
		if err != nil {
			return err
		}
		if ours {
			found = append(found, pod)
		} else {
			own.Pods = slices.DeleteFunc(own.Pods, func(p v1alpha1.OwnPod) bool { return p.Name == pod.Name })
			if pod.DeletionTimestamp == nil {
				set.view.Available = 0 // it counts others too
			}
		}
	}
	*set.pods, own.Pods = found, remember(own.Pods, found)
	return nil
}

// isAsBuilt says whether a ReplicaSet that Holdfast does not remember to have made so
// has the template that it would have, were it made now. Where that cannot be said,
// of a run by hand whose Deployment has changed, it is believed: such a run changes
// nothing.
func (g *Gatherer) isAsBuilt(ctx context.Context, seen *Observed, set *ownSet) (bool, error) {
	var built *unstructured.Unstructured
	var err error
	if set.role == v1alpha1.RoleBaseline {
		built, err = seen.BuildBaseline(ctx, g.Objects)
	} else {
		built, err = g.canaryAsBuilt(ctx, *seen)
	}
	if errors.Is(err, canary.ErrInvalid) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if built == nil {
		return seen.CanaryRun.Spec.ByHand(), nil
	}
	live, err := g.liveSet(ctx, seen, set)
	if err != nil {
		return false, err
	}
	template, is := canary.TemplateOf(built), canary.TemplateOf(live)
	return canary.SameMetadata(template, is) && len(canary.Alterations(template, is, template)) == 0, nil
}

// liveSet reads a ReplicaSet from the API server: the cache has no templates. Of one that was made a moment
// ago the answer to that is known. It is the one that the cache has, or nothing is said of it: it may be
// changed back before the next look.
func (g *Gatherer) liveSet(ctx context.Context, seen *Observed, set *ownSet) (*unstructured.Unstructured, error) {
	if set.live != nil {
		return set.live, nil
	}
	if made := g.made.find(client.ObjectKeyFromObject(seen.CanaryRun), seen.Sets[set.name]); made != nil {
		set.live = made
		return made, nil
	}
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))
	if err := g.Objects.Live.Get(ctx, client.ObjectKey{Namespace: seen.CanaryRun.Namespace, Name: set.name}, live); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("%w: ReplicaSet %q is gone", objects.ErrStale, set.name)
		}
		return nil, fmt.Errorf("read ReplicaSet %q: %w", set.name, err)
	}
	print, err := printOfLiveSet(live)
	if err != nil {
		return nil, err
	}
	if cached := seen.Sets[set.name]; live.GetUID() != cached.UID || print != objects.PrintOfSet(cached) {
		return nil, fmt.Errorf("%w: ReplicaSet %q is another one", objects.ErrStale, set.name)
	}
	set.live = live
	return live, nil
}
