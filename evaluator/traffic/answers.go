package traffic

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// accepted reads what gateways say of a route as it is now: why they are not known to follow it, or why
// they do not. What one says that the route no longer names is of no account: not all take that back.
func (r seenRoute) accepted() (pending, refused string) {
	if r.isIstios() {
		pending, _ = r.reconciled()
		return pending, ""
	}
	if len(r.parentRefs()) == 0 {
		return fmt.Sprintf("%s names no gateway in spec.parentRefs, so none sends requests by it", r), ""
	}
	answered := false
	pending = fmt.Sprintf("no gateway has answered for %s", r)
	parents, _, _ := unstructured.NestedSlice(r.object.Object, "status", "parents")
	for _, parent := range parents {
		status, _ := parent.(map[string]any)
		ref, _ := status["parentRef"].(map[string]any)
		if !r.names(ref) {
			continue
		}
		if !answered {
			answered, pending = true, ""
		}
		conditions, _ := status["conditions"].([]any)
		for _, kind := range []string{"Accepted", "ResolvedRefs"} {
			condition := conditionOf(conditions, kind)
			observed, _ := condition["observedGeneration"].(int64)
			switch {
			case condition == nil && kind == "Accepted", condition != nil && observed < r.object.GetGeneration():
				pending = fmt.Sprintf("%v has not answered for %s yet", ref["name"], r)
			case condition != nil && condition["status"] == "False":
				refused = fmt.Sprintf("%s: %v does not take it: %s is False: %v", r, ref["name"], kind, condition["message"])
			}
		}
	}
	return pending, refused
}

// names says whether the spec of a route names this parent.
func (r seenRoute) names(parent map[string]any) bool {
	return slices.ContainsFunc(r.parentRefs(), func(ref any) bool {
		fields, _ := ref.(map[string]any)
		for field, usual := range map[string]string{
			"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": r.object.GetNamespace(), "name": "",
		} {
			if textOr(fields[field], usual) != textOr(parent[field], usual) {
				return false
			}
		}
		// A gateway may answer for a listener where the route names none.
		section := textOr(fields["sectionName"], "")
		return section == "" || textOr(parent["sectionName"], section) == section
	})
}

// parentRefs are the gateways, and the like, that the spec of a route names.
func (r seenRoute) parentRefs() []any {
	refs, _, _ := unstructured.NestedSlice(r.object.Object, "spec", "parentRefs")
	return refs
}

// textOr is a text, or where there is none the usual one.
func textOr(value any, usual string) string {
	if text, is := value.(string); is {
		return text
	}
	return usual
}

func conditionOf(conditions []any, kind string) map[string]any {
	for _, c := range conditions {
		if condition, _ := c.(map[string]any); condition["type"] == kind {
			return condition
		}
	}
	return nil
}
