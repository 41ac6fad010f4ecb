package compare

import (
	"fmt"
	"slices"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// controllers is what annotations of the deployment controller begin with, in one of which it
// counts revisions.
const (
	controllers = "deployment.kubernetes.io/"
	revision    = controllers + "revision"
)

// ignoredManagers write what is not compared, wherever they write it.
var ignoredManagers = []string{"kube-controller-manager", "holdfast"}

// OwnersOf reads metadata.managedFields: sets of paths by who owns them, which is manager,
// operation and subresource. Times are left out, and with them all that Holdfast and the
// controllers own.
func OwnersOf(object map[string]any) map[string]any {
	out := map[string]any{}
	entries, _ := at(object, "metadata", "managedFields").([]any)
	for _, entry := range entries {
		manager, _ := at(entry, "manager").(string)
		subresource, _ := at(entry, "subresource").(string)
		if slices.Contains(ignoredManagers, manager) || subresource == "status" {
			continue
		}
		var fields []string
		fieldPaths(&fields, "", at(entry, "fieldsV1"))
		if len(fields) == 0 {
			continue
		}
		who := strings.TrimSpace(fmt.Sprintf("%s %v %s", manager, at(entry, "operation"), subresource))
		paths := shallow(out[who])
		for _, field := range fields {
			paths[field] = "owned"
		}
		out[who] = paths
	}
	return out
}

func fieldPaths(out *[]string, path string, v any) {
	m, _ := v.(map[string]any)
	if len(m) == 0 && path != "" && !incomparable(path) {
		*out = append(*out, strings.TrimPrefix(path, "/"))
	}
	for key, value := range m {
		fieldPaths(out, path+"/"+key, value)
	}
}

// incomparable are fields whose owners say nothing.
func incomparable(path string) bool {
	switch {
	case strings.Contains(path, v1alpha1.Prefix), strings.HasSuffix(path, "/f:"+revision):
		return true // Holdfast's and the deployment controller's annotations, whoever has copied them
	case path == "/f:metadata/f:annotations/.":
		return true // that there are annotations at all comes with them
	case path == "/f:spec/f:replicas":
		// A write of the number that is there to the scale subresource leaves two entries of one
		// manager in Kubernetes 1.36; the next write of anybody, be it of the status, keeps one of
		// them.
		return true
	case path == "/f:metadata/f:annotations/f:"+lastApplied:
		// It is marked while an update is held, so that kubectl apply sends a request even where it
		// sees nothing to change: the value is put right, but kubectl has touched it.
		return true
	case path == "/f:metadata/f:annotations/f:meta.helm.sh/release-name":
		// The deployment controller copies it to ReplicaSets with the mark that Helm 3 needs during
		// a hold, and rollout undo brings it back: the value is put right, but kubectl has touched
		// it.
		return true
	}
	return false
}
