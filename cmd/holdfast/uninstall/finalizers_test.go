package uninstall

import (
	"context"
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestNoFinalizerIsLeft of Holdfast: those of others stay, and what is refused in one place is told.
func TestNoFinalizerIsLeft(t *testing.T) {
	configMap := func(namespace, name string, finalizers ...string) client.Object {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Finalizers: finalizers}}
	}
	now := metav1.Now()
	deleted := configMap("shop", "deleted", v1alpha1.ProtectFinalizer)
	deleted.SetDeletionTimestamp(&now)
	api := fake.NewClientBuilder().WithScheme(testScheme(t)).WithObjects(
		configMap("refuses", "a", v1alpha1.ProtectFinalizer), configMap("shop", "b"), deleted,
		configMap("shop", "both", "example.com/a", v1alpha1.ProtectFinalizer, "example.com/b"),
	).WithInterceptorFuncs(interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			if o.GetNamespace() == "refuses" {
				return apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, o.GetName(), errors.New("change freeze"))
			}
			return c.Patch(ctx, o, p, opts...)
		},
	}).Build()
	var out strings.Builder
	err := (&ending{Client: api, out: &out}).takeFinalizers(t.Context())
	wantSays(t, err, []string{"ConfigMap refuses/a", "change freeze"})
	for _, want := range []string{"shop/both is no longer protected\n", "shop/deleted is no longer protected, and it goes"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("printed is not %q:\n%s", want, out.String())
		}
	}
	var left corev1.ConfigMapList
	if err := api.List(t.Context(), &left, client.InNamespace("shop")); err != nil {
		t.Fatal(err)
	}
	for _, c := range left.Items {
		if got := strings.Join(c.Finalizers, " "); c.Name == "deleted" || strings.Contains(got, v1alpha1.Prefix) || c.Name == "both" && got != "example.com/a example.com/b" {
			t.Errorf("ConfigMap %s has the finalizers %q", c.Name, got)
		}
	}
}
