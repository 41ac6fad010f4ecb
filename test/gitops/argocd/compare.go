package argocd

import (
	"context"
	"fmt"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/diff"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/kube"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// compare finds the objects that are OutOfSync.
func (a *App) compare(ctx context.Context, targets []*unstructured.Unstructured, revision string) (*findings, error) {
	pairs, err := a.reconciliation(ctx, targets)
	if err != nil {
		return nil, err
	}
	applier, cleanup, err := a.engine.kubectl.ManageServerSideDiffDryRuns(a.engine.config)
	if err != nil {
		return nil, fmt.Errorf("prepare dry runs of Argo CD: %w", err)
	}
	defer cleanup()
	found := &findings{differing: map[kube.ResourceKey]bool{}}
	for i, target := range pairs.Target {
		live := pairs.Live[i]
		if target == nil || live == nil {
			key := keyOf(target, live)
			found.differing[key] = true
			fmt.Fprintf(&found.text, "%s: in Git %t, live %t\n", key, target != nil, live != nil)
			continue
		}
		result, err := a.difference(target, live, revision, applier)
		if err != nil {
			return nil, err
		}
		if result.Modified {
			found.differing[keyOf(target, live)] = true
			fmt.Fprintf(&found.text, "%s:\nlive      %s\npredicted %s\n", keyOf(target, live), result.NormalizedLive, result.PredictedLive)
		}
	}
	return found, nil
}

// difference compares one object. Like Argo CD it does so again only when Git
// or the live object has moved.
func (a *App) difference(target, live *unstructured.Unstructured, revision string, applier diff.KubeApplier) (diff.DiffResult, error) {
	key := keyOf(target, live)
	if last, ok := a.compared[key]; ok && last.revision == revision && last.version == live.GetResourceVersion() {
		return last.result, nil
	}
	result, err := diff.Diff(target.DeepCopy(), live.DeepCopy(), a.diffOptions(applier)...)
	if err != nil {
		return diff.DiffResult{}, fmt.Errorf("%s of %s: %w", a.settings.diff(), key, err)
	}
	a.compared[key] = comparison{revision: revision, version: live.GetResourceVersion(), result: *result}
	return *result, nil
}

func keyOf(target, live *unstructured.Unstructured) kube.ResourceKey {
	if target == nil {
		return kube.GetResourceKey(live)
	}
	return kube.GetResourceKey(target)
}
