package webhook

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/hold"
	"holdfast.dev/holdfast/api/v1alpha1"
)

// History is what the webhook asks the API server for, and only when a request
// really brings another pod template. The user waits for the answers.
//
// Lists come from the API server's cache, whatever its age. A list that is to be
// of this very moment waits there until the cache is told how far etcd has come,
// for up to a tenth of a second. The price is that a rollback may be held, and
// tried, that comes within that lag after the ReplicaSet it goes to; that a
// ReplicaSet is still there is asked of etcd. Reader must not have a cache of its own.
type History struct{ Reader client.Reader }

var replicaSetList = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "ReplicaSetList"}

// +kubebuilder:rbac:groups=apps,resources=replicasets,verbs=get;list
// +kubebuilder:rbac:groups=holdfast.dev,resources=canaryruns,verbs=get

// Revisions returns the pod templates of all ReplicaSets that were made for a
// Deployment. Those with the asked template are there still.
func (h History) Revisions(ctx context.Context, namespace string, of deployment, asked hold.Hash) (revisions, error) {
	match, err := metav1.LabelSelectorAsSelector(of.selector())
	if err != nil {
		return nil, fmt.Errorf("selector of the Deployment: %w", err)
	}
	var list unstructured.UnstructuredList
	list.SetGroupVersionKind(replicaSetList)
	cached := &client.ListOptions{Namespace: namespace, LabelSelector: match, Raw: &metav1.ListOptions{ResourceVersion: "0"}}
	if err := h.Reader.List(ctx, &list, cached); err != nil {
		return nil, fmt.Errorf("list ReplicaSets of the Deployment: %w", err)
	}
	found := revisions{}
	for _, rs := range list.Items {
		if !madeFor(of, &rs) {
			continue
		}
		hash, err := hold.HashOf(withoutPodTemplateHash(deployment{rs.Object}.template()))
		if err != nil {
			return nil, fmt.Errorf("ReplicaSet %q: %w", rs.GetName(), err)
		}
		if hash == asked {
			if there, err := h.exists(ctx, &rs); err != nil {
				return nil, fmt.Errorf("read ReplicaSet %q: %w", rs.GetName(), err)
			} else if !there {
				continue
			}
		}
		number, _ := strconv.ParseInt(rs.GetAnnotations()[revisionAnnotation], 10, 64) // 0 where the controller has not numbered it yet
		found = append(found, revision{hash: hash, number: number})
	}
	return found, nil
}

// madeFor says whether the deployment controller made a ReplicaSet for this
// Deployment, by the name that it gives them. One that another Deployment, or
// somebody, made and left behind is adopted if its labels match; its template
// this Deployment may never have run.
//
// The controller cuts names of Deployments beyond 242 bytes. Two of them could
// share what is left, so theirs are no revisions.
func madeFor(d deployment, rs *unstructured.Unstructured) bool {
	controller, hash := metav1.GetControllerOf(rs), rs.GetLabels()[podTemplateHashLabel]
	return controller != nil && controller.UID == d.uid() && hash != "" && rs.GetName() == d.name()+"-"+hash
}

// exists says whether this very object is there still, and stays.
func (h History) exists(ctx context.Context, object *unstructured.Unstructured) (bool, error) {
	var live metav1.PartialObjectMetadata
	live.SetGroupVersionKind(object.GroupVersionKind())
	err := h.Reader.Get(ctx, client.ObjectKeyFromObject(object), &live)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return live.UID == object.GetUID() && live.DeletionTimestamp == nil, err
}

// What the deployment controller puts on ReplicaSets. The label has the hash that
// their names end with, also where it had to look for one that is free.
const (
	revisionAnnotation   = "deployment.kubernetes.io/revision"
	podTemplateHashLabel = "pod-template-hash"
)

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
	unstructured.RemoveNestedField(t, "metadata", "labels", podTemplateHashLabel)
	return t
}

// RunName returns the first unused name for a run of a template.
func (h History) RunName(ctx context.Context, namespace, deployment string, hash hold.Hash) (string, error) {
	for attempt := 1; ; attempt++ {
		name := v1alpha1.RunName(deployment, string(hash), attempt)
		var run metav1.PartialObjectMetadata
		run.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("CanaryRun"))
		err := h.Reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &run)
		if apierrors.IsNotFound(err) {
			return name, nil
		}
		if err != nil {
			return "", fmt.Errorf("look for CanaryRun %q: %w", name, err)
		}
	}
}
