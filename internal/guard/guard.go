// Package guard says which Deployments are guarded, and which keys of annotations
// are Holdfast's. It is pure.
package guard

import "holdfast.dev/holdfast/api/v1alpha1"

// Guarded says whether the updates of a Deployment are held. The label of a
// namespace is derived from its annotation; for as long as the two differ the
// namespace counts as guarded, so that a label lost for a second releases nothing.
// Where a policy guards, as the label of the namespace says, nothing else counts.
func Guarded(namespaceAnnotations, namespaceLabels, deploymentAnnotations map[string]string) bool {
	if namespaceLabels[v1alpha1.PolicyLabel] != "" {
		return true
	}
	byNamespace := IsLevel(namespaceAnnotations[v1alpha1.CanaryAnnotation]) || IsLevel(namespaceLabels[v1alpha1.CanaryLabel])
	return Chosen(deploymentAnnotations[v1alpha1.CanaryAnnotation], byNamespace)
}

// Chosen says whether those who own a Deployment have it guarded: its own annotation
// decides, and where that says nothing its namespace does.
func Chosen(annotation string, byNamespace bool) bool {
	switch annotation {
	case v1alpha1.CanaryEnabled:
		return true
	case v1alpha1.CanaryDisabled:
		return false
	}
	return byNamespace
}

// IsLevel says whether this value of a namespace's annotation or label guards it.
func IsLevel(value string) bool {
	return value == v1alpha1.CanaryEnabled || value == v1alpha1.CanaryRequired
}
