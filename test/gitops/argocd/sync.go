package argocd

import (
	"context"
	"fmt"
	"time"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync/common"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/kube"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// operation is a sync that goes on over several looks at the cluster.
type operation struct {
	phase   common.OperationPhase
	message string
	results []common.ResourceSyncResult
	started metav1.Time
}

// sync runs a sync operation to its end, of all objects or of only some.
func (a *App) sync(ctx context.Context, targets []*unstructured.Unstructured, revision string, only map[kube.ResourceKey]bool) error {
	op := &operation{phase: common.OperationRunning, started: metav1.Now()}
	for {
		change := a.engine.change()
		if err := a.step(ctx, op, targets, revision, only); err != nil {
			return err
		}
		if op.phase.Completed() {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("sync %s with Argo CD (%s): %w", a.name, op.message, ctx.Err())
		case <-change:
		case <-time.After(time.Second): // the operation's own refresh, as in the engine's Sync
		}
	}
	if !op.phase.Successful() {
		return fmt.Errorf("sync %s with Argo CD: %s: %s: %+v", a.name, op.phase, op.message, op.results)
	}
	return nil
}

// step is one look at the cluster, as the controller's SyncAppState.
func (a *App) step(ctx context.Context, op *operation, targets []*unstructured.Unstructured, revision string, only map[kube.ResourceKey]bool) error {
	pairs, err := a.reconciliation(ctx, targets)
	if err != nil {
		return err
	}
	foreground := metav1.DeletePropagationForeground
	e := a.engine
	syncing, cleanup, err := sync.NewSyncContext(revision, pairs, e.config, e.config, e.kubectl, a.namespace,
		sync.WithLogr(e.log),
		sync.WithOperationSettings(false, true, false, false),
		sync.WithInitialState(op.phase, op.message, op.results, op.started),
		sync.WithResourcesFilter(func(key kube.ResourceKey, _, _ *unstructured.Unstructured) bool {
			return only == nil || only[key]
		}),
		sync.WithManifestValidation(true),
		sync.WithPrunePropagationPolicy(&foreground),
		sync.WithServerSideApply(a.settings.ServerSideApply),
		sync.WithServerSideApplyManager(manager),
		sync.WithClientSideApplyMigration(true, common.DefaultClientSideApplyMigrationManager),
	)
	if err != nil {
		return fmt.Errorf("begin a sync of %s with Argo CD: %w", a.name, err)
	}
	defer cleanup()
	syncing.Sync()
	op.phase, op.message, op.results = syncing.GetState()
	return nil
}
