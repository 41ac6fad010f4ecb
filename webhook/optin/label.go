package optin

import (
	"fmt"
	"slices"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Label is the value that the label of a namespace must have for its
// annotation, "" for no label, and what is wrong with the annotation, if anything.
func Label(namespace, annotation string, excluded []string) (label, problem string) {
	switch {
	case annotation == "":
		return "", ""
	case slices.Contains(excluded, namespace):
		return "", fmt.Sprintf("namespace %s is never guarded; annotation %s does nothing here", namespace, v1alpha1.CanaryAnnotation)
	case annotation == v1alpha1.CanaryEnabled || annotation == v1alpha1.CanaryRequired:
		return annotation, ""
	}
	return "", fmt.Sprintf("annotation %s is %q; it must be %q or %q", v1alpha1.CanaryAnnotation, annotation, v1alpha1.CanaryEnabled, v1alpha1.CanaryRequired)
}
