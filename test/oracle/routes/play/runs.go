package play

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/oracle/manifest"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

// begin has an update of the Deployment held.
func (l *Lane) begin(ctx context.Context) error {
	if err := l.deploy(ctx); err != nil {
		return err
	}
	l.version++
	return l.setImage(ctx, fmt.Sprintf("v%d", l.version))
}

// deploy makes the Deployment where there is none, and waits until it can be guarded.
func (l *Lane) deploy(ctx context.Context) error {
	var d appsv1.Deployment
	err := l.stage.client.Get(ctx, l.deployment(), &d)
	if err == nil {
		return nil
	}
	if !apierrors.IsNotFound(err) {
		return fmt.Errorf("read Deployment: %w", err)
	}
	l.version++
	made, err := manifest.Render([]sequence.Word{{Key: "image", Value: fmt.Sprintf("v%d", l.version)}})
	if err != nil {
		return err
	}
	object := &unstructured.Unstructured{Object: made}
	object.SetNamespace(l.namespaces.Laid)
	if err := l.stage.client.Create(ctx, object); err != nil {
		return fmt.Errorf("make Deployment: %w", err)
	}
	return l.until(ctx, "the Deployment is not available", func(ctx context.Context) (bool, error) {
		err := l.stage.client.Get(ctx, l.deployment(), &d)
		return d.Status.AvailableReplicas > 0 && d.Status.ObservedGeneration == d.Generation && d.Annotations[v1alpha1.StableAnnotation] != "", err
	})
}

func (l *Lane) deployment() client.ObjectKey {
	return client.ObjectKey{Namespace: l.namespaces.Laid, Name: manifest.Name}
}

func (l *Lane) setImage(ctx context.Context, word string) error {
	target := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: l.namespaces.Laid, Name: manifest.Name}}
	patch := fmt.Sprintf(`[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":%q}]`, manifest.Image("app", word))
	if err := l.stage.client.Patch(ctx, target, client.RawPatch(types.JSONPatchType, []byte(patch))); err != nil {
		return fmt.Errorf("update Deployment: %w", err)
	}
	return nil
}

// running is the run of the update that is held, nil without one.
func (l *Lane) running(ctx context.Context) (*v1alpha1.CanaryRun, error) {
	var d appsv1.Deployment
	if err := l.stage.client.Get(ctx, l.deployment(), &d); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	encoded := d.Annotations[v1alpha1.HeldAnnotation]
	if encoded == "" {
		return nil, nil
	}
	record, err := l.stage.key.Open(encoded, d.UID)
	if err != nil {
		return nil, fmt.Errorf("open the record of the Deployment: %w", err)
	}
	var runs v1alpha1.CanaryRunList
	if err := l.stage.client.List(ctx, &runs, client.InNamespace(l.namespaces.Laid)); err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	i := slices.IndexFunc(runs.Items, func(r v1alpha1.CanaryRun) bool { return r.DeletionTimestamp == nil && r.Spec.Hold == record.ID })
	if i < 0 {
		return nil, nil
	}
	return &runs.Items[i], nil
}

// over says whether all runs have ended: one that was told to may yet lay the share that it was about to lay.
func (l *Lane) over(ctx context.Context) (bool, error) {
	var runs v1alpha1.CanaryRunList
	if err := l.stage.client.List(ctx, &runs, client.InNamespace(l.namespaces.Laid)); err != nil {
		return false, fmt.Errorf("list runs: %w", err)
	}
	return !slices.ContainsFunc(runs.Items, func(r v1alpha1.CanaryRun) bool {
		return !r.Status.Phase.Ended() || r.Status.Weight != nil
	}), nil
}

// decide writes what a person decides of the run that there is.
func (l *Lane) decide(ctx context.Context, spec string) error {
	var run *v1alpha1.CanaryRun
	err := l.until(ctx, "there is no run", func(ctx context.Context) (is bool, err error) {
		run, err = l.running(ctx)
		return run != nil, err
	})
	if err != nil {
		return err
	}
	if err := l.stage.client.Patch(ctx, run, client.RawPatch(types.MergePatchType, []byte(`{"spec":{`+spec+`}}`))); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("decide of run %s: %w", run.Name, err)
	}
	return nil
}

// end ends the run that there may be.
func (l *Lane) end(ctx context.Context, how string) error {
	switch how {
	case "abort":
		return l.decide(ctx, `"decision":"Abort"`)
	case "promote":
		return l.decide(ctx, `"decision":"Promote"`)
	case "delete":
		gone := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: l.namespaces.Laid, Name: manifest.Name}}
		if err := l.stage.client.Delete(ctx, gone, client.PropagationPolicy(metav1.DeletePropagationBackground)); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete Deployment: %w", err)
		}
		return nil
	case "withdraw":
		return l.withdraw(ctx)
	}
	return fmt.Errorf("end a run: it is not known how to %q", how)
}

// withdraw replaces the Deployment by its manifest, which has the stable template. A client that computes a
// change, from what is stored to that, would have nothing to send.
func (l *Lane) withdraw(ctx context.Context) error {
	var d appsv1.Deployment
	err := l.stage.client.Get(ctx, l.deployment(), &d)
	if err != nil || d.Annotations[v1alpha1.HeldAnnotation] == "" {
		return client.IgnoreNotFound(err)
	}
	made, err := manifest.Render([]sequence.Word{{Key: "image", Value: d.Spec.Template.Spec.Containers[0].Image[len(manifest.Image("app", "")):]}})
	if err != nil {
		return err
	}
	object := &unstructured.Unstructured{Object: made}
	object.SetNamespace(l.namespaces.Laid)
	for range tries {
		if err = l.stage.client.Get(ctx, l.deployment(), &d); err != nil {
			return client.IgnoreNotFound(err)
		}
		object.SetResourceVersion(d.ResourceVersion)
		if err = l.stage.client.Update(ctx, object.DeepCopy(), client.FieldOwner("kubectl-replace")); !apierrors.IsConflict(err) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("withdraw what is held: %w", err)
	}
	return nil
}
