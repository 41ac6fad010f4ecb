package e2e

import (
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
