package status

import "holdfast.dev/holdfast/webhook/ownership"

// HelmAnnotation stands on all that Helm installs. (Manifests that Helm only
// rendered for others do not have it.)
const HelmAnnotation = "meta.helm.sh/release-name"

// ByGeneration says whether what waits for a Deployment looks at nothing in its
// status but observedGeneration. Helm 3 does. Helm 4 uses server-side apply and
// waits as kubectl does, except for releases that are Helm 3's still.
func ByGeneration(annotations map[string]any, fields ownership.Entries) bool {
	if _, installed := annotations[HelmAnnotation]; !installed {
		return false
	}
	return !ownership.Owned(fields, ownership.Apply, "", "f:metadata", "f:annotations", "f:"+HelmAnnotation)
}
