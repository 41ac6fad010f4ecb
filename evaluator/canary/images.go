package canary

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
)

// WithImages is a copy of a pod template with other images in some of its
// containers, init containers among them. It fails, wrapping ErrInvalid, where
// the template has no container of a name.
func WithImages(template hold.Template, images []v1alpha1.ContainerImage) (hold.Template, error) {
	out := runtime.DeepCopyJSON(template)
	spec, err := object(out, "spec")
	if err != nil {
		return nil, err
	}
	byName := map[string]map[string]any{}
	var names []string
	for _, list := range []string{"containers", "initContainers"} {
		containers, _ := spec[list].([]any)
		for _, c := range containers {
			container, _ := c.(map[string]any)
			if name, ok := container["name"].(string); ok {
				byName[name] = container
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	for _, image := range images {
		container, found := byName[image.Name]
		if !found {
			return nil, fmt.Errorf("%w: it has no container %q; it has %s", ErrInvalid, image.Name, strings.Join(names, ", "))
		}
		container["image"] = image.Image
	}
	return out, nil
}
