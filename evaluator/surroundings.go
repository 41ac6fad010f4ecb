package evaluator

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/listing"
)

// What stands around a run is read from the API server itself when it is needed:
// watching every ReplicaSet and Service of the cluster would cost more. It is read
// one object at a time, for whoever may make them may make many and large ones.

const (
	podTemplateHash    = "pod-template-hash"
	revisionAnnotation = "deployment.kubernetes.io/revision"
)

// tooManyReplicaSets is why nobody knows how far a rollout is.
const tooManyReplicaSets = "the ReplicaSets that match its selector are too many or too large to be looked at; delete those that are needed no more"

// replicaSet is what is looked at of one.
type replicaSet struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		Replicas int32           `json:"replicas"`
		Template json.RawMessage `json:"template"`
	} `json:"spec"`
	Status struct {
		Replicas           int32 `json:"replicas"`
		AvailableReplicas  int32 `json:"availableReplicas"`
		ObservedGeneration int64 `json:"observedGeneration"`
	} `json:"status"`
}

// replicaSetsOf reads the ReplicaSets by which a Deployment runs its pods, as
// raw JSON, so that their templates hash as the Deployment's does.
func (e *evaluator) replicaSetsOf(ctx context.Context, d deployment) ([]lifecycle.ReplicaSet, error) {
	var out []lifecycle.ReplicaSet
	err := e.eachOwned(ctx, d, false, func(rs replicaSet) { out = append(out, rs.view()) })
	return out, err
}

// eachOwned visits the ReplicaSets of a Deployment.
func (e *evaluator) eachOwned(ctx context.Context, d deployment, metadataOnly bool, visit func(replicaSet)) error {
	raw, err := e.selectorOf(ctx, d)
	if err != nil {
		return err
	}
	selector, err := metav1.LabelSelectorAsSelector(raw)
	if err != nil {
		return fmt.Errorf("selector of Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	err = e.live.Each(ctx, listing.Query{
		Kind: appsv1.SchemeGroupVersion.WithKind("ReplicaSet"), Namespace: d.GetNamespace(), Selector: selector, MetadataOnly: metadataOnly,
	}, func(object []byte) error {
		rs, err := listing.Decode[replicaSet](object)
		if err == nil && d.owns(&rs) {
			visit(rs)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("list ReplicaSets of Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	return nil
}

func (rs replicaSet) view() lifecycle.ReplicaSet {
	out := lifecycle.ReplicaSet{
		Revision:  revision(&rs),
		Wanted:    rs.Spec.Replicas,
		Running:   rs.Status.Replicas,
		Available: rs.Status.AvailableReplicas,
		Observed:  rs.Status.ObservedGeneration >= rs.Generation,
	}
	var template hold.Template
	if err := utiljson.Unmarshal(rs.Spec.Template, &template); err == nil {
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
	var names []string
	err := e.eachOwned(ctx, d, true, func(rs replicaSet) {
		if revision(&rs) == revision(d) {
			names = append(names, rs.Name)
		}
	})
	slices.Sort(names)
	return names, err
}

// serviceOf is the name of the first Service, in order of names, that selects
// the pods of a canary; "" if none does.
func (e *evaluator) serviceOf(ctx context.Context, replicaSet *unstructured.Unstructured) (string, error) {
	podLabels, _, err := unstructured.NestedStringMap(replicaSet.Object, "spec", "template", "metadata", "labels")
	if err != nil {
		return "", nil //nolint:nilerr // labels that are no strings are selected by nothing; the API server refuses them
	}
	first := ""
	err = e.live.Each(ctx, listing.Query{
		Kind: corev1.SchemeGroupVersion.WithKind("Service"), Namespace: replicaSet.GetNamespace(),
	}, func(object []byte) error {
		service, err := listing.Decode[corev1.Service](object)
		selects := len(service.Spec.Selector) > 0 && labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(podLabels))
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
