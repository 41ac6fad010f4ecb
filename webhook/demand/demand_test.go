package demand

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/webhook/demand/demandtest"
)

// TestANamespaceThatIsNewerThanTheCache: a namespace, its plan and its Deployments
// come in one file, and are looked at before the cache has seen the first of them.
func TestANamespaceThatIsNewerThanTheCache(t *testing.T) {
	gone := apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop")
	live := demandtest.Cache{Labels: map[string]string{v1alpha1.PolicyLabel: "required"}}
	for name, tc := range map[string]struct {
		live client.Reader
		fail bool
	}{
		"is read at the API server":                  {live, false},
		"is not there at all":                        {demandtest.Cache{Err: gone}, true},
		"is not looked for where there is no server": {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Policies{Reader: unseen{demandtest.Cache{Policies: demandtest.Strict(nil)}, gone}, Live: tc.live}.ForNamespace(t.Context(), "shop")
			if (err != nil) != tc.fail || !tc.fail && !d.Guarded() {
				t.Errorf("guarded: %v, error: %v", d.Guarded(), err)
			}
		})
	}
}

// unseen is a cache that has policies, and not the namespace.
type unseen struct {
	demandtest.Cache
	gone error
}

func (u unseen) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return u.gone
}
