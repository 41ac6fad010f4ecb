package command

import (
	"context"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// What the commands read and write.
var (
	runs        = v1alpha1.GroupVersion.WithResource("canaryruns")
	deployments = appsv1.SchemeGroupVersion.WithResource("deployments")
	services    = corev1.SchemeGroupVersion.WithResource("services")
	pods        = corev1.SchemeGroupVersion.WithResource("pods")
)

// fieldManager is by what the writes of these commands are known in metadata.managedFields.
const fieldManager = "kubectl-holdfast"

// cluster is an API server, as a user sees it.
type cluster struct {
	client dynamic.Interface
	// namespace is the one that was asked for.
	namespace string
}

// open reads the kubeconfig and the flags; it asks nobody yet.
func (s *session) open() (*cluster, error) {
	config, err := s.flags.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	namespace, _, err := s.flags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, err
	}
	// The API server limits whom it must. A limiter here refuses what might not be answered before a deadline,
	// and that is not to be told from a refusal by the server.
	config.QPS = -1
	config.WarningHandler = rest.NewWarningWriter(s.ErrOut, rest.WarningWriterOptions{Deduplicate: true})
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &cluster{client, namespace}, nil
}

func (c *cluster) in(kind schema.GroupVersionResource) dynamic.ResourceInterface {
	return c.client.Resource(kind).Namespace(c.namespace)
}

// typed reads an object as the kind that it is.
func typed[T any](object *unstructured.Unstructured) (*T, error) {
	text, err := json.Marshal(object.Object)
	if err != nil {
		return nil, err
	}
	var out T
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("read %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return &out, nil
}

func get[T any](ctx context.Context, c *cluster, kind schema.GroupVersionResource, name string) (*T, error) {
	object, err := c.in(kind).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return typed[T](object)
}

func list[T any](ctx context.Context, c *cluster, kind schema.GroupVersionResource, matching labels.Set) ([]T, error) {
	found, err := c.in(kind).List(ctx, metav1.ListOptions{LabelSelector: matching.String()})
	if err != nil {
		return nil, err
	}
	out := make([]T, 0, len(found.Items))
	for i := range found.Items {
		object, err := typed[T](&found.Items[i])
		if err != nil {
			return nil, err
		}
		out = append(out, *object)
	}
	return out, nil
}

// patch changes fields of an object, as a merge patch does.
func (c *cluster) patch(ctx context.Context, kind schema.GroupVersionResource, name string, changes map[string]any) error {
	text, err := json.Marshal(changes)
	if err != nil {
		return err
	}
	_, err = c.in(kind).Patch(ctx, name, types.MergePatchType, text, metav1.PatchOptions{FieldManager: fieldManager})
	return err
}
