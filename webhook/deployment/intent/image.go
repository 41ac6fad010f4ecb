package intent

import (
	"fmt"

	"holdfast.dev/holdfast/internal/hold"
)

// WithImage is a template in which one container has another image. It fails,
// naming the containers there are, if there is none of that name; without a
// name the template must have one container only.
func WithImage(t hold.Template, container, image string) (hold.Template, error) {
	spec, _ := t["spec"].(map[string]any)
	containers, _ := spec["containers"].([]any)
	var names []string
	found := -1
	for i, c := range containers {
		object, _ := c.(map[string]any)
		name, _ := object["name"].(string)
		names = append(names, name)
		if name == container || container == "" && len(containers) == 1 {
			found = i
		}
	}
	if found < 0 {
		return nil, fmt.Errorf("no container is named %q; the template has %q", container, names)
	}
	out := deepCopy(t)
	object := out["spec"].(map[string]any)["containers"].([]any)[found].(map[string]any)
	object["image"] = image
	return out, nil
}
