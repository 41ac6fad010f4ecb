package evaluator

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/policy"
	"holdfast.dev/holdfast/internal/policy/load"
)

// reader reads objects: from the cache, where that has what is asked for, or from the API server itself.
type reader struct {
	cached client.Reader  // what is watched
	live   listing.Reader // the API server itself
	key    hold.Key       // opens held records
}

// errStale is for a step that was planned from what is no longer so.
var errStale = errors.New("planned from a state that has changed")

// conflictRetry is how long the cache gets to catch up after a write that was
// planned from an object that has changed.
const conflictRetry = 200 * time.Millisecond

func (r *reader) getDeployment(ctx context.Context, name types.NamespacedName) (deployment, error) {
	d := deployment{newDeployment()}
	if err := r.cached.Get(ctx, name, d.Unstructured); err != nil {
		return d, fmt.Errorf("read Deployment %q: %w", name, err)
	}
	return d, nil
}

// getNamespace reads the metadata of a namespace.
func (r *reader) getNamespace(ctx context.Context, name string) (*metav1.PartialObjectMetadata, error) {
	ns := newNamespace()
	if err := r.cached.Get(ctx, types.NamespacedName{Name: name}, ns); err != nil {
		return nil, fmt.Errorf("read namespace %q: %w", name, err)
	}
	return ns, nil
}

// stableTemplate reads the template that a Deployment runs, which the cache
// does not keep.
func (r *reader) stableTemplate(ctx context.Context, d deployment) (hold.Template, error) {
	live := newDeployment()
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(d), live); err != nil {
		return nil, fmt.Errorf("read template of Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	template, _, err := unstructured.NestedMap(live.Object, "spec", "template")
	if err != nil {
		return nil, fmt.Errorf("template of Deployment %q: %w", client.ObjectKeyFromObject(d), err)
	}
	return template, nil
}

// runsOf lists the runs of a Deployment.
func (r *reader) runsOf(ctx context.Context, d deployment) ([]v1alpha1.CanaryRun, error) {
	var list v1alpha1.CanaryRunList
	if err := r.listRuns(ctx, &list, client.ObjectKeyFromObject(d)); err != nil {
		return nil, err
	}
	var out []v1alpha1.CanaryRun
	for _, run := range list.Items {
		if run.Spec.Deployment == d.GetName() && d.owns(&run) {
			out = append(out, run)
		}
	}
	return out, nil
}

func (r *reader) listRuns(ctx context.Context, list *v1alpha1.CanaryRunList, deployment types.NamespacedName) error {
	return r.cached.List(ctx, list, client.InNamespace(deployment.Namespace),
		client.MatchingLabels{v1alpha1.DeploymentLabel: v1alpha1.LabelValue(deployment.Name)})
}

// demandsOn is what CanaryPolicies demand of a namespace with these labels.
func (r *reader) demandsOn(ctx context.Context, namespace map[string]string) (policy.Effective, error) {
	return load.ForNamespace(ctx, r.cached, namespace)
}

var podKind = corev1.SchemeGroupVersion.WithKind("Pod")
