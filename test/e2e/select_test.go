package e2e

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// withRole selects the pods of a run.
var withRole = client.HasLabels{v1alpha1.RoleLabel}

func inNamespace(s *shop) client.ListOption { return client.InNamespace(s.namespace) }

// matchingFields selects by fields, given as names and values in turn.
func matchingFields(pairs ...string) client.ListOption {
	set := fields.Set{}
	for i := 0; i < len(pairs); i += 2 {
		set[pairs[i]] = pairs[i+1]
	}
	return client.MatchingFieldsSelector{Selector: set.AsSelector()}
}

// awaitSome waits until a list is not empty.
func awaitSome(s *shop, what string, list client.ObjectList, options ...client.ListOption) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	options = append(options, client.InNamespace(s.namespace))
	for {
		if err := world.client.List(ctx, list, options...); err != nil {
			s.t.Fatalf("list %s: %v", what, err)
		}
		if meta.LenList(list) > 0 {
			return
		}
		if err := nextChange(ctx, list, options); err != nil {
			s.t.Fatalf("waiting for %s: %v", what, err)
		}
	}
}
