package objects

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/surround"
	"holdfast.dev/holdfast/internal/workload"
)

// What stands around a run is read from the API server itself when it is needed:
// watching every ReplicaSet and Service of the cluster would cost more. It is read
// one object at a time, for whoever may make them may make many and large ones.

// TooManyReplicaSets is why nobody knows how far a rollout is.
const TooManyReplicaSets = "the ReplicaSets that match its selector are too many or too large to be looked at; delete those that are needed no more"

// ReplicaSets reads the ReplicaSets by which a Deployment runs its pods, as
// raw JSON, so that their templates hash as the Deployment's does.
func (r *Reader) ReplicaSets(ctx context.Context, d Deployment) ([]lifecycle.ReplicaSetState, error) {
	var out []lifecycle.ReplicaSetState
	err := r.EachReplicaSet(ctx, d, false, func(rs workload.ReplicaSet) { out = append(out, viewReplicaSet(rs)) })
	return out, err
}

// EachReplicaSet visits the ReplicaSets of a Deployment.
func (r *Reader) EachReplicaSet(ctx context.Context, d Deployment, metadataOnly bool, visit func(workload.ReplicaSet)) error {
	selector, err := r.ParsedSelector(ctx, d)
	if err != nil {
		return err
	}
	err = r.Live.Each(ctx, listing.Query{
		Kind: workload.ReplicaSetKind, Namespace: d.GetNamespace(), Selector: selector, MetadataOnly: metadataOnly,
	}, func(object []byte) error {
		rs, err := listing.Decode[workload.ReplicaSet](object)
		if err == nil && rs.ControlledBy(d.GetUID()) {
			visit(rs)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("list ReplicaSets of Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	return nil
}

func viewReplicaSet(rs workload.ReplicaSet) lifecycle.ReplicaSetState {
	out := lifecycle.ReplicaSetState{
		PodHash:   rs.Metadata.Labels.TemplateHash,
		Revision:  rs.Revision(),
		Wanted:    rs.Spec.Replicas,
		Running:   rs.Status.Replicas,
		Available: rs.Status.AvailableReplicas,
		Observed:  rs.Status.ObservedGeneration >= rs.Metadata.Generation,
		Failure:   rs.Failure(),
	}
	if hash, err := rs.Hash(); err == nil {
		out.Hash = string(hash)
	}
	return out
}

// ServiceFor is the name of the first Service, in order of names, that selects
// the pods of a canary; "" if none does.
func (r *Reader) ServiceFor(ctx context.Context, replicaSet *unstructured.Unstructured) (string, error) {
	podLabels, _, err := unstructured.NestedStringMap(replicaSet.Object, "spec", "template", "metadata", "labels")
	if err != nil {
		return "", nil //nolint:nilerr // labels that are no strings are selected by nothing; the API server refuses them
	}
	first := ""
	err = r.Live.Each(ctx, listing.Query{
		Kind: corev1.SchemeGroupVersion.WithKind("Service"), Namespace: replicaSet.GetNamespace(),
	}, func(object []byte) error {
		service, err := listing.Decode[corev1.Service](object)
		selector := surround.Selector(service)
		selects := len(selector) > 0 && labels.SelectorFromSet(selector).Matches(labels.Set(podLabels))
		if err == nil && selects && (first == "" || service.Name < first) {
			first = service.Name
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("list Services: %w", err)
	}
	return first, nil
}
