package clientstate

import "strings"

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
