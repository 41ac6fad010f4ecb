// Package person does at the API server what one person asks the page for, with that person's own
// credentials: so the API server decides what the person may, its policies and its audit log see the person,
// and Holdfast lends nobody its own rights.
package person

import (
	"context"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// What is read and written.
var (
	runs        = v1alpha1.GroupVersion.WithResource("canaryruns")
	deployments = appsv1.SchemeGroupVersion.WithResource("deployments")
	events      = corev1.SchemeGroupVersion.WithResource("events")
)

// fieldManager is by what the writes of the page are known in metadata.managedFields.
const fieldManager = "holdfast-page"

// Person is who looks at the page, as the API server knows them.
type Person struct {
	objects dynamic.Interface
	auth    kubernetes.Interface
}

// New is the person with these credentials.
func New(config *rest.Config) (*Person, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1 // how much is too much the API server knows
	config.WarningHandler = rest.NoWarnings{}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	auth, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return &Person{objects, auth}, nil
}

// Name is under which the API server knows the person.
func (p *Person) Name(ctx context.Context) (string, error) {
	review, err := p.auth.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return "", err //nolint:wrapcheck // callers ask what kind of error it is
	}
	return review.Status.UserInfo.Username, nil
}

// May says whether the person has a verb on the canary runs of a namespace, of all namespaces if that is "".
func (p *Person) May(ctx context.Context, namespace, verb string) (bool, error) {
	review, err := p.auth.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: verb, Group: runs.Group, Resource: runs.Resource,
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, err //nolint:wrapcheck // callers ask what kind of error it is
	}
	return review.Status.Allowed, nil
}

// Run reads a run as it is now.
func (p *Person) Run(ctx context.Context, namespace, name string) (*v1alpha1.CanaryRun, error) {
	object, err := p.objects.Resource(runs).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err //nolint:wrapcheck // callers ask what kind of error it is
	}
	return Typed(object)
}

// Typed reads a run as the kind that it is.
func Typed(object *unstructured.Unstructured) (*v1alpha1.CanaryRun, error) {
	text, err := json.Marshal(object.Object)
	if err != nil {
		return nil, fmt.Errorf("read run %q: %w", object.GetName(), err)
	}
	var run v1alpha1.CanaryRun
	if err := json.Unmarshal(text, &run); err != nil {
		return nil, fmt.Errorf("read run %q: %w", object.GetName(), err)
	}
	return &run, nil
}
