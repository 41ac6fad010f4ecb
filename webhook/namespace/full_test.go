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
	err := (&Reconciler{Client: full}).mark(t.Context(), ns, marks{canary: "required", policy: "required", policies: "r"})
	if !apierrors.IsInvalid(err) {
		t.Errorf("got error %v, want that of the annotation: it is tried again", err)
	}
	if full.labels[v1alpha1.CanaryLabel] != "required" || full.labels[v1alpha1.PolicyLabel] != "required" {
		t.Errorf("got labels %v", full.labels)
	}
}

// TestWhatANamespaceSaysOfStampsEndsWithItsGuard, and begins anew where a policy begins to guard: it guards
// Deployments, too, that had opted out.
func TestWhatANamespaceSaysOfStampsEndsWithItsGuard(t *testing.T) {
	for name, tc := range map[string]struct {
		had  map[string]string
		want marks
		says string
	}{
		"the guard ends":             {map[string]string{v1alpha1.CanaryLabel: "enabled"}, marks{}, ""},
		"a policy begins":            {map[string]string{v1alpha1.CanaryLabel: "enabled"}, marks{canary: "enabled", policy: "enabled", policies: "p"}, ""},
		"a policy asks for more":     {map[string]string{v1alpha1.CanaryLabel: "enabled", v1alpha1.PolicyLabel: "enabled"}, marks{canary: "required", policy: "required", policies: "p"}, "since then"},
		"a policy ends, people stay": {map[string]string{v1alpha1.CanaryLabel: "enabled", v1alpha1.PolicyLabel: "enabled"}, marks{canary: "enabled"}, "since then"},
	} {
		t.Run(name, func(t *testing.T) {
			written := &wholeNamespace{}
			ns := Metadata()
			ns.SetLabels(tc.had)
			ns.SetAnnotations(map[string]string{v1alpha1.StampedAnnotation: "since then"})
			if err := (&Reconciler{Client: written}).mark(t.Context(), ns, tc.want); err != nil {
				t.Fatal(err)
			}
			if got := written.annotations[v1alpha1.StampedAnnotation]; got != tc.says {
				t.Errorf("it says %q, want %q", got, tc.says)
			}
		})
	}
}

// wholeNamespace takes what is written.
type wholeNamespace struct {
	client.Client
	annotations map[string]string
}

func (w *wholeNamespace) Patch(_ context.Context, object client.Object, _ client.Patch, _ ...client.PatchOption) error {
	w.annotations = maps.Clone(object.GetAnnotations())
	return nil
}
