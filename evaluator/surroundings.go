package evaluator

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/hold"
	"holdfast.dev/holdfast/evaluator/plan"
)

// What stands around a run is read from the API server itself when it is
// needed: watching every ReplicaSet and Service of the cluster would cost more.

const (
	podTemplateHash    = "pod-template-hash"
	revisionAnnotation = "deployment.kubernetes.io/revision"
)

// replicaSetsOf reads the ReplicaSets by which a Deployment runs its pods, as
// raw JSON, so that their templates hash as the Deployment's does.
func (e *evaluator) replicaSetsOf(ctx context.Context, d deployment) ([]plan.ReplicaSet, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("ReplicaSetList"))
	if err := e.listOwned(ctx, d, list); err != nil {
		return nil, err
	}
	var out []plan.ReplicaSet
	for i := range list.Items {
		if rs := &list.Items[i]; d.owns(rs) {
			out = append(out, viewReplicaSet(rs))
		}
	}
	return out, nil
}

func (e *evaluator) listOwned(ctx context.Context, d deployment, list client.ObjectList) error {
	raw, err := d.selector()
	if err != nil {
		return err
	}
	selector, err := metav1.LabelSelectorAsSelector(raw)
	if err != nil {
		return fmt.Errorf("selector of Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	if err := e.live.List(ctx, list, client.InNamespace(d.GetNamespace()), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return fmt.Errorf("list ReplicaSets of Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	return nil
}

func viewReplicaSet(rs *unstructured.Unstructured) plan.ReplicaSet {
	count := func(fields ...string) int32 {
		n, _, _ := unstructured.NestedInt64(rs.Object, fields...)
		return int32(n)
	}
	out := plan.ReplicaSet{
		Revision:  revision(rs),
		Wanted:    count("spec", "replicas"),
		Running:   count("status", "replicas"),
		Available: count("status", "availableReplicas"),
		Observed:  int64(count("status", "observedGeneration")) >= rs.GetGeneration(),
	}
	if template, found, err := unstructured.NestedMap(rs.Object, "spec", "template"); found && err == nil {
		unstructured.RemoveNestedField(template, "metadata", "labels", podTemplateHash)
		if hash, err := hold.HashOf(template); err == nil {
			out.Hash = string(hash)
		}
	}
	return out
}

func revision(o metav1.Object) int64 {
	n, err := strconv.ParseInt(o.GetAnnotations()[revisionAnnotation], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// stableReplicaSets are the names of the ReplicaSets that run the Deployment's
// own pods: those of its present revision.
func (e *evaluator) stableReplicaSets(ctx context.Context, d deployment) ([]string, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("ReplicaSetList"))
	if err := e.listOwned(ctx, d, list); err != nil {
		return nil, err
	}
	var names []string
	for i := range list.Items {
		if rs := &list.Items[i]; d.owns(rs) && revision(rs) == revision(d) {
			names = append(names, rs.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// serviceOf is the name of the first Service, in order of names, that selects
// the pods of a canary; "" if none does.
func (e *evaluator) serviceOf(ctx context.Context, replicaSet *unstructured.Unstructured) (string, error) {
	podLabels, _, err := unstructured.NestedStringMap(replicaSet.Object, "spec", "template", "metadata", "labels")
	if err != nil {
		return "", nil //nolint:nilerr // labels that are no strings are selected by nothing; the API server refuses them
	}
	var list corev1.ServiceList
	if err := e.live.List(ctx, &list, client.InNamespace(replicaSet.GetNamespace())); err != nil {
		return "", fmt.Errorf("list Services: %w", err)
	}
	var names []string
	for _, service := range list.Items {
		if len(service.Spec.Selector) > 0 && labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(podLabels)) {
			names = append(names, service.Name)
		}
	}
	if len(names) == 0 {
		return "", nil
	}
	return slices.Min(names), nil
}
