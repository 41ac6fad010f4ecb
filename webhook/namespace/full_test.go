package namespace

import (
	"context"
	"maps"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// fullNamespace takes no more annotations.
type fullNamespace struct {
	client.Client
	labels map[string]string
}

func (f *fullNamespace) Patch(_ context.Context, object client.Object, _ client.Patch, _ ...client.PatchOption) error {
	if object.GetAnnotations()[v1alpha1.PoliciesAnnotation] != "" {
		return apierrors.NewInvalid(schema.GroupKind{Kind: "Namespace"}, object.GetName(), nil)
	}
	f.labels = maps.Clone(object.GetLabels())
	return nil
}

// TestAFullNamespaceIsGuarded: where the annotation does not fit, the labels are put
// on all the same.
func TestAFullNamespaceIsGuarded(t *testing.T) {
	full := &fullNamespace{}
	ns := Metadata()
	err := (&Reconciler{Client: full}).mark(t.Context(), ns, marks{"required", "required", "r"})
	if !apierrors.IsInvalid(err) {
		t.Errorf("got error %v, want that of the annotation: it is tried again", err)
	}
	if full.labels[v1alpha1.CanaryLabel] != "required" || full.labels[v1alpha1.PolicyLabel] != "required" {
		t.Errorf("got labels %v", full.labels)
	}
}
