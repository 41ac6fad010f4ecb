package clientstate

import (
	"strings"

	"holdfast.dev/holdfast/webhook/deployment/ownership"
)

// HelmReleaseAnnotation names the release a Deployment belongs to. Helm 3 puts it
// into every manifest it merges with the object in the cluster, and sends
// nothing if they agree.
const HelmReleaseAnnotation = "meta.helm.sh/release-name"

// MarkedRelease has a blank at its end, "" stays "".
func MarkedRelease(name string) string {
	if name == "" {
		return ""
	}
	return UnmarkedRelease(name) + " "
}

// UnmarkedRelease is what Helm wrote.
func UnmarkedRelease(name string) string { return strings.TrimSuffix(name, " ") }

// WaitsByGeneration says whether what waits for a Deployment looks at nothing in its
// status but observedGeneration. Helm 3 does. Helm 4 uses server-side apply and
// waits as kubectl does, except for releases that are Helm 3's still. (Manifests that
// Helm only rendered for others do not have the annotation.)
func WaitsByGeneration(annotations map[string]any, fields ownership.Entries) bool {
	if _, installed := annotations[HelmReleaseAnnotation]; !installed {
		return false
	}
	return !ownership.Owned(fields, ownership.Apply, "", "f:metadata", "f:annotations", "f:"+HelmReleaseAnnotation)
}
