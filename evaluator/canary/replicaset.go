package canary

import (
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/probe/inject"
)

// ErrInvalid is wrapped by the errors for a template that cannot be run as a
// canary, however often it is tried.
var ErrInvalid = errors.New("the template cannot run as a canary")

// Spec is what a ReplicaSet of a run is built from.
type Spec struct {
	// Run, Namespace and UID are those of the CanaryRun, Name that of the
	// ReplicaSet.
	Run, Name, Namespace string
	UID                  types.UID
	// Role is RoleCanary or RoleBaseline.
	Role string
	// Deployment is the name of the Deployment, Selector its selector and
	// MinReadySeconds its minReadySeconds.
	Deployment      string
	Selector        *metav1.LabelSelector
	MinReadySeconds int64
	// Hash and Template are those that the pods run.
	Hash     hold.Hash
	Template hold.Template
	Replicas int32
	// Without are keys of labels of the template that the pods leave out, so that no Service of the
	// Deployment has them behind it.
	Without []string
	// Probe is what the sidecar that measures requests is put into the pods by, nil for pods without it.
	Probe *inject.Config
	// Hostname is that of the only pod of a canary, "" for pods that go by their names.
	Hostname string
}

// ReplicaSet builds a ReplicaSet of a run: that of its canary or that of its
// baseline. It belongs to the CanaryRun and never to the Deployment: its own
// labels do not match the Deployment's selector, so the deployment controller
// does not adopt it. Its pods do match, and so get their share of what the
// Deployment's Services send.
func ReplicaSet(s Spec) (*unstructured.Unstructured, error) {
	run := v1alpha1.LabelValue(s.Run)
	own := labels.Set(v1alpha1.CanaryReplicaSetLabels(s.Run, s.Deployment, string(s.Hash)))
	selector, err := metav1.LabelSelectorAsSelector(s.Selector)
	if err != nil {
		return nil, fmt.Errorf("%w: selector of the Deployment: %w", ErrInvalid, err)
	}
	if selector.Matches(own) {
		return nil, fmt.Errorf("%w: the Deployment's selector %q matches the ReplicaSet of the run itself", ErrInvalid, selector)
	}
	template, err := podTemplate(s)
	if err != nil {
		return nil, err
	}
	rs := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1",
		"kind":       "ReplicaSet",
		"spec": map[string]any{
			"replicas": int64(s.Replicas),
			"selector": map[string]any{"matchLabels": map[string]any{
				v1alpha1.RunLabel:  run,
				v1alpha1.RoleLabel: s.Role,
			}},
			"template": template,
		},
	}}
	if s.MinReadySeconds > 0 {
		_ = unstructured.SetNestedField(rs.Object, s.MinReadySeconds, "spec", "minReadySeconds") // spec is a map
	}
	rs.SetName(s.Name)
	rs.SetNamespace(s.Namespace)
	rs.SetLabels(own)
	owner := &metav1.ObjectMeta{Name: s.Run, UID: s.UID}
	rs.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(owner, v1alpha1.GroupVersion.WithKind("CanaryRun"))})
	return rs, nil
}

// podTemplate is a copy of the template with the labels of its role. A canary
// has its identity too; baseline pods are told from the Deployment's own by
// labels alone, so that they behave as those do.
func podTemplate(s Spec) (hold.Template, error) {
	if s.Template == nil {
		return nil, fmt.Errorf("%w: it is empty", ErrInvalid)
	}
	template := runtime.DeepCopyJSON(s.Template)
	meta, err := object(template, "metadata")
	if err != nil {
		return nil, err
	}
	podLabels, err := object(meta, "labels")
	if err != nil {
		return nil, err
	}
	for _, key := range v1alpha1.ReservedPodLabels {
		if _, taken := podLabels[key]; taken {
			return nil, fmt.Errorf("%w: it uses the label %s, by which pods are told apart", ErrInvalid, key)
		}
	}
	for _, key := range s.Without {
		delete(podLabels, key)
	}
	for key, value := range v1alpha1.PodLabels(s.Run, s.Role, string(s.Hash)) {
		podLabels[key] = value
	}
	if s.Role == v1alpha1.RoleCanary {
		if err := identify(template, podLabels, s.Hostname); err != nil {
			return nil, err
		}
	}
	if s.Probe != nil { // what is left who applied the template was told
		template, _ = inject.Into(template, *s.Probe)
	}
	return template, nil
}

// object returns the object below a key and puts an empty one there if there is none.
func object(parent map[string]any, key string) (map[string]any, error) {
	switch value := parent[key].(type) {
	case map[string]any:
		return value, nil
	case nil:
		made := map[string]any{}
		parent[key] = made
		return made, nil
	default:
		return nil, fmt.Errorf("%w: its %s is a %T, want an object", ErrInvalid, key, value)
	}
}
