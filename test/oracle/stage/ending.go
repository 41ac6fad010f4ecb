package stage

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/oracle/manifest"
	"holdfast.dev/holdfast/webhook/deployment/clientstate"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
)

// release releases what is held, as the evaluator does, and says whether anything was.
func (s *side) release(ctx context.Context) (bool, error) {
	return s.end(ctx, func(_ *unstructured.Unstructured, record hold.Record) (map[string]any, error) {
		return map[string]any{v1alpha1.ReleaseAnnotation: record.ID}, nil
	})
}

// reject rejects what is held, as the evaluator does, and says whether anything was.
func (s *side) reject(ctx context.Context) (bool, error) {
	return s.end(ctx, func(live *unstructured.Unstructured, record hold.Record) (map[string]any, error) {
		memory, err := hold.ParseRejected(live.GetAnnotations()[v1alpha1.RejectedAnnotation], live.GetUID())
		if err != nil {
			return nil, err
		}
		encoded, err := memory.With(hold.Rejection{
			Hash: record.Hash, UID: record.UID, Run: record.Run, At: time.Now().UTC().Truncate(time.Second), Reason: v1alpha1.ReasonMetricOutOfRange,
		}).Encode()
		return map[string]any{
			v1alpha1.HeldAnnotation: nil, v1alpha1.RejectedAnnotation: encoded, v1alpha1.FailedAnnotation: string(record.Hash),
		}, err
	})
}

// end writes annotations of a Deployment with a hold, as the evaluator, and says whether there was
// one. Someone else's write in between makes it look again.
func (s *side) end(ctx context.Context, annotations func(*unstructured.Unstructured, hold.Record) (map[string]any, error)) (bool, error) {
	resource := s.stage.evaluator.Resource(deployments).Namespace(s.namespace)
	for {
		live, err := s.live(ctx)
		if live == nil || err != nil {
			return false, err
		}
		encoded := live.GetAnnotations()[v1alpha1.HeldAnnotation]
		if encoded == "" {
			return false, nil
		}
		record, err := s.stage.key.Open(encoded, live.GetUID())
		if err != nil {
			return false, nil //nolint:nilerr // the comparison finds it broken
		}
		written, err := annotations(live, record)
		if err != nil {
			return false, err
		}
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
			"resourceVersion": live.GetResourceVersion(), "annotations": written,
		}})
		if err != nil {
			return false, fmt.Errorf("encode the end of a hold: %w", err)
		}
		_, err = resource.Patch(ctx, manifest.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "holdfast"})
		if apierrors.IsConflict(err) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("end a hold: %w", err)
		}
		return true, nil
	}
}

// live is the Deployment as it stands in the API server, nil if there is none.
func (s *side) live(ctx context.Context) (*unstructured.Unstructured, error) {
	live, err := s.stage.objects.Resource(deployments).Namespace(s.namespace).Get(ctx, manifest.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read Deployment: %w", err)
	}
	return live, nil
}

// revert rejects what is held on the guarded side, and makes the unguarded Deployment one that was
// never asked for it: with the template of the guarded one, its owners, and the manifest that was
// applied with it.
func (l *Lane) revert(ctx context.Context) error {
	rejected, err := l.sides.Guarded.reject(ctx)
	if !rejected || err != nil {
		return err
	}
	like, err := l.sides.Guarded.live(ctx)
	if like == nil || err != nil {
		return err
	}
	return l.sides.Unguarded.become(ctx, like, l.sides.Guarded.normal.Name)
}

// become takes over the template of another Deployment with all that clients know of it. The first
// write changes the template, and makes its writer an owner; the second, which changes nothing
// else, says who the owners are.
func (s *side) become(ctx context.Context, other *unstructured.Unstructured, name func(time string) string) error {
	template, _, err := unstructured.NestedMap(other.Object, "spec", "template")
	if err != nil {
		return fmt.Errorf("read template: %w", err)
	}
	s.ownTimes(template, name)
	remembered := clientstate.LastApplied(other.GetAnnotations()[clientstate.LastAppliedAnnotation]).Template()
	causes := hold.BesideKeys(nil)
	cause, isSaid := other.GetAnnotations()[hold.ChangeCause]
	caused := clientstate.LastApplied(other.GetAnnotations()[clientstate.LastAppliedAnnotation]).Annotations(causes)
	var before ownership.Entries
	err = s.rewrite(ctx, func(live *unstructured.Unstructured) error {
		before = each(entries(live))
		annotations := live.GetAnnotations()
		if manifest := clientstate.LastApplied(annotations[clientstate.LastAppliedAnnotation]); manifest != "" {
			annotations[clientstate.LastAppliedAnnotation] = string(manifest.WithTemplate(remembered).WithAnnotations(causes, caused))
		}
		delete(annotations, hold.ChangeCause)
		if isSaid {
			annotations[hold.ChangeCause] = cause
		}
		live.SetAnnotations(annotations)
		return unstructured.SetNestedMap(live.Object, template, "spec", "template")
	})
	if err != nil {
		return err
	}
	owners, ownersOfCause := ownership.TemplateOwners(entries(other)), ownership.AnnotationOwners(entries(other), causes)
	return s.rewrite(ctx, func(live *unstructured.Unstructured) error {
		kept := ownership.WithAnnotations(ownership.WithTemplate(before, nil, owners), nil, causes, ownersOfCause)
		return unstructured.SetNestedSlice(live.Object, kept, "metadata", "managedFields")
	})
}

func entries(of *unstructured.Unstructured) ownership.Entries {
	found, _, _ := unstructured.NestedSlice(of.Object, "metadata", "managedFields")
	return found
}

// each has every manager once. A write of the number that is there to the scale subresource leaves
// a second entry of its manager in Kubernetes 1.36, with spec.replicas alone, and the next write
// keeps one of the two.
func each(all ownership.Entries) ownership.Entries {
	var out ownership.Entries
	places := map[string]int{}
	for _, entry := range all {
		e, _ := entry.(map[string]any)
		who := fmt.Sprint(e["manager"], e["operation"], e["apiVersion"], e["subresource"])
		place, twice := places[who]
		switch {
		case !twice:
			places[who] = len(out)
			out = append(out, entry)
		case len(fmt.Sprint(e)) > len(fmt.Sprint(out[place])):
			out[place] = entry
		}
	}
	return out
}

// ownTimes puts in place of the time of a restart that of this side's own.
func (s *side) ownTimes(template map[string]any, name func(time string) string) {
	path := []string{"metadata", "annotations", hold.RestartedAt}
	time, restarted, _ := unstructured.NestedString(template, path...)
	if restarted {
		_ = unstructured.SetNestedField(template, s.normal.Time(name(time)), path...) // it was there, so it fits
	}
}

// rewrite changes the Deployment. Someone else's write in between makes it begin anew.
func (s *side) rewrite(ctx context.Context, change func(*unstructured.Unstructured) error) error {
	for {
		live, err := s.live(ctx)
		if live == nil || err != nil {
			return err
		}
		changed := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(live.Object)}
		if err := change(changed); err != nil {
			return fmt.Errorf("rewrite Deployment: %w", err)
		}
		_, err = s.stage.objects.Resource(deployments).Namespace(s.namespace).Update(ctx, changed, metav1.UpdateOptions{FieldManager: "oracle"})
		if apierrors.IsConflict(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("rewrite Deployment: %w", err)
		}
		return nil
	}
}
