// Package flux keeps a namespace as Flux's kustomize-controller does: with its
// resource manager (server-side apply after a dry run) and kstatus.
package flux

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/cli-utils/pkg/object"
	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/normalize"

	"holdfast.dev/holdfast/test/gitops"
)

const (
	controller = "kustomize-controller"
	group      = "kustomize.toolkit.fluxcd.io"
	// name is that of the Kustomization the engine stands for.
	name = "shop"
)

// Engine is the part of kustomize-controller that comes after the build, for
// one Kustomization with prune: true.
type Engine struct {
	namespace string
	client    client.Client
	manager   *ssa.ResourceManager
	// inventory is what the last round applied, status.inventory of a Kustomization.
	inventory []*unstructured.Unstructured
}

var _ gitops.Engine = (*Engine)(nil)

// New returns an engine for a namespace.
func New(config *rest.Config, namespace string) (*Engine, error) {
	c, err := client.New(config, client.Options{})
	if err != nil {
		return nil, fmt.Errorf("make a client for Flux: %w", err)
	}
	poller := polling.NewStatusPoller(c, c.RESTMapper(), polling.Options{})
	owner := ssa.Owner{Field: controller, Group: group}
	return &Engine{namespace: namespace, client: c, manager: ssa.NewResourceManager(c, poller, owner)}, nil
}

// Manager implements gitops.Engine.
func (e *Engine) Manager() string { return controller }

// Round implements gitops.Engine.
func (e *Engine) Round(ctx context.Context, git []*unstructured.Unstructured) (gitops.Round, error) {
	objects, err := e.prepare(git)
	if err != nil {
		return gitops.Round{}, err
	}
	changes, err := e.manager.ApplyAllStaged(ctx, objects, applyOptions())
	if err != nil {
		return gitops.Round{}, fmt.Errorf("apply with Flux in %s: %w", e.namespace, err)
	}
	pruned, err := e.prune(ctx, objects)
	if err != nil {
		return gitops.Round{}, err
	}
	var changed []string
	for _, entry := range append(changes.Entries, pruned...) {
		if entry.Action != ssa.UnchangedAction && entry.Action != ssa.SkippedAction {
			changed = append(changed, entry.String())
		}
	}
	e.inventory = objects
	return gitops.Round{InSync: len(changed) == 0, Applied: len(changed) > 0, Difference: strings.Join(changed, "\n")}, nil
}

// Sync implements gitops.Engine. Flux has no other way: `flux reconcile` is a round now.
func (e *Engine) Sync(ctx context.Context, git []*unstructured.Unstructured) error {
	_, err := e.Round(ctx, git)
	return err
}

// prepare makes of manifests what the controller's build makes of them.
func (e *Engine) prepare(git []*unstructured.Unstructured) ([]*unstructured.Unstructured, error) {
	objects := make([]*unstructured.Unstructured, len(git))
	for i, manifest := range git {
		objects[i] = manifest.DeepCopy()
		objects[i].SetNamespace(e.namespace)
	}
	e.manager.SetOwnerLabels(objects, name, e.namespace)
	if err := normalize.UnstructuredList(objects); err != nil {
		return nil, fmt.Errorf("normalize manifests as Flux does: %w", err)
	}
	return objects, nil
}

// applyOptions are those of KustomizationReconciler.apply.
func applyOptions() ssa.ApplyOptions {
	options := ssa.DefaultApplyOptions()
	options.ExclusionSelector = map[string]string{group + "/reconcile": "disabled", group + "/ssa": "Ignore"}
	options.IfNotPresentSelector = map[string]string{group + "/ssa": "IfNotPresent"}
	options.ForceSelector = map[string]string{group + "/force": "enabled"}
	options.Cleanup = ssa.ApplyCleanupOptions{
		Annotations: []string{corev1.LastAppliedConfigAnnotation, group + "/checksum", "fluxcd.io/sync-checksum"},
		Labels:      []string{"fluxcd.io/sync-gc-mark"},
		FieldManagers: []ssa.FieldManager{
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationApply},
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: "before-first-apply", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: controller, OperationType: metav1.ManagedFieldsOperationUpdate},
		},
		Exclusions: map[string]string{group + "/ssa": "Merge"},
	}
	return options
}

// prune deletes what the last round applied and Git no longer has.
func (e *Engine) prune(ctx context.Context, objects []*unstructured.Unstructured) ([]ssa.ChangeSetEntry, error) {
	kept := object.UnstructuredSetToObjMetadataSet(objects)
	var stale []*unstructured.Unstructured
	for _, o := range e.inventory {
		if !kept.Contains(object.UnstructuredToObjMetadata(o)) {
			stale = append(stale, o)
		}
	}
	if len(stale) == 0 {
		return nil, nil
	}
	options := ssa.DeleteOptions{
		PropagationPolicy: metav1.DeletePropagationBackground,
		Inclusions:        e.manager.GetOwnerLabels(name, e.namespace),
		Exclusions:        map[string]string{group + "/prune": "disabled", group + "/reconcile": "disabled"},
	}
	changes, err := e.manager.DeleteAll(ctx, stale, options)
	if err != nil {
		return nil, fmt.Errorf("prune with Flux in %s: %w", e.namespace, err)
	}
	return changes.Entries, nil
}

var states = map[status.Status]gitops.State{
	status.CurrentStatus:    gitops.Healthy,
	status.InProgressStatus: gitops.Progressing,
	status.FailedStatus:     gitops.Degraded,
}

// Health implements gitops.Engine, by kstatus.
func (e *Engine) Health(ctx context.Context, deployment string) (gitops.Health, error) {
	live := deploymentNamed(e.namespace, deployment)
	err := e.client.Get(ctx, client.ObjectKeyFromObject(live), live)
	if apierrors.IsNotFound(err) {
		return gitops.Health{State: gitops.Missing}, nil
	}
	if err != nil {
		return gitops.Health{}, fmt.Errorf("get Deployment %s/%s: %w", e.namespace, deployment, err)
	}
	result, err := status.Compute(live)
	if err != nil {
		return gitops.Health{}, fmt.Errorf("kstatus of Deployment %s/%s: %w", e.namespace, deployment, err)
	}
	state, known := states[result.Status]
	if !known {
		return gitops.Health{}, fmt.Errorf("kstatus of Deployment %s/%s is %s", e.namespace, deployment, result.Status)
	}
	return gitops.Health{State: state, Message: result.Message}, nil
}

func deploymentNamed(namespace, name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion("apps/v1")
	u.SetKind("Deployment")
	u.SetNamespace(namespace)
	u.SetName(name)
	return u
}
