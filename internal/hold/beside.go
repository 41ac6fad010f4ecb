package hold

import (
	"slices"
	"strings"
)

// ChangeCause is the annotation by which people tell the revisions of a Deployment
// apart (kubectl rollout history). It is held with every template.
const ChangeCause = "kubernetes.io/change-cause"

// Beside is what is held beside a template: annotations of the Deployment that tell
// of it. The deployment controller copies them to the ReplicaSet of the template that
// runs, so they must not be there before it.
type Beside struct {
	// Keys are the annotations that are held, sorted.
	Keys []string `json:"keys"`
	// Annotations are what they would be if nothing were held; what is not there would not be.
	Annotations map[string]string `json:"annotations,omitempty"`
	// Owners are who would own them, by the fields of a template with such annotations.
	Owners []Owner `json:"owners,omitempty"`
	// LastApplied is what the manifest that was applied client-side last says of them.
	LastApplied map[string]string `json:"lastApplied,omitempty"`
}

// BesideKeys are the annotations that are held with templates where a plan names these,
// sorted. What others than the writers of manifests keep on Deployments is left out.
func BesideKeys(named []string) []string {
	keys := []string{ChangeCause}
	for _, key := range named {
		if MayBeHeld(key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// MayBeHeld says whether an annotation may be held with a template: those of Holdfast,
// of kubectl, of Helm and of the deployment controller tell of the object.
func MayBeHeld(key string) bool {
	prefix, _, _ := strings.Cut(key, "/")
	switch prefix {
	case "kubectl.kubernetes.io", "deployment.kubernetes.io", "meta.helm.sh":
		return false
	}
	return key != "" && prefix != "holdfast.dev" && !strings.HasSuffix(prefix, ".holdfast.dev")
}
