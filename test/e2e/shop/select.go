package shop

import (
	"slices"

	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// WithRole selects the pods of a run.
var WithRole = client.HasLabels{v1alpha1.RoleLabel}

// InNamespace selects what is in the namespace of a shop.
func InNamespace(s *Shop) client.ListOption { return client.InNamespace(s.Namespace) }

// MatchingFields selects by fields, given as names and values in turn.
func MatchingFields(pairs ...string) client.ListOption {
	set := fields.Set{}
	for pair := range slices.Chunk(pairs, 2) {
		set[pair[0]] = pair[1]
	}
	return client.MatchingFieldsSelector{Selector: set.AsSelector()}
}
