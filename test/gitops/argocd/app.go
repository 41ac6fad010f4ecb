package argocd

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/cache"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/diff"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/kube"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"holdfast.dev/holdfast/test/gitops"
)

// App is one Application, with automated sync, self-healing without back-off
// (Argo CD's own begins at 2 s) and pruning.
type App struct {
	engine    *Engine
	namespace string
	name      string
	settings  Settings
	// attempted is the revision last synced: if it is again, a sync is one of
	// self-healing, and of the objects only that differ.
	attempted string
	// compared is what the last comparison found, by object.
	compared map[kube.ResourceKey]comparison
}

// comparison is kept as long as neither Git nor the live object moves.
type comparison struct {
	revision, version string
	result            diff.DiffResult
}

var _ gitops.Engine = (*App)(nil)

// App returns an Application that deploys to a namespace.
func (e *Engine) App(namespace string, settings Settings) *App {
	return &App{engine: e, namespace: namespace, name: namespace, settings: settings, compared: map[kube.ResourceKey]comparison{}}
}

// Manager implements gitops.Engine.
func (a *App) Manager() string { return manager }

// Round implements gitops.Engine: refresh, and sync if OutOfSync.
func (a *App) Round(ctx context.Context, git []*unstructured.Unstructured) (gitops.Round, error) {
	targets, revision := a.prepare(git)
	found, err := a.compare(ctx, targets, revision)
	if err != nil {
		return gitops.Round{}, err
	}
	if len(found.differing) == 0 {
		return gitops.Round{InSync: true}, nil
	}
	only := found.differing
	if revision != a.attempted {
		only = nil
	}
	a.attempted = revision
	if err := a.sync(ctx, targets, revision, only); err != nil {
		return gitops.Round{}, err
	}
	return gitops.Round{Applied: true, Difference: found.String()}, nil
}

// Sync implements gitops.Engine.
func (a *App) Sync(ctx context.Context, git []*unstructured.Unstructured) error {
	targets, revision := a.prepare(git)
	a.attempted = revision
	return a.sync(ctx, targets, revision, nil)
}

// prepare makes of manifests what the repository server makes of them; the
// revision is a hash of them.
func (a *App) prepare(git []*unstructured.Unstructured) (targets []*unstructured.Unstructured, revision string) {
	for _, manifest := range git {
		target := manifest.DeepCopy()
		target.SetNamespace(a.namespace)
		annotations := target.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[trackingID] = fmt.Sprintf("%s:%s/%s:%s/%s", a.name, target.GroupVersionKind().Group, target.GetKind(), a.namespace, target.GetName())
		target.SetAnnotations(annotations)
		targets = append(targets, target)
	}
	text, err := json.Marshal(targets)
	if err != nil {
		panic(fmt.Sprintf("manifests cannot be marshalled: %v", err)) // they were parsed from YAML
	}
	return targets, fmt.Sprintf("%x", sha256.Sum256(text))
}

// reconciliation pairs what Git says with what is live, as the cluster cache has it.
func (a *App) reconciliation(ctx context.Context, targets []*unstructured.Unstructured) (sync.ReconciliationResult, error) {
	mine := func(r *cache.Resource) bool { return r.Info == a.name }
	live, err := a.engine.cache.GetManagedLiveObjs(targets, mine)
	if err != nil {
		return sync.ReconciliationResult{}, fmt.Errorf("find live objects of %s: %w", a.name, err)
	}
	watched := append([]*unstructured.Unstructured{}, targets...)
	for _, object := range live {
		watched = append(watched, object)
	}
	if err := a.engine.catchUp(ctx, watched); err != nil {
		return sync.ReconciliationResult{}, err
	}
	if live, err = a.engine.cache.GetManagedLiveObjs(targets, mine); err != nil {
		return sync.ReconciliationResult{}, fmt.Errorf("find live objects of %s: %w", a.name, err)
	}
	return sync.Reconcile(targets, live, a.namespace, a.engine.cache), nil
}

// Health implements gitops.Engine.
func (a *App) Health(ctx context.Context, deployment string) (gitops.Health, error) {
	wanted := &unstructured.Unstructured{}
	wanted.SetAPIVersion("apps/v1")
	wanted.SetKind(kube.DeploymentKind)
	wanted.SetNamespace(a.namespace)
	wanted.SetName(deployment)
	live, err := a.engine.get(ctx, wanted)
	if err != nil {
		return gitops.Health{}, err
	}
	if live == nil {
		return gitops.Health{State: gitops.Missing}, nil
	}
	status, err := health.GetResourceHealth(live, nil)
	if err != nil {
		return gitops.Health{}, fmt.Errorf("health of Deployment %s/%s: %w", a.namespace, deployment, err)
	}
	return gitops.Health{State: gitops.State(status.Status), Message: status.Message}, nil
}

// findings are the objects that differ, and how.
type findings struct {
	differing map[kube.ResourceKey]bool
	text      strings.Builder
}

// String is for people.
func (f *findings) String() string { return f.text.String() }
