package deployment

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/finalizer"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/webhook/deployment/casetest"
)

// configMaps is an API server with ConfigMaps, and whoever writes their finalizers.
type configMaps struct {
	listing.Lister
	known   map[string]metav1.ObjectMeta
	may     bool
	patched []string
}

func (c *configMaps) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	m, is := o.(*metav1.PartialObjectMetadata)
	if !is || o.GetObjectKind().GroupVersionKind().Kind != "ConfigMap" {
		return c.Lister.Get(ctx, key, o, opts...)
	}
	found, there := c.known[key.Name]
	if !there {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, key.Name)
	}
	m.ObjectMeta = found
	return nil
}

func (c *configMaps) Create(_ context.Context, o client.Object, _ ...client.CreateOption) error {
	o.(*authorizationv1.SelfSubjectAccessReview).Status.Allowed = c.may
	return nil
}

func (c *configMaps) Patch(_ context.Context, o client.Object, p client.Patch, _ ...client.PatchOption) error {
	text, err := p.Data(o)
	c.patched = append(c.patched, o.GetName()+" "+string(p.Type())+" "+string(text))
	return err
}

// TestConfigMapsAreProtectedBeforeTheUpdateIsHeld, and by nothing that is no hold.
func TestConfigMapsAreProtectedBeforeTheUpdateIsHeld(t *testing.T) {
	naming := func(image string, names ...string) map[string]any {
		var from []any
		for _, name := range names {
			from = append(from, map[string]any{"configMapRef": map[string]any{"name": name}})
		}
		return map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "app", "image": image, "envFrom": from}}}}
	}
	stable := naming("holdfast.test/app:v1", "a", "gone", "hook", "b", "protected", "deleted")
	update := map[string]any{"spec": map[string]any{"template": naming("holdfast.test/app:v2", "c")}}
	asks := v1alpha1.CanaryPlanSpec{Protect: v1alpha1.ProtectConfigMaps}
	patch := func(name string) string {
		return name + " " + string(types.StrategicMergePatchType) + ` {"metadata":{"finalizers":["holdfast.dev/stable-template"],"uid":"uid-` + name + `"}}`
	}
	for name, tc := range map[string]struct {
		plan    v1alpha1.CanaryPlanSpec
		may     bool
		dryRun  bool
		request map[string]any
		want    []string
	}{
		"held, and the plan asks":    {asks, true, false, update, []string{patch("a"), patch("b")}},
		"the plan does not ask":      {v1alpha1.CanaryPlanSpec{Protect: v1alpha1.ProtectNone}, true, false, update, nil},
		"Holdfast may not":           {asks, false, false, update, nil},
		"a dry run":                  {asks, true, true, update, nil},
		"what is not held":           {asks, true, false, map[string]any{"spec": map[string]any{"replicas": 5}}, nil},
		"what passes, for it is off": {asks, true, false, map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.CanaryAnnotation: "disabled"}}, "spec": update["spec"]}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			handler, req := setUp(t, casetest.Case{Stable: map[string]any{"spec": map[string]any{"template": stable}}, Request: casetest.Submission{Patch: tc.request}})
			now := metav1.Now()
			api := &configMaps{Lister: handler.History.Reader, may: tc.may, known: map[string]metav1.ObjectMeta{
				"a": {UID: "uid-a"}, "b": {UID: "uid-b"}, "c": {UID: "uid-c"},
				"hook":      {UID: "uid-hook", Annotations: map[string]string{"helm.sh/hook": "pre-upgrade"}},
				"protected": {UID: "uid-protected", Finalizers: []string{v1alpha1.ProtectFinalizer}},
				"deleted":   {UID: "uid-deleted", DeletionTimestamp: &now},
			}}
			handler.History.Reader, handler.Protection = api, &finalizer.Right{Writer: api, Now: time.Now}
			handler.Plans = plansOf{specs: map[string]v1alpha1.CanaryPlanSpec{"default": tc.plan}}
			req.DryRun = &tc.dryRun
			resp := handler.Handle(t.Context(), req)
			if !resp.Allowed {
				t.Fatalf("refused: %+v", resp.Result)
			}
			if warned := strings.Contains(strings.Join(resp.Warnings, "\n"), "Holdfast may not change ConfigMaps"); warned != !tc.may {
				t.Errorf("told %q", resp.Warnings)
			}
			if !slices.Equal(api.patched, tc.want) {
				t.Errorf("patched\n%s\nwant\n%s", strings.Join(api.patched, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}
}
