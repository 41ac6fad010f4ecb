package webhook

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/hold"
	"holdfast.dev/holdfast/api/v1alpha1"
)

// History is what the webhook asks the API server for, and only when a request
// really brings another pod template. Reads are live: a cache could lag behind
// the very ReplicaSet that a rollback goes to.
type History struct{ Reader client.Reader }

var replicaSetList = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "ReplicaSetList"}

// +kubebuilder:rbac:groups=apps,resources=replicasets,verbs=list
// +kubebuilder:rbac:groups=holdfast.dev,resources=canaryruns,verbs=list

// Revisions returns the pod templates of all ReplicaSets that the Deployment
// with this UID controls.
func (h History) Revisions(ctx context.Context, namespace string, uid types.UID, selector *metav1.LabelSelector) (revisions, error) {
	match, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil, fmt.Errorf("selector of the Deployment: %w", err)
	}
	var list unstructured.UnstructuredList
	list.SetGroupVersionKind(replicaSetList)
	if err := h.Reader.List(ctx, &list, client.InNamespace(namespace), client.MatchingLabelsSelector{Selector: match}); err != nil {
		return nil, fmt.Errorf("list ReplicaSets of the Deployment: %w", err)
	}
	found := revisions{}
	for _, rs := range list.Items {
		if controller := metav1.GetControllerOf(&rs); controller == nil || controller.UID != uid {
			continue
		}
		hash, err := hold.HashOf(withoutPodTemplateHash(deployment{rs.Object}.template()))
		if err != nil {
			return nil, fmt.Errorf("ReplicaSet %q: %w", rs.GetName(), err)
		}
		number, _ := strconv.ParseInt(rs.GetAnnotations()[revisionAnnotation], 10, 64) // 0 where the controller has not numbered it yet
		found = append(found, revision{hash: hash, number: number})
	}
	return found, nil
}

// revisionAnnotation is the deployment controller's.
const revisionAnnotation = "deployment.kubernetes.io/revision"

// revisions are the templates that a Deployment ran, as far as its ReplicaSets
// remember. They are nil where nobody asked.
type revisions []revision

type revision struct {
	hash   hold.Hash
	number int64
}

func (r revisions) has(hash hold.Hash) bool {
	return slices.ContainsFunc(r, func(one revision) bool { return one.hash == hash })
}

// previous is the template of the newest revision but one, where kubectl rollout
// undo goes to; "" if there is none.
func (r revisions) previous() hold.Hash {
	var newest, previous revision
	for _, one := range r {
		switch {
		case one.number > newest.number:
			newest, previous = one, newest
		case one.number > previous.number:
			previous = one
		}
	}
	return previous.hash
}

// withoutPodTemplateHash undoes what the deployment controller adds to a template.
func withoutPodTemplateHash(t hold.Template) hold.Template {
	unstructured.RemoveNestedField(t, "metadata", "labels", "pod-template-hash")
	return t
}

// RunName returns the first unused name for a run of a template.
func (h History) RunName(ctx context.Context, namespace, deployment string, hash hold.Hash) (string, error) {
	var runs metav1.PartialObjectMetadataList
	runs.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("CanaryRunList"))
	err := h.Reader.List(ctx, &runs, client.InNamespace(namespace), client.MatchingLabels{
		v1alpha1.DeploymentLabel: v1alpha1.LabelValue(deployment),
		v1alpha1.HashLabel:       string(hash),
	})
	if err != nil {
		return "", fmt.Errorf("list runs of the Deployment: %w", err)
	}
	used := map[string]bool{}
	for _, run := range runs.Items {
		used[run.Name] = true
	}
	for attempt := 1; ; attempt++ {
		if name := v1alpha1.RunName(deployment, string(hash), attempt); !used[name] {
			return name, nil
		}
	}
}
