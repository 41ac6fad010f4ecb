package gather

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/canary"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/refusal"
)

// isOwnPod says whether a pod that a ReplicaSet of a run controls was made by it and
// is as its template says. What it finds otherwise it notes in seen.
func (g *Gatherer) isOwnPod(ctx context.Context, seen *Observed, set *ownSet, rs *appsv1.ReplicaSet, pod corev1.Pod) (bool, error) {
	own, print := *set.is, objects.PrintOfPod(&pod)
	isKnown := slices.Contains(own.Pods, v1alpha1.OwnPod{Name: pod.Name, UID: pod.UID, Print: string(print)})
	wasKnown := slices.ContainsFunc(own.Pods, func(p v1alpha1.OwnPod) bool { return p.UID == pod.UID })
	if isKnown || pod.DeletionTimestamp != nil && !wasKnown { // one that was changed and then deleted was measured
		return isKnown, nil
	}
	if why := canary.WhyNotMade(rs, &pod); why != "" {
		seen.Others.Adopted = append(seen.Others.Adopted, lifecycle.UnwantedPod{
			Name: pod.Name, UID: pod.UID, ResourceVersion: pod.ResourceVersion, Why: why,
		})
		return false, nil
	}
	live, err := g.livePod(ctx, pod, print)
	if live == nil {
		return false, err
	}
	alterations, unclear, err := g.alterations(ctx, seen, set, live)
	switch {
	case err != nil:
		return false, err
	case unclear != "":
		seen.Others.Unclear = fmt.Sprintf("pod %s is not counted: %s; it is other than its template, and the API server does not say "+
			"what admission makes of that: %s", pod.Name, alterations[0], unclear)
	case len(alterations) > 0:
		seen.Others.Changed = fmt.Sprintf("pod %s was made or changed by others: %s", pod.Name, sentences(alterations))
	}
	return len(alterations) == 0, nil
}

// livePod reads a pod from the API server: the cache has no specs. It is the one that
// the cache has, or nothing is said of it; nil where it is gone.
func (g *Gatherer) livePod(ctx context.Context, pod corev1.Pod, print canary.Print) (*unstructured.Unstructured, error) {
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Pod"))
	if err := g.Objects.Live.Get(ctx, client.ObjectKeyFromObject(&pod), live); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("read pod %q: %w", pod.Name, err)
	}
	now, err := printOfLivePod(live)
	if err == nil && (live.GetUID() != pod.UID || now != print) {
		err = fmt.Errorf("%w: pod %q is another one", objects.ErrStale, pod.Name)
	}
	if err != nil {
		return nil, err
	}
	return live, nil
}

// alterations are what a pod has otherwise than its template. Most pods have nothing.
// Of the others the API server is asked, in a dry run, what admission makes of the
// template; unclear is its answer where it refuses to say.
func (g *Gatherer) alterations(ctx context.Context, seen *Observed, set *ownSet, pod *unstructured.Unstructured) (found []canary.Alteration, unclear string, err error) {
	live, err := g.liveSet(ctx, seen, set)
	if err != nil {
		return nil, "", err
	}
	template := canary.TemplateOf(live)
	if found = canary.Alterations(template, pod.Object, template); len(found) == 0 {
		return nil, "", nil
	}
	if set.admitted == nil {
		asked := canary.Pod(live)
		if err := g.Writer.Create(ctx, asked, client.DryRunAll); err != nil {
			if message, refused := refusal.Now(err); refused {
				return found, message, nil
			}
			return nil, "", fmt.Errorf("ask what admission makes of a pod of ReplicaSet %q: %w", set.name, err)
		}
		set.admitted = asked.Object
	}
	return canary.Alterations(template, pod.Object, set.admitted), "", nil
}

// sentences are the first of some alterations.
func sentences(all []canary.Alteration) string {
	const most = 3
	var out []string
	for _, d := range all[:min(most, len(all))] {
		out = append(out, d.String())
	}
	if more := len(all) - most; more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, "; ")
}
