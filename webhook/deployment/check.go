package deployment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/apiserver"
	"holdfast.dev/holdfast/webhook/deployment/precheck"
)

// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=update

// Check asks the API server, by a dry-run update, what it makes of a template
// that is about to be held. Validation and validating policies run after the
// webhook and see the stable template only; a refusal would come as late as
// the release.
type Check struct {
	// Updater sends the update. It must not wait for its turn (see apiserver.New).
	Updater Updater
	// User is the name of the user it sends it as: the evaluator's, whose
	// requests the webhook passes as they are.
	User string
	// Timeout is how long the answer may take. The request of the user waits
	// for it, and its own time is up after the timeoutSeconds of the webhook.
	Timeout time.Duration
}

// CheckTimeout leaves half of the ten seconds that the webhook has. What is not checked in time is held
// unchecked.
const CheckTimeout = 5 * time.Second

// Updater is what a Check needs of a client.
type Updater interface {
	Update(ctx context.Context, object client.Object, options ...client.UpdateOption) error
}

// checkManager is the field manager of checks. A dry run by it is never
// checked itself: should the API server know Holdfast by another user name than
// the webhook does, there is still an end.
const checkManager = "holdfast-check"

// checked is what a check came to.
type checked struct {
	finding precheck.Meaning
	// template is as the API server would store it, with defaults and what
	// other webhooks make of it; for Accepted only.
	template hold.Template
	// status is the refusal, for Refused only; why is the error, for NotChecked only.
	status metav1.Status
	why    error
	// warnings are what the API server and others have to say about it.
	warnings []string
}

// ask sends the Deployment of a request with a template.
func (c Check) ask(ctx context.Context, of update, template hold.Template, besides beside) checked {
	u := of.deploymentToCheck(template, besides)
	ctx, cancel := dispensable(ctx, c.Timeout)
	defer cancel()
	ctx, warnings := apiserver.CollectWarnings(ctx)
	err := c.Updater.Update(ctx, u, client.DryRunAll, client.FieldOwner(checkManager))
	out := checked{warnings: warnings.Texts}
	var status *apierrors.StatusError
	switch {
	case err == nil && u.GetAnnotations()[v1alpha1.HeldAnnotation] != "":
		out.finding = precheck.NotChecked
		out.why = fmt.Errorf("the API server does not know Holdfast as %s, and holds its requests too; see --service-account", c.User)
	case err == nil:
		out.finding, out.template = precheck.Accepted, workload.Deployment{Object: u.Object}.Template()
	case errors.As(err, &status):
		out.finding = precheck.Classify(status, precheck.Asked{User: c.User, Namespace: u.GetNamespace(), Name: u.GetName()})
		out.status, out.why = status.ErrStatus, err
	default:
		out.finding, out.why = precheck.NotChecked, err
	}
	return out
}

// deploymentToCheck is the Deployment as it would be once the template is released: without
// a record. The UID makes sure that it is the same Deployment; there is no
// resourceVersion, since what else has changed meanwhile is no matter here, and
// no managedFields, which would only be wrong. Owners and finalizers are the old
// ones: who may set them is a question about the user, not about the template.
//
// What stays as it was in the request is shared with it: a client encodes an object, and
// puts what it decodes into another map.
func (u update) deploymentToCheck(template hold.Template, besides beside) *unstructured.Unstructured {
	before := unstructured.Unstructured{Object: u.Old.Object}
	out := &unstructured.Unstructured{Object: maps.Clone(u.New.Object)}
	delete(out.Object, "status")
	cloneIn(out.Object, "metadata")
	out.SetResourceVersion("")
	out.SetManagedFields(nil)
	out.SetOwnerReferences(before.GetOwnerReferences())
	out.SetFinalizers(before.GetFinalizers())
	annotations := out.GetAnnotations() // a copy
	delete(annotations, v1alpha1.HeldAnnotation)
	delete(annotations, v1alpha1.ReleaseAnnotation)
	for _, key := range besides.keys {
		delete(annotations, key)
	}
	if annotations == nil && len(besides.annotations) > 0 {
		annotations = map[string]string{}
	}
	maps.Copy(annotations, besides.annotations)
	out.SetAnnotations(annotations)
	if spec := cloneIn(out.Object, "spec"); spec != nil {
		spec["template"] = template
	}
	return out
}

// cloneIn puts a shallow copy of an object in its place, and returns it; nil if there is none.
func cloneIn(m map[string]any, key string) map[string]any {
	inner, ok := m[key].(map[string]any)
	if !ok {
		return nil
	}
	inner = maps.Clone(inner)
	m[key] = inner
	return inner
}
