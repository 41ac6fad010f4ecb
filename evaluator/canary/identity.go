package canary

import (
	"fmt"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// What tells a canary's pods apart, for people, dashboards and the programs in
// them. A template that sets one of these itself keeps its own.
const identityEnv = "CANARY_ENABLED"

// identify adds the label canary: "true", the variable CANARY_ENABLED=1 in every container, and a
// hostname where there is to be one; init containers are left alone.
func identify(template, podLabels map[string]any, hostname string) error {
	if _, set := podLabels[v1alpha1.CanaryPodLabel]; !set {
		podLabels[v1alpha1.CanaryPodLabel] = "true"
	}
	spec, err := object(template, "spec")
	if err != nil {
		return err
	}
	// A pod of the host's network has the host's name.
	if hostNetwork, _ := spec["hostNetwork"].(bool); hostname != "" && spec["hostname"] == nil && !hostNetwork {
		spec["hostname"] = hostname
	}
	containers, ok := spec["containers"].([]any)
	if !ok {
		return fmt.Errorf("%w: it has no list of containers", ErrInvalid)
	}
	for i := range containers {
		container, ok := containers[i].(map[string]any)
		if !ok {
			return fmt.Errorf("%w: container %d is a %T, want an object", ErrInvalid, i, containers[i])
		}
		if err := setEnv(container); err != nil {
			return err
		}
	}
	return nil
}

func setEnv(container map[string]any) error {
	env, ok := container["env"].([]any)
	if !ok && container["env"] != nil {
		return fmt.Errorf("%w: env of container %v is a %T, want a list", ErrInvalid, container["name"], container["env"])
	}
	for _, variable := range env {
		if v, ok := variable.(map[string]any); ok && v["name"] == identityEnv {
			return nil
		}
	}
	container["env"] = append(env, map[string]any{"name": identityEnv, "value": "1"})
	return nil
}
